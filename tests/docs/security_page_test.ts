import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);
const page = Deno.readTextFileSync(new URL("SECURITY.md", root));
const testFile = /`(tests\/[\w/.-]+_test\.ts)`/g;

function exists(path: string): boolean {
  try {
    return Deno.statSync(new URL(path, root)).isFile;
  } catch {
    return false;
  }
}

Deno.test("SECURITY.md names tests that exist", () => {
  const named = [...page.matchAll(testFile)].map(([, path]) => path!);
  assert(named.length > 30, `only ${named.length} tests are named`);
  assertEquals(named.filter((path) => !exists(path)), []);
});

Deno.test("each threat of SECURITY.md has a control and a test", () => {
  const [, table = ""] = page.split("## Threats, controls and tests");
  const rows = table.split("\n## ")[0]!.split("\n").filter((line) => line.startsWith("| ")).slice(
    2,
  );
  assert(rows.length >= 15, `only ${rows.length} threats were found`);
  for (const row of rows) {
    const [, threat, control, tests = ""] = row.split("|").map((cell) => cell.trim());
    assert(threat !== "" && control !== "" && tests.match(testFile) !== null, row);
  }
});
