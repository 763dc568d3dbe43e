import { assert, assertEquals } from "@std/assert";

const example = new URL("../../examples/tls_counter.ts", import.meta.url).href;

/** What is said, except of the load of the machine. */
const said = (stderr: string) =>
  stderr.split("\n").filter((line) => !/slow handler|stood still/.test(line)).join("\n");

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
  name: "Ctrl+C, which reaches the demo and its nodes, ends all of them in order",
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
    for await (const chunk of demo.stdout.pipeThrough(new TextDecoderStream())) {
      output += chunk;
      if (interrupted || !output.includes("demo | the cluster runs")) continue;
      interrupted = true;
      const nodes = [1, 2, 3, 4, 5].map((n) => childOf(demo.pid, `--node-id=node-${n}`));
      for (const pid of [...nodes, demo.pid]) Deno.kill(pid, "SIGINT");
    }
    assertEquals((await demo.status).code, 0, output + await errors);
    assertEquals(said(await errors), "");
    assert(output.includes("demo | all 5 nodes read 50"), output);
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
      [["--journal=counters.db"], "--journal counters.db: a store is sqlite:DIR"],
    ] as const
  ) {
    const { code, stderr } = await run([...args]);
    assertEquals(code, 2);
    assert(stderr.includes(text), stderr);
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
