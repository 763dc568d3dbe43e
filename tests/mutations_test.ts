import { assert, assertEquals } from "@std/assert";
import { mutations } from "./mutations.ts";

Deno.test("each mutation names a text that is there once, and a test that is there", async () => {
  for (const { rule, file, text, instead, testFile, test } of mutations) {
    const source = await Deno.readTextFile(new URL(`../lib/${file}`, import.meta.url));
    assertEquals(source.split(text).length, 2, `${rule}: ${file} has not once: ${text}`);
    assert(text !== instead, rule);
    const tests = await Deno.readTextFile(new URL(testFile, import.meta.url));
    assert(tests.includes(`Deno.test("${test}"`), `${rule}: ${testFile} has no test "${test}"`);
  }
});

Deno.test("each rule is listed once", () => {
  assertEquals(new Set(mutations.map(({ rule }) => rule)).size, mutations.length);
  assert(mutations.length >= 12);
});
