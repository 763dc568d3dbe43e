/**
 * Bad peers send messages of all kinds, and are gone. Then the others agree, answer, let nodes join and
 * leave as if the bad ones had never been; and no message has cost too much.
 */
import { assert, assertEquals } from "@std/assert";
import { frames } from "./frames.ts";
import { generators } from "./generators.ts";
import { fuzzRound } from "./rounds.ts";

const read = (path: string) => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));

/** Sections of tables that hold no messages. */
const otherTables = new Set(["Paths"]);
/** Frames have a table of their own. */
const frameSection = "Frames";

/** The rows of `docs/protocol.md`: `"section/type"`. */
function documented(): string[] {
  const found: string[] = [];
  let section = "";
  for (const line of read("docs/protocol.md").split("\n")) {
    const heading = /^#+ (.*)$/.exec(line);
    if (heading) section = heading[1]!;
    const row = /^\| `(\w+)`/.exec(line);
    if (row && !otherTables.has(section)) found.push(`${section}/${row[1]}`);
  }
  return found;
}

Deno.test("every message of docs/protocol.md has a generator", () => {
  const rows = documented();
  assert(rows.length > 80, `only ${rows.length} messages were found`);
  const missing = rows.filter((row) => {
    const [section, type] = row.split("/");
    return section === frameSection ? !(type! in frames) : !(row in generators);
  });
  assertEquals(missing, []);
});

Deno.test("every path of docs/protocol.md has a generator", () => {
  const page = read("docs/protocol.md");
  const paths = [...page.matchAll(/^\| (`\/_[^|]*)\|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\/_[\w/]+)/g)].map(([, path]) => path!)
  );
  assert(paths.length > 15, `only ${paths}`);
  const known = Object.values(generators).map(({ path }) =>
    typeof path === "string" ? path : String(path)
  );
  assertEquals(paths.filter((path) => !known.some((one) => one.includes(path))), []);
});

const messages = Number(Deno.env.get("CASTY_FUZZ_MESSAGES") ?? 100_000);
const perRound = 10_000;
const firstSeed = Number(Deno.env.get("CASTY_FUZZ_SEED") ?? 1);

for (let round = 0; round < Math.ceil(messages / perRound); round++) {
  const seed = firstSeed + round;
  Deno.test(`bad peers leave nothing behind (seed ${seed})`, async () => {
    console.log(`seed ${seed}`);
    const report = await fuzzRound(seed, perRound);
    assertEquals(report.faults, [], `seed ${seed}`);
  });
}
