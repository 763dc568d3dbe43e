import { assert, assertEquals } from "@std/assert";
import { runCli } from "@casty/casty/cli";
import type { CliResult } from "../../lib/cli/cli_io.ts";

const example = new URL("../../examples/tls_counter.ts", import.meta.url).href;

/** What a node says of others, and others of it, when its event loop has stood still. */
const afterStall = new RegExp([
  "handshake",
  "still waiting to join",
  "suppressed repetitions: connection rejected",
  "holds no lease",
  "unreachable",
  "stall detection is unavailable",
  "left in time",
  "leave timed out",
].join("|"));

/** What is said, except of the load of the machine. */
function said(stderr: string): string {
  const lines = stderr.split("\n");
  const isSlow = lines.some((line) => line.includes("stood still"));
  return lines.filter((line) => {
    if (/slow handler|stood still/.test(line)) return false;
    return !(isSlow && /^(\S+ \| )?WARN /.test(line) && afterStall.test(line));
  }).join("\n");
}

async function run(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", example, ...args],
    env: { NO_COLOR: "1", ...env },
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

Deno.test("five processes over mutual TLS count to 50, and all read it", async () => {
  const folder = await Deno.makeTempDir();
  const { code, stdout, stderr } = await run([], { TMPDIR: folder });
  assertEquals(code, 0, stdout + stderr);
  for (let n = 1; n <= 5; n++) {
    const lines = stdout.split("\n").filter((line) => line.startsWith(`node-${n} | `));
    assert(lines.includes(`node-${n} | RESULT=50`), stdout);
    assert(lines.includes(`node-${n} | UP with 5 members, mutual TLS`), stdout);
  }
  assertEquals(said(stderr), "");
  // It removes what it made; this fails on a folder that is not empty.
  await Deno.remove(folder);
});

Deno.test("with a store the counter goes on where the last run has ended", async () => {
  const folder = await Deno.makeTempDir();
  for (const expected of [50, 100]) {
    const { code, stdout, stderr } = await run([`--journal=sqlite:${folder}`]);
    assertEquals(code, 0, stdout + stderr);
    assert(stdout.includes(`demo | all 5 nodes read ${expected}`), stdout);
    assertEquals(said(stderr), "");
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "when one process is killed, the demo says which, ends the others and exits with 1",
  // Finds the process through /proc.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const demo = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", example, "--stay"],
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const errors = new Response(demo.stderr).text();
    let output = "";
    let killed = false;
    for await (const chunk of demo.stdout.pipeThrough(new TextDecoderStream())) {
      output += chunk;
      if (killed || !output.includes("node-3 | RESULT=50")) continue;
      killed = true;
      Deno.kill(childOf(demo.pid, "--node-id=node-3"), "SIGKILL");
    }
    assertEquals((await demo.status).code, 1);
    const text = await errors;
    assert(text.includes("demo | node-3 failed: exit code"), text);
    assert(!/demo \| node-[1245] failed/.test(text), text);
    assert(!output.includes("all 5 nodes"), output);
  },
});

Deno.test({
  name:
    "the example leaves an admin's certificate; Ctrl+C, which reaches the demo and its nodes, ends all of them in order",
  // Finds the processes through /proc.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const demo = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", example, "--stay"],
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const errors = new Response(demo.stderr).text();
    let output = "";
    let interrupted = false;
    let status: CliResult | undefined;
    for await (const chunk of demo.stdout.pipeThrough(new TextDecoderStream())) {
      output += chunk;
      const command = /^deno run -A cli\.ts (.+ --tls \S+)$/m.exec(output)?.[1];
      if (interrupted || command === undefined) continue;
      interrupted = true;
      // As a reader of the example would: by the certificate that it has left.
      status = await runCli(command.split(" "));
      const nodes = [1, 2, 3, 4, 5].map((n) => childOf(demo.pid, `--node-id=node-${n}`));
      for (const pid of [...nodes, demo.pid]) Deno.kill(pid, "SIGINT");
    }
    const { code, signal } = await demo.status;
    const all =
      `exit code ${code}, signal ${signal}, interrupted: ${interrupted}\n${output}${await errors}`;
    assertEquals(code, 0, all);
    assertEquals(said(await errors), "", all);
    assert(output.includes("demo | all 5 nodes read 50"), all);
    assertEquals(status?.exitCode, 0, `${status?.stderr}${status?.stdout}`);
    assert(/members: 5 up;[^]*\nall is well\n/.test(status!.stdout), status!.stdout);
  },
});

