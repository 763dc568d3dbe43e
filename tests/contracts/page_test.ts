import { assert, assertEquals } from "@std/assert";
import { rules } from "../../lib/contracts/rules.ts";
import { systemIo } from "../../lib/cli/system_io.ts";
import { runCli } from "../../lib/cli/cli.ts";

const page = await Deno.readTextFile(new URL("../../docs/contracts.md", import.meta.url));
const checkout = new URL("../../", import.meta.url).pathname;

/** A command of the page. */
interface PageCommand {
  readonly args: readonly string[];
  readonly exitCode: number;
  /** A change of `accounts.ts` before it. */
  readonly change: string | undefined;
  readonly output: string | undefined;
}

const commands = [...page.matchAll(/^```sh\n(.*)\n```\n(?:\n```text\n([^]*?)^```)?/gm)].map(
  ([, line = "", output]): PageCommand => {
    const [, args = "", code = "0"] =
      /^deno run -A cli\.ts (.*?)(?: # (?:ends with (\d+))?.*)?$/.exec(line) ?? [];
    const [, change] = /after (.*)$/.exec(line) ?? [];
    return { args: args.split(" "), exitCode: Number(code), change, output };
  },
);

const blocks = [...page.matchAll(/^```ts[^\n]*\n([^]*?)^```/gm)].map(([, text]) => text!);

/** The changes that the page tells of. */
const changes: Readonly<Record<string, (text: string) => string>> = {
  "amount -> cents": (text) =>
    text.replace(`"deposited"; amount:`, `"deposited"; cents:`)
      .replace(`"deposited", amount:`, `"deposited", cents:`)
      .replace("event.amount", "event.cents"),
  "the upcaster": (text) =>
    text.replace(
      "    snapshots:",
      `${blocks[1]!.replace("({ type, amount })", "(event: never)")}
    snapshots:`,
    ),
};

Deno.test("the commands of docs/contracts.md do what the page says", async () => {
  const folder = await Deno.makeTempDir({ prefix: "casty-contracts-page-" });
  try {
    const config = { links: [checkout], imports: { "@casty/casty": "jsr:@casty/casty@^0.1.0" } };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    let text = blocks[0]!;
    for (const { args, exitCode, change, output } of commands) {
      if (change !== undefined) text = changes[change]!(text);
      await Deno.writeTextFile(`${folder}/accounts.ts`, text);
      const result = await runCli(args, { ...systemIo, folder: () => folder });
      assertEquals([result.exitCode, result.stderr], [exitCode, ""], result.stdout);
      if (output !== undefined) assertEquals(result.stdout, output);
    }
    assert(commands.length >= 5, `only ${commands.length} commands were found`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the page has each rule, and whom it breaks", () => {
  const rows = [
    ...page.matchAll(/^\| `(\w+)` +\| (both|the new one|the old one|none) +\| (.*?) +\|$/gm),
  ]
    .map(([, name, broken, text]) => [name, broken, text]);
  const expected = Object.entries(rules).map(([name, { newReader, oldReader, text }]) => [
    name,
    newReader ? oldReader ? "both" : "the new one" : oldReader ? "the old one" : "none",
    text,
  ]);
  assertEquals(rows, expected);
});
