import { assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

Deno.test("docs/simulation.md shows what the example of the race prints", async () => {
  const { stdout, success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "examples/bank_simulation.ts"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  const printed = decoder.decode(stdout).trim();
  assertEquals(success, true, decoder.decode(stderr));
  const page = Deno.readTextFileSync(new URL("docs/simulation.md", root));
  const command = "`deno run -A examples/bank_simulation.ts`";
  const shown = page.slice(page.indexOf(command)).split("```")[1]!.trim();
  assertEquals(shown, printed, "copy what the example prints into docs/simulation.md");
});
