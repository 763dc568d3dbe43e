import { assert, assertEquals } from "@std/assert";
import { ContractsError } from "../../lib/contracts/errors.ts";
import { contractChanges } from "../../lib/contracts/contract_changes.ts";
import { contractsText, parseContracts } from "../../lib/contracts/contracts_file.ts";
import { rules } from "../../lib/contracts/rules.ts";
import { breaking, safe } from "./changes.ts";
import { contractsOf, sound } from "./programs.ts";

const modules = [...breaking, ...safe].flatMap(({ before, after }, index) => [
  [`${index} before`, before],
  [`${index} after`, after],
]);
const read = await contractsOf(Object.fromEntries(modules));

/** The contracts of a module, as they come out of the file. */
const kept = (name: string) => parseContracts(contractsText(sound(read(name))), "contracts.json");

const changesOf = (index: number) =>
  contractChanges(kept(`${index} before`), sound(read(`${index} after`)));

const nameOf = (types: readonly string[] | undefined, index: number) =>
  types === undefined ? `change ${index}` : types.join(" -> ");

breaking.forEach(({ rule, at, types }, index) => {
  Deno.test(`${rule} is noticed at ${at || "a contract"}: ${nameOf(types, index)}`, () => {
    const changes = changesOf(index);
    const found = changes.find((change) => change.rule === rule && change.place === at) ??
      changes.find((change) => change.rule === rule && change.place.startsWith(at));
    assert(found !== undefined, JSON.stringify(changes));
    assert(found.isBreaking && found.why !== "" && found.remedy !== "", JSON.stringify(found));
    if (at !== "") assertEquals(found.place, at);
  });
});

safe.forEach(({ types }, index) => {
  Deno.test(`a safe change passes: ${nameOf(types, index)}`, () => {
    const changes = changesOf(breaking.length + index);
    assertEquals(changes.filter(({ isBreaking }) => isBreaking), []);
  });
});

Deno.test("each breaking rule has a change that shows it", () => {
  const shown = new Set(breaking.map(({ rule }) => rule));
  const wanted = Object.entries(rules)
    .filter(([, { newReader, oldReader }]) => newReader || oldReader)
    .map(([name]) => name);
  assertEquals(wanted.filter((name) => !shown.has(name as keyof typeof rules)), []);
  assert(wanted.length >= 30 && safe.length >= 10);
});

Deno.test("a program has no changes to itself, and the file has a stable order", () => {
  for (const [name] of modules) {
    const text = contractsText(sound(read(name!)));
    assertEquals(contractChanges(parseContracts(text, "file"), sound(read(name!))), []);
    assertEquals(contractsText(parseContracts(text, "file")), text);
  }
});

/** The text of a file with one entity, whose messages have the first type. */
function fileOf(types: Readonly<Record<string, unknown>>): string {
  const contracts = { "entity e": { kind: "entity", message: { type: Object.keys(types)[0] } } };
  return JSON.stringify({ format: 1, contracts, types });
}

/** Shapes by name, each made from the name of the next. */
function chain(count: number, make: (next: unknown) => unknown): Record<string, unknown> {
  const names = Array.from({ length: count }, (_, i) => `T${i}`);
  return Object.fromEntries(names.map((name, i) => [name, make({ type: names[i + 1] ?? "end" })]));
}

/** What `contracts` does with a file: changes to and from it, or a code. */
function compared(text: string): number | string {
  try {
    const file = parseContracts(text, "contracts.json");
    const other = parseContracts(fileOf({ T0: { fields: { a: "string" } } }), "contracts.json");
    contractChanges(file, file);
    return contractChanges(other, file).length + contractChanges(file, other).length;
  } catch (error) {
    if (error instanceof ContractsError) return error.code;
    throw error;
  }
}

/** So many lists, each in another. */
function nested(depth: number): string {
  const shape = `${'{"list":'.repeat(depth)}"string"${"}".repeat(depth)}`;
  return fileOf({ T0: 0 }).replace('"T0":0', () => `"T0":${shape}`);
}

const handMade: Readonly<Record<string, readonly [text: string, outcome: number | string]>> = {
  "a union that has itself as a member": [
    fileOf({ T0: { oneOf: [{ type: "T0" }, "string"] } }),
    2,
  ],
  "two unions that have each other as members": [
    fileOf({ T0: { oneOf: [{ type: "T1" }, "string"] }, T1: { oneOf: [{ type: "T0" }] } }),
    2,
  ],
  "unions that name the next one twice, 30 times": [
    fileOf(chain(30, (next) => ({ oneOf: [next, next] }))),
    2,
  ],
  "20,000 lists by name, each in another": [
    fileOf(chain(20_000, (next) => ({ list: next }))),
    "badContractsFile",
  ],
  "a million lists, each in another": [
    nested(1_000_000),
    "badContractsFile",
  ],
  "as many lists as may be": [
    nested(990),
    2,
  ],
};

for (const [what, [text, outcome]] of Object.entries(handMade)) {
  Deno.test(`a file that was edited by hand costs bounded work: ${what}`, () => {
    assertEquals(compared(text), outcome);
  });
}
