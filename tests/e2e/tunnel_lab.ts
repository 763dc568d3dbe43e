/**
 * Two network namespaces for tests of tunnels: `inside`, where nodes live on a private network
 * beside an SSH server, and `outside`, which can reach that server and nothing else. Needs root,
 * OpenSSH and iproute2.
 */
const sshPort = 2_222;
const gate = "192.0.2.1";
const guest = "192.0.2.2";

/** Whether tunnels can be tested here; if not, why. */
export const tunnelObstacle: string | undefined = (() => {
  if (Deno.build.os !== "linux") return "not on Linux";
  if (Deno.uid() !== 0) return "not root";
  for (const [program, flag] of [["ip", "-V"], ["ssh", "-V"], ["/usr/sbin/sshd", "-V"]] as const) {
    if (!exists(program, flag)) return `${program} is missing`;
  }
  const probe = `casty-probe-${Deno.pid}`;
  if (!ipSync("netns", "add", probe)) return "no network namespaces here";
  ipSync("netns", "del", probe);
  return undefined;
})();

/** See the module's text. */
export class TunnelLab implements AsyncDisposable {
  readonly inside: string;
  readonly outside: string;
  readonly #folder: string;
  readonly #sshd: Deno.ChildProcess;
  #tunnel: Deno.ChildProcess | undefined;

  private constructor(name: string, folder: string, sshd: Deno.ChildProcess) {
    this.inside = `${name}-in`;
    this.outside = `${name}-out`;
    this.#folder = folder;
    this.#sshd = sshd;
  }

  /** Makes the namespaces, with these addresses on the private network, and starts the server. */
  static async create(privateAddresses: readonly string[]): Promise<TunnelLab> {
    const name = `casty-${Deno.pid}`;
    const [inside, outside] = [`${name}-in`, `${name}-out`];
    const folder = await Deno.makeTempDir({ prefix: "casty-tunnel-" });
    try {
      await ip("netns", "add", inside);
      await ip("netns", "add", outside);
      await ip(
        "link",
        "add",
        `vi${Deno.pid}`,
        "netns",
        inside,
        "type",
        "veth",
        "peer",
        "name",
        `vo${Deno.pid}`,
        "netns",
        outside,
      );
      await ip("-n", inside, "addr", "add", `${gate}/30`, "dev", `vi${Deno.pid}`);
      await ip("-n", outside, "addr", "add", `${guest}/30`, "dev", `vo${Deno.pid}`);
      for (const address of privateAddresses) {
        await ip("-n", inside, "addr", "add", `${address}/32`, "dev", "lo");
      }
      for (
        const [space, device] of [
          [inside, "lo"],
          [outside, "lo"],
          [inside, `vi${Deno.pid}`],
          [outside, `vo${Deno.pid}`],
        ] as const
      ) await ip("-n", space, "link", "set", device, "up");
      return new TunnelLab(name, folder, await startServer(inside, folder));
    } catch (error) {
      await removeSpaces(name, folder);
      throw error;
    }
  }

  /** What stands before a command so that it runs on the private network. */
  get insidePrefix(): readonly string[] {
    return ["ip", "netns", "exec", this.inside];
  }

  /** What stands before a command so that it runs where only the SSH server can be reached. */
  get outsidePrefix(): readonly string[] {
    return ["ip", "netns", "exec", this.outside];
  }

  /** Opens `ssh -N -L ...`: each local port leads to an address of the private network. */
  async openTunnel(forwards: Readonly<Record<number, string>>): Promise<void> {
    const options = [
      "BatchMode=yes",
      "ExitOnForwardFailure=yes",
      "StrictHostKeyChecking=no",
      `UserKnownHostsFile=${this.#folder}/known`,
      "LogLevel=ERROR",
    ].flatMap((option) => ["-o", option]);
    const ports = Object.entries(forwards)
      .flatMap(([port, address]) => ["-L", `127.0.0.1:${port}:${address}`]);
    const args = ["-N", "-F", "none", "-i", `${this.#folder}/user`, "-p", String(sshPort)];
    this.#tunnel = spawn([
      ...this.outsidePrefix,
      "ssh",
      ...args,
      ...options,
      ...ports,
      `root@${gate}`,
    ]);
    await listening(this.outside, Number(Object.keys(forwards)[0]));
  }

  /** Breaks the tunnel: all connections in it end. */
  async breakTunnel(): Promise<void> {
    const tunnel = this.#tunnel;
    this.#tunnel = undefined;
    if (tunnel !== undefined) await end(tunnel);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.breakTunnel();
    await end(this.#sshd);
    await removeSpaces(this.inside.slice(0, -"-in".length), this.#folder);
  }
}

async function startServer(inside: string, folder: string): Promise<Deno.ChildProcess> {
  for (const key of ["host", "user"]) {
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${key}`);
  }
  await Deno.copyFile(`${folder}/user.pub`, `${folder}/authorized`);
  await Deno.mkdir("/run/sshd", { recursive: true });
  const lines = [
    `ListenAddress ${gate}`,
    `Port ${sshPort}`,
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${folder}/authorized`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "PermitRootLogin prohibit-password",
    "AllowTcpForwarding yes",
  ];
  await Deno.writeTextFile(`${folder}/sshd.conf`, lines.join("\n") + "\n");
  const sshd = spawn([
    ...["ip", "netns", "exec", inside],
    ...["/usr/sbin/sshd", "-D", "-e", "-f", `${folder}/sshd.conf`],
  ]);
  try {
    await listening(inside, sshPort);
    return sshd;
  } catch (error) {
    await end(sshd);
    throw error;
  }
}

/** Resolves when something listens on a port of a namespace. */
async function listening(space: string, port: number): Promise<void> {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (let tries = 0; tries < 200; tries++) {
    const { stdout } = await new Deno.Command("ip", {
      args: ["netns", "exec", space, "cat", "/proc/net/tcp"],
    }).output();
    const lines = new TextDecoder().decode(stdout).split("\n").map((line) =>
      line.trim().split(/\s+/)
    );
    if (lines.some((fields) => fields[1]?.endsWith(hex) && fields[3] === "0A")) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`nothing listens on port ${port} of ${space}`);
}

async function removeSpaces(name: string, folder: string): Promise<void> {
  ipSync("netns", "del", `${name}-in`);
  ipSync("netns", "del", `${name}-out`);
  await Deno.remove(folder, { recursive: true });
}

function spawn(command: readonly string[]): Deno.ChildProcess {
  const [program, ...args] = command;
  return new Deno.Command(program!, { args, stdout: "null", stderr: "null" }).spawn();
}

async function end(process: Deno.ChildProcess): Promise<void> {
  try {
    process.kill("SIGTERM");
  } catch {
    // It has ended by itself.
  }
  await process.status;
}

function exists(program: string, flag: string): boolean {
  try {
    new Deno.Command(program, { args: [flag], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    return false;
  }
}

function ipSync(...args: string[]): boolean {
  return new Deno.Command("ip", { args, stdout: "null", stderr: "null" }).outputSync().success;
}

function ip(...args: string[]): Promise<void> {
  return run("ip", ...args);
}

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  if (success) return;
  throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
