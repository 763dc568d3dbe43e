import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { describe, describeAll } from "../../lib/testkit/describe.ts";
import { sameValue } from "../../lib/testkit/same_value.ts";
import { InboxRef } from "../../lib/testkit/test_inbox.ts";

class Point {
  readonly x: number;

  constructor(x: number) {
    this.x = x;
  }
}

const key = Symbol("key");
const nothing = () => {};

Deno.test("values with equal parts are equal", () => {
  const pairs: [unknown, unknown][] = [
    [1, 1],
    [NaN, NaN],
    [undefined, undefined],
    [10n, 10n],
    [{ a: [1, { b: "c" }] }, { a: [1, { b: "c" }] }],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }],
    [{ [key]: 1 }, { [key]: 1 }],
    [new Point(1), new Point(1)],
    [new Date(5), new Date(5)],
    [/a+/g, /a+/g],
    [new Map([[{ k: 1 }, 1], [{ k: 2 }, 2]]), new Map([[{ k: 2 }, 2], [{ k: 1 }, 1]])],
    [new Set([1, { a: 2 }]), new Set([{ a: 2 }, 1])],
    [new Uint8Array([1, 2]), new Uint8Array([0, 1, 2]).subarray(1)],
    [new Error("x", { cause: 1 }), new Error("x", { cause: 1 })],
    [Object.create(null), Object.create(null)],
    [nothing, nothing],
  ];
  for (const [a, b] of pairs) assert(sameValue(a, b), `${describe(a)} = ${describe(b)}`);
});

Deno.test("values that differ in any part are not equal", () => {
  const pairs: [unknown, unknown][] = [
    [1, 2],
    [0, -0],
    [1, "1"],
    [null, undefined],
    [null, {}],
    [{ a: undefined }, {}],
    [{ a: 1 }, { b: 1 }],
    [[1, 2], [2, 1]],
    [[1], { 0: 1 }],
    [[undefined], new Array(1)],
    [{ [key]: 1 }, { [key]: 2 }],
    [new Point(1), { x: 1 }],
    [new Date(5), new Date(6)],
    [/a/, /a/g],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [new Set([1, 1, 2]), new Set([1, 3])],
    [new Uint8Array([1, 2]), new Uint8Array([1, 3])],
    [new Uint8Array([1]), new Int8Array([1])],
    [new Error("x"), new Error("y")],
    [new Error("x"), new TypeError("x")],
    [new Error("x", { cause: 1 }), new Error("x", { cause: 2 })],
    [() => {}, () => {}],
    [Promise.resolve(1), Promise.resolve(1)],
  ];
  for (const [a, b] of pairs) {
    assert(!sameValue(a, b), `${describe(a)} != ${describe(b)}`);
    assert(!sameValue(b, a), `${describe(b)} != ${describe(a)}`);
  }
});

Deno.test("values that contain themselves are compared to an end", () => {
  const circle = (name: string) => {
    const value: Record<string, unknown> = { name };
    value.self = value;
    return value;
  };
  assert(sameValue(circle("a"), circle("a")));
  assert(!sameValue(circle("a"), circle("b")));
  const one: Record<string, unknown> = {};
  const two: Record<string, unknown> = {};
  one.next = two;
  two.next = one;
  const alone: Record<string, unknown> = {};
  alone.next = alone;
  assert(sameValue(alone, one));
});

Deno.test("references are equal if they point to the same actor", async () => {
  await using system = new ActorSystem();
  const a = system.spawn(Behaviors.ignore(), "a");
  const b = system.spawn(Behaviors.ignore(), "b");
  assert(sameValue({ ref: a }, { ref: system.lookup("/a") }));
  assert(!sameValue({ ref: a }, { ref: b }));
  const inbox = new InboxRef("/a", nothing);
  assert(!sameValue(inbox, new InboxRef("/a", nothing)));
  assert(!sameValue(inbox, a));
  assert(sameValue([inbox], [inbox]));
});

Deno.test("a description is one line that people can read", async () => {
  await using system = new ActorSystem();
  const ref = system.spawn(Behaviors.ignore(), "a");
  const circle: Record<string, unknown> = { "not a name": 1 };
  circle.self = circle;
  const texts: [unknown, string][] = [
    ["a\n", '"a\\n"'],
    [-0, "-0"],
    [3n, "3n"],
    [undefined, "undefined"],
    [{ type: "x", ref }, '{ type: "x", ref: </a> }'],
    [circle, '{ "not a name": 1, self: [circular] }'],
    [new Map([[1, { a: [] }]]), "Map {1 => { a: [] }}"],
    [new Set([null]), "Set {null}"],
    [new Uint8Array([1, 2]), "Uint8Array [1, 2]"],
    [new TypeError("no"), 'TypeError("no")'],
    [new Point(2), "Point { x: 2 }"],
    [new Date(0), "Date(1970-01-01T00:00:00.000Z)"],
    [Behaviors.stopped(), "Behaviors.stopped"],
    [{
      get a() {
        throw new Error("must not be called");
      },
    }, "{ a: [getter] }"],
  ];
  for (const [value, text] of texts) assertEquals(describe(value), text);
});

Deno.test("a description never grows without bounds", () => {
  assert(describe("x".repeat(100_000)).length < 1_100);
  assert(describe(Array.from({ length: 100_000 }, (_, i) => ({ i }))).length < 1_100);
  let deep: unknown = 1;
  for (let i = 0; i < 10_000; i++) deep = [deep];
  assertEquals(describe(deep), "[[[[[[…]]]]]]");
  const many = describeAll(Array.from({ length: 1_000 }, (_, i) => i));
  assert(many.endsWith("… and 990 more"), many);
});
