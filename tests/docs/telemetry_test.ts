import { assert, assertEquals } from "@std/assert";
import { instruments } from "../../lib/runtime/instruments.ts";
import type { Instrument } from "../../lib/runtime/telemetry.ts";

Deno.test("docs/telemetry.md has every instrument as it is", () => {
  const page = Deno.readTextFileSync(new URL("../../docs/telemetry.md", import.meta.url));
  const rows = page.split("\n").filter((line) => line.startsWith("| `casty."))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const wanted = Object.values<Instrument>(instruments).map((each) => [
    `\`${each.name}\``,
    each.kind,
    `\`${each.unit}\``,
    each.attributes?.map((name) => `\`${name}\``).join(", ") ?? "-",
    each.description,
  ]);
  assert(wanted.length > 15);
  assertEquals(rows, wanted);
});

Deno.test("names of instruments are unique", () => {
  const names = Object.values<Instrument>(instruments).map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
});
