import { assert, assertEquals } from "@std/assert";

const example = new URL("../../examples/tls_counter.ts", import.meta.url).href;

async function run(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", example, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

Deno.test("five processes over mutual TLS count to 50, and all read it", async () => {
  const before = [...Deno.readDirSync(tempFolder())].filter(isDemoFolder).length;
  const { code, stdout, stderr } = await run([]);
  assertEquals(code, 0, stdout + stderr);
  for (let n = 1; n <= 5; n++) {
    const lines = stdout.split("\n").filter((line) => line.startsWith(`node-${n} | `));
    assert(lines.includes(`node-${n} | RESULT=50`), stdout);
    assert(lines.includes(`node-${n} | UP with 5 members, mutual TLS`), stdout);
  }
  assertEquals(stderr, "");
  const after = [...Deno.readDirSync(tempFolder())].filter(isDemoFolder).length;
  assert(after <= before, "the demo left its certificates behind");
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
});

function tempFolder(): string {
  return Deno.env.get("TMPDIR") ?? "/tmp";
}

function isDemoFolder(entry: Deno.DirEntry): boolean {
  return entry.name.startsWith("casty-demo-");
}
