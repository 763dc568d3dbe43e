import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { accepts } from "../../lib/options/accepts.ts";
import {
  checkOptions,
  checkValue,
  optionsOf,
  resolveOptions,
  withDefaults,
} from "../../lib/options/check_options.ts";
import { nearestName } from "../../lib/options/nearest_name.ts";
import {
  anything,
  bytes,
  callback,
  choice,
  either,
  flag,
  group,
  isConfigurable,
  list,
  milliseconds,
  number,
  option,
  optionTable,
  text,
  whole,
} from "../../lib/options/option.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { hostText } from "../../lib/options/tables/forms.ts";

const inner = optionTable("inner", {
  interval: option(milliseconds(1), { default: 1_000, text: "Time." }),
  size: option(bytes(1, 64), { required: true, text: "Size." }),
});
const table = optionTable("outer", {
  name: option(text(1, 8), { required: true, text: "Name." }),
  count: option(whole(1, 10), { default: 3, text: "Count." }),
  labels: option(list(text(1, 8), 0, 2), { text: "Labels." }),
  mode: option(choice("fast", false), { default: "fast", text: "Mode." }),
  inner: option(either(group(inner), flag), { text: "More." }),
  key: option(text(1, 100, undefined, { secret: true }), { text: "Secret." }),
  onEnd: option(callback("a function of the end"), { text: "Hook." }),
});

function refused(given: unknown, path = ""): OptionError {
  return assertThrows(() => checkOptions(table, given, path), OptionError);
}

Deno.test("an error names path, value, what is accepted and the nearest name", () => {
  const messages: [unknown, string, string][] = [
    [{ name: "x", cuont: 1 }, "cuont", "unknown option cuont of outer; did you mean count?"],
    [{ name: "x", COUNT: 1 }, "COUNT", "unknown option COUNT of outer; did you mean count?"],
    [
      { name: "x", zzzzzz: 1 },
      "zzzzzz",
      "unknown option zzzzzz of outer; use one of name, count, labels, mode, inner, key, onEnd",
    ],
    [
      { name: "x", interval: 1 },
      "interval",
      "unknown option interval of outer; did you mean inner.interval?",
    ],
    [{ count: 1 }, "name", "outer needs the option name; use a text of 1 to 8 characters"],
    [
      { name: "x", count: "2" },
      "count",
      'count: "2" is not allowed; use a whole number from 1 to 10',
    ],
    [{ name: "x", labels: "a" }, "labels", 'labels: "a" is not allowed; use a list: ["a"]'],
    [
      { name: "x", labels: ["a", 7] },
      "labels[1]",
      "labels[1]: 7 is not allowed; use a text of 1 to 8 characters",
    ],
    [
      { name: "x", labels: ["a", "b", "c"] },
      "labels",
      "labels: a list of 3 is not allowed; " +
      "use a list of up to 2, each a text of 1 to 8 characters",
    ],
    [{ name: "x", mode: true }, "mode", 'mode: true is not allowed; use "fast" or false'],
    [
      { name: "x", inner: { size: 65 } },
      "inner.size",
      "inner.size: 65 is not allowed; use a whole number of bytes from 1 to 64",
    ],
    [
      { name: "x", inner: {} },
      "inner.size",
      "inner needs the option inner.size; use a whole number of bytes from 1 to 64",
    ],
    [
      { name: "x", inner: { size: 1, siez: 2 } },
      "inner.siez",
      "unknown option inner.siez; did you mean inner.size?",
    ],
    [
      { name: "x", inner: 7 },
      "inner",
      "inner: 7 is not allowed; use an object with interval, size or true or false",
    ],
    [
      { name: "x", key: 5 },
      "key",
      "key: the value is not allowed; use a text of 1 to 100 characters",
    ],
    [
      { name: "x", onEnd: { then: 1 } },
      "onEnd",
      "onEnd: an object with then is not allowed; use a function of the end",
    ],
    [
      [],
      "",
      "the options of outer: an empty list is not allowed; " +
      "use an object with name, count, labels, mode, inner, key, onEnd",
    ],
  ];
  for (const [given, path, message] of messages) {
    const error = refused(given);
    assertEquals([error.option, error.message], [path, message]);
  }
  assertEquals(refused({ name: 1 }, "here").option, "here.name");
  assertEquals(refused(null, "here").message.startsWith("here: null is not allowed"), true);
});

Deno.test("long values and names are cut, and contents of objects are not shown", () => {
  const long = "x".repeat(10_000);
  for (
    const given of [{ name: long }, { [long]: 1 }, { name: { [long]: long } }, { name: [long] }]
  ) {
    assert(refused(given).message.length < 500, refused(given).message);
  }
  assert(!refused({ name: { password: "hunter2" } }).message.includes("hunter2"));
});