Deno.test({
  name: "nodes that are interrupted when they have printed their results leave in order",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const seed = Promise.withResolvers<string>();
    seed.promise.catch(() => {});
    const ended = [1, 2, 3].map(async (n) => {
      const seeds = n === 1 ? [] : [`--seed=${await seed.promise}`];
      const node = new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", example, "--port=0", "--host=127.0.0.1", "--nodes=3", "--stay"],
          ...[`--node-id=node-${n}`, ...seeds],
        ],
        env: { NO_COLOR: "1" },
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const errors = new Response(node.stderr).text();
      let output = "";
      let interrupted = false;
      for await (const chunk of node.stdout.pipeThrough(new TextDecoderStream())) {
        output += chunk;
        const address = /LISTENING (\S+)\n/.exec(output)?.[1];
        if (address !== undefined) seed.resolve(address);
        if (interrupted || !output.includes("RESULT=50")) continue;
        interrupted = true;
        // It waits for the others to have read as well.
        node.kill("SIGINT");
      }
      seed.reject(new Error("node-1 has ended"));
      const { code, signal } = await node.status;
      return { code, signal, output, errors: await errors };
    });
    for (const { code, signal, output, errors } of await Promise.all(ended)) {
      const all = output + errors;
      assertEquals({ code, signal }, { code: 0, signal: null }, all);
      assert(output.endsWith("LEAVING\n"), all);
    }
  },
});

Deno.test("a node that cannot start says why and exits with 1", async () => {
  const { code, stderr } = await run([
    "--port=0",
    "--node-id=node-3",
    "--certfile=/nowhere/node.crt",
    "--cafile=/nowhere/ca.crt",
  ]);
  assertEquals(code, 1);
  assert(/^node-3 \| FAILED: .*\/nowhere\/.*crt/.test(stderr), stderr);
  assert(!stderr.includes("    at "), `a stack trace: ${stderr}`);
});

Deno.test("wrong arguments print the usage and exit with 2", async () => {
  const { code, stderr } = await run(["--prot=1"]);
  assertEquals(code, 2);
  assert(stderr.includes("unknown argument: --prot"), stderr);
  for (
    const [args, text] of [
      [["--seed=a:1"], "--seed needs --port"],
      // Without TLS, though a certificate was given, anybody could join.
      [["--port=0", "--certfile=a.crt", "--keyfile=a.key"], "--certfile needs --cafile"],
      [["--port=0", "--nodes=1", "--cafile=ca.crt"], "--cafile needs --certfile"],
      [["--port=0", "--nodes=five"], "--nodes five is no number"],
      [["--port=http"], "--port http is no number"],
      [["--journal=counters.db"], "--journal counters.db: a store is sqlite:DIR"],
    ] as const
  ) {
    const { code, stderr } = await run([...args]);
    assertEquals(code, 2);
    assert(stderr.includes(text), stderr);
  }
});

Deno.test("the client of the example refuses half a certificate, and options that it does not have", async () => {
  const client = new URL("../../examples/client.ts", import.meta.url).pathname;
  const contact = "--contact=127.0.0.1:1";
  for (
    const [args, text] of [
      [[contact, "--certfile=a.crt", "--keyfile=a.key"], "--certfile needs --cafile"],
      [[contact, "--cafile=ca.crt"], "--cafile needs --certfile"],
      [[contact, "--certfil=a.crt"], "unknown argument: --certfil"],
    ] as const
  ) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", client, ...args],
    }).output();
    const errors = new TextDecoder().decode(stderr);
    assertEquals(code, 2, errors);
    assert(errors.includes(text), errors);
  }
});

/** The child process with such an argument. */
function childOf(parent: number, argument: string): number {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = Deno.readTextFileSync(`/proc/${name}/status`);
      const args = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0");
      if (status.includes(`PPid:\t${parent}\n`) && args.includes(argument)) return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`no child with ${argument}`);
}

Deno.test("a node of the example serves metrics where it is asked to", async () => {
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = free.addr.port;
  free.close();
  const node = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", example, "--port=0", "--nodes=1", "--stay", `--metrics-port=${port}`],
    env: { NO_COLOR: "1" },
    stdout: "piped",
  }).spawn();
  try {
    for await (const text of node.stdout.pipeThrough(new TextDecoderStream())) {
      if (text.includes("RESULT=50")) break;
    }
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    assert((await response.text()).includes('casty_membership_members{status="up"} 1'));
  } finally {
    node.kill("SIGKILL");
    await node.status;
  }
});
