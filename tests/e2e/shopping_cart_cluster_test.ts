import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;

Deno.test("two of five nodes are killed one after the other, and every confirmed item is in its cart", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "examples/shopping_cart_cluster.ts", "--kill", "1,3"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, text + new TextDecoder().decode(stderr));
  assert(text.includes("node-1 was killed") && text.includes("node-3 was killed"), text);
  const confirmed = Number(/(\d+) items were confirmed/.exec(text)?.[1]);
  assert(confirmed > 500, text);
  assert(text.includes("\n0 confirmed items are missing"), text);
});
