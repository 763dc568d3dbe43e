import { assert, assertEquals } from "@std/assert";
import * as client from "../client.ts";
import * as main from "../mod.ts";
import { rules } from "../lib/runtime/rules.ts";
import { mutations } from "./mutations.ts";
import { runTest } from "./rule_switch.ts";

const lib = new URL("../lib/", import.meta.url);

/** The text of all files of lib but the list of rules itself. */
async function* sources(folder: URL): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts") && !folder.href.endsWith("/runtime/")) {
      yield await Deno.readTextFile(new URL(name, folder));
    }
  }
}

Deno.test("each rule is in force, frozen, and listed once with a sentence of its own", () => {
  assertEquals(Object.keys(mutations).sort(), Object.keys(rules).sort());
  assert(Object.values(rules).every((holds) => holds));
  assert(Object.isFrozen(rules));
  const sentences = new Set(Object.values(mutations).map(({ sentence }) => sentence));
  assertEquals(sentences.size, Object.keys(mutations).length);
  assert(sentences.size >= 36);
});

Deno.test("each rule is consulted in lib", async () => {
  const consulted = new Set<string>();
  for await (const text of sources(lib)) {
    if (!text.includes('/runtime/rules.ts"')) continue;
    const code = text.replace(/^\s*(?:\*|\/\/|\/\*).*$/gm, "");
    for (const [, name] of code.matchAll(/(?<![/\w])rules\.(\w+)/g)) consulted.add(name!);
  }
  assertEquals([...consulted].sort(), Object.keys(rules).sort());
});

Deno.test("each rule names a test that exists", async () => {
  for (const [name, { testFile, test }] of Object.entries(mutations)) {
    const tests = await Deno.readTextFile(new URL(testFile, import.meta.url));
    assert(
      namesOf(tests).some((known) => known.test(test)),
      `${name}: no "${test}" in ${testFile}`,
    );
  }
});

/** Names of the tests of a file; what a template fills in is any text. */
function namesOf(tests: string): RegExp[] {
  return [...tests.matchAll(/Deno\.test\((?:"(.+?)"|`(.+?)`)/g)].map(([, plain, template]) => {
    const parts = template === undefined ? [plain!] : template.split(/\$\{[^}]*\}/);
    return new RegExp(`^${parts.map((part) => RegExp.escape(part)).join(".+")}$`);
  });
}

Deno.test("a switched-off rule fails its test, and the test passes with all rules", async () => {
  const { testFile, test } = mutations.oldestLeads;
  assertEquals(await runTest(testFile, test), "passed");
  assertEquals(await runTest(testFile, test, "oldestLeads"), "failed");
  assertEquals(await runTest(testFile, "no test of that name"), "missing");
});

Deno.test("users cannot reach the rules through a public entry", () => {
  for (const entry of [main, client]) {
    assert(!Object.values<unknown>(entry).includes(rules));
  }
});
