import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;

Deno.test("three nodes are restarted in turn while counters are asked: none fails, none is forgotten", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "examples/sharded_counters.ts"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, text + new TextDecoder().decode(stderr));
  assert(text.includes("24 counters run on 3 nodes"), text);
  for (const node of [1, 2, 3]) {
    assert(text.includes(`node ${node} has left; all 24 counters run on the others`), text);
  }
  const totals = /(\d+) asks were answered, none failed; the counters total (\d+)/.exec(text);
  assert(totals !== null && totals[1] === totals[2] && Number(totals[1]) > 100, text);
});
