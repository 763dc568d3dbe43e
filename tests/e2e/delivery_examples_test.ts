import { assert, assertEquals } from "@std/assert";

async function run(example: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `examples/${example}.ts`],
    cwd: new URL("../../", import.meta.url).pathname,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, text + new TextDecoder().decode(stderr));
  return text;
}

Deno.test("workers of three nodes do all jobs of a client, although one node leaves", async () => {
  const text = await run("work_pulling");
  assert(text.includes("all 60 jobs are done"), text);
  assert(!text.includes("has done 0 jobs"), text);
});

Deno.test("two nodes and a client keep one limit together", async () => {
  const text = await run("rate_limit");
  assert(/30 mails in [2-9]\.\d s/.test(text), text);
  assert(text.includes("another one is refused: rateLimited"), text);
});