Deno.test("undefined counts as not given; inherited properties count", () => {
  checkOptions(table, { name: "x", count: undefined, inner: undefined });
  assertEquals(refused({ name: undefined }).option, "name");
  checkOptions(table, Object.create({ name: "x" }));
  assertEquals(refused(Object.create({ name: "x", nmae: 1 })).option, "nmae");
  assertEquals(refused(JSON.parse('{"name":"x","__proto__":{}}')).option, "__proto__");
  for (const name of ["constructor", "toString", "hasOwnProperty"]) {
    assertEquals(refused({ name: "x", [name]: 1 }).option, name);
  }
});

Deno.test("inherited options are used, not only checked", () => {
  const given: { name: string; count: number } = Object.create({ name: "x", count: 7 });
  assertEquals(resolveOptions(table, given), { ...table.defaults, name: "x", count: 7 });
  assertEquals(optionsOf(table, given), { name: "x", count: 7 });
});

Deno.test("an object that cannot show its options is not taken for one without options", () => {
  const optional = optionTable("optional", { count: option(whole(1, 10), { text: "Count." }) });
  class Getters {
    get count(): number {
      return 7;
    }
  }
  for (const given of [Promise.resolve({ count: 7 }), new Map([["count", 7]]), new Getters()]) {
    const error = assertThrows(() => checkOptions(optional, given), OptionError);
    assert(error.message.includes("the options of optional"), error.message);
  }
  const error = assertThrows(() => checkOptions(optional, Promise.resolve({})), OptionError);
  assert(error.message.endsWith("await the promise first"), error.message);
  for (const given of [{}, Object.create(null), Object.freeze({})]) checkOptions(optional, given);
});

Deno.test("defaults are filled in where nothing or undefined is given", () => {
  const given: { name: string; count?: number; mode?: string } = { name: "x" };
  assertEquals(resolveOptions(table, { ...given, count: undefined as never }), {
    name: "x",
    count: 3,
    mode: "fast",
  });
  assertEquals(resolveOptions(inner, { size: 1, interval: 5 }), { size: 1, interval: 5 });
  assertThrows(() => resolveOptions(table, { name: "" }), OptionError);
  const defaults = { a: 1, b: 2 };
  assertEquals(withDefaults(defaults, { b: undefined, c: 3 }), { a: 1, b: 2, c: 3 } as never);
  assertEquals(defaults, { a: 1, b: 2 });
  assert(Object.isFrozen(table.defaults));
});

Deno.test("a layer below gets its options only", () => {
  const given = { name: "x", count: undefined, other: 1, key: "k" };
  assertEquals(optionsOf(table, given), { name: "x", key: "k" } as never);
});

Deno.test("numbers: bounds, whole numbers, infinity", () => {
  const open = number(0, undefined, { above: true, infinity: true });
  assert(accepts(open, 1e-9) && accepts(open, Infinity) && accepts(open, 1e15));
  for (const value of [0, -0, -1, NaN, "1", 1n, new Number(1), 1e300]) {
    assert(!accepts(open, value));
  }
  assert(!accepts(number(0), Infinity) && accepts(number(0), -0));
  const error = assertThrows(() => checkValue("x", number(0, 5, { above: true }), 6), OptionError);
  assertEquals(error.message, "x: 6 is not allowed; use a number above 0 and up to 5");
  assertStrictEquals(checkValue("x", whole(1), 7), 7);
});

Deno.test("a host with a port is refused as an option, a name or an IPv6 address is not", () => {
  const options = optionTable("test", { host: option(hostText, { text: "A host." }) });
  for (const host of ["127.0.0.1:25520", "node-1:25520", "1:2", "a b", "[::1]"]) {
    const error = assertThrows(
      () => resolveOptions(options, { host }),
      OptionError,
      "without a port",
    );
    assertEquals(error.value, host);
  }
  for (const host of ["127.0.0.1", "node-1", "::1", "fe80::1", "::ffff:10.0.0.1"]) {
    assertEquals(resolveOptions(options, { host }), { host });
  }
});

Deno.test("the nearest name is found among misspelt ones, and none that is far", () => {
  const known = ["seedNodes", "roles", "requiredQuorum", "host", "port", "bindHost"];
  const pairs: [string, string | undefined][] = [
    ["seedNode", "seedNodes"],
    ["SEEDNODES", "seedNodes"],
    ["seed_nodes", "seedNodes"],
    ["requiredQorum", "requiredQuorum"],
    ["prot", "port"],
    ["bindhost", "bindHost"],
    ["role", "roles"],
    ["quorum", "requiredQuorum"],
    ["seed", "seedNodes"],
    ["required", "requiredQuorum"],
    ["hos", "host"],
    ["des", undefined],
    ["x", undefined],
    ["certificate", undefined],
    ["", undefined],
    ["h".repeat(100_000), undefined],
  ];
  for (const [given, nearest] of pairs) assertStrictEquals(nearestName(given, known), nearest);
});

Deno.test("what can stand in a file is told from what cannot", () => {
  assertEquals(
    Object.entries(table.options).map(([name, { type }]) => [name, isConfigurable(type)]),
    [
      ["name", true],
      ["count", true],
      ["labels", true],
      ["mode", true],
      ["inner", true],
      ["key", true],
      ["onEnd", false],
    ],
  );
  assert(!isConfigurable(anything));
});
