import { assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;

Deno.test("examples/shared_counter.ts shares a counter between two clients of its gateway", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "examples/shared_counter.ts", "--demo"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, text + new TextDecoder().decode(stderr));
  assertEquals(
    text.trimEnd(),
    "ben sees 0\nann adds: 1\nben sees 1\nann adds 100: badInput, outcome none",
  );
});
