import { assert, assertEquals } from "@std/assert";
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
