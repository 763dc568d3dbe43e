/** Processes of examples whose node an admin orders to leave. */
import { assert, assertEquals } from "@std/assert";
import { testCa } from "@casty/casty/cert";
import { runCli } from "@casty/casty/cli";

const example = new URL("../../examples/tls_counter.ts", import.meta.url).href;

Deno.test("a process of tls_counter --stay ends when an admin orders its node to leave", async () => {
  const ca = await testCa();
  await using certificate = await (await ca.issueNode()).files();
  await using admin = await (await ca.issueAdmin("alice")).files();
  const { certFile, keyFile, caFile } = certificate;
  const node = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", example, "--port=0", "--nodes=1", "--stay"],
      ...[`--certfile=${certFile}`, `--keyfile=${keyFile}`, `--cafile=${caFile}`],
    ],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(node.stderr).text();
  let output = "";
  let ordered = false;
  for await (const chunk of node.stdout.pipeThrough(new TextDecoderStream())) {
    output += chunk;
    if (ordered || !output.includes("RESULT=50")) continue;
    ordered = true;
    const address = /LISTENING (\S+)\n/.exec(output)![1]!;
    const options = ["--contact", address, "--system", "counter-cluster"];
    await runCli(["leave", "node-1", "--yes", ...options, "--tls", admin.directory]);
    // It ends by itself; a process that does not is found out here instead of running on.
    const ended = await Promise.race([
      node.status.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 60_000)),
    ]);
    if (!ended) node.kill("SIGKILL");
  }
  const { code, signal } = await node.status;
  const all = output + await errors;
  assertEquals({ code, signal }, { code: 0, signal: null }, all);
  assert(output.endsWith("LEAVING\n"), all);
});

Deno.test("the other nodes of the demo go on without the one that leaves, and each line of the log names its node", async () => {
  const demo = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", example, "--stay"],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(demo.stderr).text();
  let output = "";
  let ordered = false;
  for await (const chunk of demo.stdout.pipeThrough(new TextDecoderStream())) {
    output += chunk;
    const command = /^deno run -A cli\.ts status (.+ --tls \S+)$/m.exec(output)?.[1];
    if (ordered || command === undefined) continue;
    ordered = true;
    const options = command.split(" ");
    const left = await runCli(["leave", "node-3", "--yes", ...options]);
    assertEquals(left.exitCode, 0, left.stderr);
    const members = await runCli(["members", "--json", ...options]);
    assertEquals(members.exitCode, 0, members.stderr);
    assert(!members.stdout.includes("node-3"), members.stdout);
    demo.kill("SIGINT");
  }
  const { code } = await demo.status;
  const log = await errors;
  assertEquals(code, 0, output + log);
  assert(/^node-\d \| WARN +admin: /m.test(log), log);
  assertEquals(log.split("\n").filter((line) => !/^(node-\d|demo) \| |^$/.test(line)), [], log);
});
