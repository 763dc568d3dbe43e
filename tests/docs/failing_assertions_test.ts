import "../failing_assertions.ts";
import { assert, assertThrows } from "@std/assert";

Deno.test("a wrong assertion in an example of the documentation fails the tests", async () => {
  assertThrows(() => console.assert(false, "it is not so"), Error, "it is not so");
  console.assert(true);
  const { tasks } = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  assert(tasks.test.includes("--doc"));
  assert(tasks.test.includes("--preload tests/failing_assertions.ts"), tasks.test);
});
