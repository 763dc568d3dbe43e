/**
 * Hosts on one switch, as Linux network namespaces, with faults. Needs root, `ip`, `tc` and `nft`.
 *
 * @module
 */

/** A fault of the packets that one host sends. Delay in milliseconds, loss in per cent. */
export interface Weather {
  readonly delay?: number;
  readonly loss?: number;
}

/** See the module's text. Hosts are numbered from 1. */
export class Namespaces implements AsyncDisposable {
  /** Those that exist, for a run that is interrupted. */
  static readonly #open = new Set<Namespaces>();
  /** The run was interrupted. */
  static #isEnding = false;
  /** Settles when it was created. */
  #built: Promise<void> = Promise.resolve();
  readonly count: number;
  readonly #prefix: string;

  private constructor(count: number, prefix: string) {
    this.count = count;
    this.#prefix = prefix;
    Namespaces.#open.add(this);
  }

  /** Ends all processes in all namespaces of this process, and removes these. */
  static async endAll(): Promise<void> {
    // What is in the middle of a scenario begins the next one.
    Namespaces.#isEnding = true;
    for (const lab of Namespaces.#open) {
      await lab.#built.catch(() => {});
      await lab.#endProcesses();
      await lab[Symbol.asyncDispose]();
    }
  }

  /** The missing requirement of this machine; `undefined` if all are met. */
  static async missing(): Promise<string | undefined> {
    if (Deno.build.os !== "linux") return "it needs Linux";
    if (Deno.uid() !== 0) return "it needs root";
    const probe = `casty-probe-${Deno.pid}`;
    try {
      await run("tc", ["-V"]);
      await run("nft", ["-v"]);
      await run("ip", ["netns", "add", probe]);
      await run("ip", ["netns", "del", probe]);
      return undefined;
    } catch (error) {
      return `network namespaces cannot be made: ${error instanceof Error ? error.message : error}`;
    }
  }

  /** Creates the switch and the hosts. Does not resolve once `endAll` was called. */
  static async create(count: number): Promise<Namespaces> {
    if (Namespaces.#isEnding) await new Promise(() => {});
    const lab = new Namespaces(count, `casty${Deno.pid}`);
    try {
      await (lab.#built = lab.#build());
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** IP address of a host. */
  address(host: number): string {
    return `10.88.0.${host}`;
  }

  /** The command line that runs `args` on a host. */
  command(host: number, args: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.#name(host), ...args];
  }

  /** Drops all packets from `from` to `to`. */
  async cut(from: number, to: number): Promise<void> {
    // Dropped at the receiver, so that the sender gets no error.
    const source = this.address(from);
    await this.#nft(to, ["add", "rule", "ip", "casty", "in", "ip", "saddr", source, "drop"]);
  }

  /** Drops all packets between two groups. */
  async partition(a: readonly number[], b: readonly number[]): Promise<void> {
    await Promise.all(a.flatMap((x) => b.flatMap((y) => [this.cut(x, y), this.cut(y, x)])));
  }

  /** A firewall between two groups: TCP is answered with RST, in both directions. */
  async reject(a: readonly number[], b: readonly number[]): Promise<void> {
    const refuse = async (from: number, to: number) => {
      const source = this.address(from);
      const rule = ["meta", "l4proto", "tcp", "reject", "with", "tcp", "reset"];
      await this.#nft(to, ["add", "rule", "ip", "casty", "in", "ip", "saddr", source, ...rule]);
    };
    await Promise.all(a.flatMap((x) => b.flatMap((y) => [refuse(x, y), refuse(y, x)])));
  }

  /** Takes the link of a host down. */
  async unplug(host: number): Promise<void> {
    await run("ip", ["-n", this.#name(0), "link", "set", `p${host}`, "down"]);
  }

  /**
   * Delays and drops packets that the host sends. Returns a note if the kernel has no netem: it can
   * drop packets then, but not delay them.
   */
  async weather(host: number, { delay = 0, loss = 0 }: Weather): Promise<string | undefined> {
    try {
      await this.#tc(host, [
        ...["qdisc", "replace", "dev", "eth0", "root", "netem"],
        ...["delay", `${delay}ms`, "loss", `${loss}%`, "limit", "10000"],
      ]);
      return undefined;
    } catch (error) {
      if (!String(error).includes("qdisc kind is unknown")) throw error;
    }
    const dice = ["numgen", "random", "mod", "100", "<", String(loss), "drop"];
    await this.#nft(host, ["add", "rule", "ip", "casty", "in", ...dice]);
    return delay > 0 ? "no netem in this kernel: loss without delay" : undefined;
  }

  /** Ends all faults. */
  async heal(): Promise<void> {
    for (let host = 1; host <= this.count; host++) {
      await run("ip", ["-n", this.#name(0), "link", "set", `p${host}`, "up"]);
      await this.#nft(host, ["flush", "chain", "ip", "casty", "in"]);
      await this.#tc(host, ["qdisc", "del", "dev", "eth0", "root"]).catch(() => {});
    }
  }

  /** Removes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    Namespaces.#open.delete(this);
    for (let host = 0; host <= this.count; host++) {
      await run("ip", ["netns", "del", this.#name(host)]).catch(() => {});
    }
  }

  async #endProcesses(): Promise<void> {
    for (let host = 1; host <= this.count; host++) {
      const listed = await run("ip", ["netns", "pids", this.#name(host)]).catch(() => "");
      for (const pid of listed.split("\n").filter((line) => line !== "")) {
        try {
          Deno.kill(Number(pid), "SIGKILL");
        } catch {
          // It has ended already.
        }
      }
    }
  }

  async #build(): Promise<void> {
    // The switch is number 0.
    const hub = this.#name(0);
    await run("ip", ["netns", "add", hub]);
    await run("ip", ["-n", hub, "link", "add", "br0", "type", "bridge"]);
    await run("ip", ["-n", hub, "link", "set", "br0", "up"]);
    for (let host = 1; host <= this.count; host++) {
      const name = this.#name(host);
      const port = `p${host}`;
      await run("ip", ["netns", "add", name]);
      await run("ip", [
        ...["-n", name, "link", "add", "eth0", "type", "veth"],
        ...["peer", "name", port, "netns", hub],
      ]);
      await run("ip", ["-n", hub, "link", "set", port, "master", "br0", "up"]);
      await run("ip", ["-n", name, "addr", "add", `${this.address(host)}/24`, "dev", "eth0"]);
      await run("ip", ["-n", name, "link", "set", "eth0", "up"]);
      await run("ip", ["-n", name, "link", "set", "lo", "up"]);
      await this.#nft(host, ["add", "table", "ip", "casty"]);
      const chain = "{ type filter hook input priority 0; }";
      await this.#nft(host, ["add", "chain", "ip", "casty", "in", chain]);
    }
  }

  async #tc(host: number, args: readonly string[]): Promise<void> {
    await run("ip", ["netns", "exec", this.#name(host), "tc", ...args]);
  }

  async #nft(host: number, args: readonly string[]): Promise<void> {
    await run("ip", ["netns", "exec", this.#name(host), "nft", ...args]);
  }

  #name(host: number): string {
    return `${this.#prefix}-${host}`;
  }
}

/** Resolves with what the command prints. */
async function run(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
}
