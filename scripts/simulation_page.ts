/**
 * Writes what the example of a race prints into docs/simulation.md: deno task docs:simulation
 *
 * @module
 */
const root = new URL("../", import.meta.url);
const page = new URL("docs/simulation.md", root);
const command = "`deno run -A examples/bank_simulation.ts`";

/** What the example prints. */
export async function printed(): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "examples/bank_simulation.ts"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return decoder.decode(stdout).trim();
}

/** What the page shows: the first block after the command. */
export function shownIn(text: string): string {
  const start = text.indexOf("```\n", text.indexOf(command)) + 4;
  return text.slice(start, text.indexOf("\n```", start));
}

if (import.meta.main) {
  const text = Deno.readTextFileSync(page);
  Deno.writeTextFileSync(page, text.replace(shownIn(text), await printed()));
}
