import { assert, assertEquals, assertThrows } from "@std/assert";
import { makeExtensions } from "../../lib/cluster/node/extension_order.ts";
import type { NodeExtension } from "../../lib/cluster/node/node_extension.ts";
import { ClusterError } from "../../lib/cluster/errors.ts";

const extension = (name: string, requires?: readonly string[], topics?: readonly string[]) => () =>
  ({
    name,
    ...(requires && { requires }),
    ...(topics && { topics, explain: () => ["why"] }),
    install: () => {},
  }) satisfies NodeExtension;

function refused(factories: readonly unknown[]): ClusterError {
  return assertThrows(() => makeExtensions([], factories as never), ClusterError);
}

Deno.test("an extension comes after those that it requires, otherwise as listed", () => {
  const ordered = makeExtensions([], [
    extension("d", ["b", "c"]),
    extension("a"),
    extension("c", ["b"]),
    extension("b"),
  ]);
  assertEquals(ordered.map(({ name }) => name), ["b", "c", "d", "a"]);
});

Deno.test("a requirement that is missing is refused with the chain that leads to it", () => {
  const error = refused([extension("a", ["b"]), extension("b", ["ghost"])]);
  assertEquals([error.code, error.value], ["missingExtension", ["a", "b", "ghost"]]);
  assert(error.message.includes("a -> b -> ghost"), error.message);
  assert(error.remedy!.includes('"ghost"'), error.remedy);
});

Deno.test("requirements in a circle are refused with the circle, and nothing else", () => {
  const error = refused([
    extension("entry", ["a"]),
    extension("a", ["b"]),
    extension("b", ["c"]),
    extension("c", ["a"]),
  ]);
  assertEquals(error.code, "circularExtension");
  assert(error.message.includes(": a -> b -> c -> a;"), error.message);
  assert(!error.message.includes("entry"), error.message);
  assertEquals(refused([extension("self", ["self"])]).code, "circularExtension");
});

Deno.test("names and topics are unique", () => {
  assertEquals(refused([extension("a"), extension("a")]).code, "duplicateExtension");
  const topics = [extension("a", [], ["x"]), extension("b", [], ["x"])];
  assertEquals(refused(topics).value, "x");
  assertEquals(refused([extension("a", [], ["downing"])]).value, "downing");
});

Deno.test("what is no factory of an extension is refused", () => {
  assertEquals(refused(extension("a") as never).code, "badExtension");
  assertEquals(refused([extension("a")()]).code, "badExtension");
  for (const wrong of [undefined, {}, { name: "a" }, { name: "1", install() {} }]) {
    assertEquals(refused([() => wrong]).code, "badExtension");
  }
  assertEquals(refused([() => ({ name: "a", requires: "b", install() {} })]).code, "badExtension");
});
