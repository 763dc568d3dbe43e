import { assert, assertEquals } from "@std/assert";
import type { ReadContracts } from "../../lib/contracts/contract_reader.ts";
import { binaryTypes, leafTypes } from "../../lib/contracts/carried_types.ts";
import { type Shape, unfold } from "../../lib/contracts/shape.ts";
import { singletonPlace } from "../../lib/singleton/singleton_place.ts";
import { workersType } from "../../lib/singleton/workers_place.ts";
import { Codec } from "../../lib/wire/codec.ts";
import { contractsOf, events, messages, resolveCasty, sound, states } from "./programs.ts";

/** Types that TypeScript computes, and the shapes that they have. */
const shapes: readonly (readonly [type: string, shape: Shape])[] = [
  ["One", { value: 4 }],
  ["Num", { oneOf: [{ value: 0 }, { value: 1 }] }],
  ["Base", { fields: { "at?": { oneOf: ["Date", "null"] }, id: "string" } }],
  ["Partial<Pick<Base, 'id'>>", { fields: { "id?": "string" } }],
  ["Exclude<Cmd, { type: 'b' }>", { fields: { type: { value: "a" }, x: "number" } }],
  ["Cmd & { m: 1 }", {
    by: "type",
    variants: {
      a: { fields: { m: { value: 1 }, type: { value: "a" }, x: "number" } },
      b: { fields: { m: { value: 1 }, type: { value: "b" } } },
    },
  }],
  ["{ [K in 'x' | 'y']: { k: K; v: K extends 'x' ? 1 : 2 } }['x' | 'y']", {
    by: "k",
    variants: {
      x: { fields: { k: { value: "x" }, v: { value: 1 } } },
      y: { fields: { k: { value: "y" }, v: { value: 2 } } },
    },
  }],
  ["Record<string, unknown>", { fields: {}, others: "unknown" }],
  ["Record<`k-${string}`, number>", { fields: {}, others: "number" }],
  ["readonly [number, ...string[]]", { tuple: ["number"], rest: "string" }],
  ["[number, string?]", {
    tuple: ["number", { oneOf: ["string", "undefined"] }],
    required: 1,
  }],
  ["Awaited<Promise<number>>", "number"],
  ["Uppercase<string>", "string"],
  ["`a-${number}`", { pattern: "a-${number}" }],
  ["object", "unknown"],
  ["{}", { fields: {} }],
  ["5n | 6n", { oneOf: [{ value: "5n", bigint: true }, { value: "6n", bigint: true }] }],
  ["{ a?: never; b: 1 | undefined; c: null | undefined }", {
    fields: { "b?": { value: 1 }, "c?": "null" },
  }],
  ["Map<string, Set<Date | boolean>>", {
    map: ["string", { set: { oneOf: ["Date", "boolean"] } }],
  }],
  ["ActorRef<{ ok: true } | { ok: false; why: string }>", {
    ref: {
      by: "ok",
      variants: {
        false: { fields: { ok: { value: false }, why: "string" } },
        true: { fields: { ok: { value: true } } },
      },
    },
  }],
];

const helpers = `enum One { Only = 4 } enum Num { A, B }
declare const hidden: unique symbol;
interface Base { id: string; at?: Date | null; [hidden]?: number }
type Cmd = { type: "a"; x: number } | { type: "b" };`;

/** Types that cannot be sent or stored, each with what is said about it. */
const refused: readonly (readonly [type: string, text: string])[] = [
  ["{ f: () => void }", "is a function"],
  ["{ f(): void }", "is a function"],
  ["{ f: Function }", "is a function"],
  ["{ a: any }", "is any"],
  ["{ a: any[] }", "is any"],
  ["{ a: Missing }", "has a type that cannot be resolved"],
  ["{ a: symbol }", "is a symbol"],
  ["{ a: URL }", "is an instance of the class URL"],
  ["{ a: RegExp }", "is an instance of the class RegExp"],
  ["{ a: Promise<string> }", "is an instance of the class Promise"],
  ["{ a: WeakMap<object, 1> }", "is an instance of the class WeakMap"],
  ["{ a: Set<Local> }", "is an instance of the class Local"],
  ["Map<string, { type: 'a'; f: () => 1 }>", "is a function"],
  ["Nest<1>", "is nested too deeply, or without an end"],
  ["never", "is never"],
];

const local = `class Local { readonly a = 1; }
interface Nest<T> { readonly value: T; readonly next: Nest<T[]> | null }`;

const money = `
class Money { constructor(readonly cents: number) {} }
export const money = serializer({
  name: "money", type: Money, encode: ({ cents }) => cents, decode: () => new Money(1),
});`;

const spawns = `
declare const system: { spawn(behavior: unknown, name: string): void };
const receive = <M>() => Behaviors.receive<M>(() => Behaviors.same());`;

const modules: Record<string, string> = {
  reference: events("{ to: ActorRef<1> }", "", ""),
  stored: events("{ at: Local }", "snapshots: {},", local, "{ m: Map<string, () => 1> }"),
  serialized: money + states("{ price: Money }"),
  "serialized and listed": money + `
interface Price { price: Money }` +
    states("Price", "schema: { serializers: [money] },") +
    events("Price"),
  "serialized and listed elsewhere": money + `
const serializers = [money] as const;` +
    states("{ price: Money }", "schema: { serializers },"),
  "serialized with a computed list": money + `
declare const serializers: typeof money[];` +
    states("{ price: Money }", "schema: { serializers },"),
  "serialized in two versions": money + `
export const later = serializer({
  name: "money", version: 3, type: Money, encode: () => [1], decode: () => new Money(1),
});` + states("{ price: Money }", "schema: { serializers: [money, later] },"),
  generic: `export const make = <M>(name: string) => entityType<M>("counters");`,
  twice: `entityType<string>("counters"); entityType<number>("counters");`,
  again: `ServiceKey<{ a: 1 }>("s"); interface A { a: 1 } ServiceKey<A>("s");`,
  computed: `
declare const name: string; declare const shards: number; declare const version: number;
entityType<string>(name);
entityType<string>("counters", { numShards: shards });
Behaviors.sharded((_id: string) => Behaviors.receive<string>(() => Behaviors.same()));
export const other = events();
function events() {
  return eventSourced<string, string, string>({
    id: name, journal, initial: "",
    onCommand: (_c, _s, _m, effect) => effect.none(), onEvent: (s) => s,
  });
}`,
  version: events("1", "schema: { version: Number('1') },"),
  unused: events("1", "schema: { upcastEvent: { 0: (e) => e } },"),
  constants: `
const kind = "account"; const versions = { first: 3 } as const;
const upcastEvent = { 0: (e: never) => e, 2: (e: never) => e };
const base = { schema: { version: versions.first, upcastEvent } };
export const account = (name: string) => eventSourced({
  ...base, id: persistenceId(kind, name), journal, initial: { n: 0 }, snapshots: {},
  onCommand: (_c, _s, m: { add: number }, effect) => effect.persist({ added: m.add }),
  onEvent: (s: { n: number }, e: { added: number }) => ({ n: s.n + e.added }),
});`,
  byText: states("string").replace(`persistenceId("settings", name)`, "`settings|${name}`"),
  entity: messages(`"get"`) + events("1") + `
export const accounts = Behaviors.sharded(Counters, account);`,
  named: messages(`"get"`) + events("1").replace(`"account"`, "Counters.name"),
  inner: messages(`"get"`) + `
const make = () => Behaviors.supervise(Behaviors.eventSourced<"get", string, string>({
  initial: "",
  onCommand: (_c, _s, _m, effect) => effect.none(),
  onEvent: (s) => s,
}), {} as never);
export const counters = Behaviors.sharded(Counters, () => make());`,
  spawned: spawns + `
system.spawn(Behaviors.singleton(receive<{ a: 1 }>()), "tickets");
const indexers = Behaviors.workers(4, () => receive<{ b: 2 }>());
system.spawn(indexers, "indexers");
system.spawn(Behaviors.broadcasted(receive<{ c: 3 }>()), "caches");
export const Prices = Topic<{ d: 4 }>("prices", { retain: 1 });
// Takes no messages.
system.spawn(Behaviors.singleton(Behaviors.setup<never>(() => Behaviors.same())), "dispatcher");`,
  "spawned with computed names": spawns + `
declare const name: string; declare const count: number;
system.spawn(Behaviors.singleton(receive<1>()), name);
system.spawn(Behaviors.workers(count, () => receive<1>()), "indexers");
export const broadcasted = Behaviors.broadcasted(receive<1>());
Topic<1>(name);`,
  "durable and spawned": spawns + `
const sequence = Behaviors.setup<"next">(() => durable());
system.spawn(Behaviors.singleton(sequence), "sequence");
system.spawn(Behaviors.workers(2, () => work()), "work");
system.spawn(Behaviors.sharded(cart), "carts");
function durable() {
  return durableState<"next", { n: number }>({
    initial: { n: 0 }, onMessage: (_c, _s, _m, effect) => effect.none(),
  });
}
function work() {
  return eventSourced<"next", "done", { n: number }>({
    initial: { n: 0 }, onCommand: (_c, _s, _m, effect) => effect.none(), onEvent: (s) => s,
  });
}
function cart() {
  return durableState<"add", { n: 1 }>({
    initial: { n: 1 }, onMessage: (_c, _s, _m, effect) => effect.none(),
  });
}`,
  recursion: messages(
    "Json",
    `
type Json = string | number | boolean | null | Json[] | { [key: string]: Json };`,
  ),
  binaries: messages(
    `{ ${
      [...leafTypes.keys()].filter((name) => name !== "Buffer" && name !== "Float16Array")
        .map((name) => `${name}: ${name}`).join("; ")
    } }`,
  ),
  errors: messages("{ a: Error; b: TypeError; c: Own }", "class Own extends Error {}"),
};
refused.forEach(([type], index) => modules[`refused ${index}`] = messages(type, local));
shapes.forEach(([type], index) => modules[`shape ${index}`] = messages(type, helpers));
const read = await contractsOf(modules);

const facts = ({ problems, notes }: ReadContracts) =>
  [...problems, ...notes].map(({ line, place, text }) => ({ line, place, text }));

refused.forEach(([type, text], index) => {
  Deno.test(`a message of type ${type} is refused with its place`, () => {
    const [problem, ...others] = read(`refused ${index}`).problems;
    assertEquals(others, []);
    assertEquals(problem?.text, text);
    // Two lines of classes stand behind the imports.
    assert(/\.ts$/.test(problem!.file) && problem!.line >= 6, JSON.stringify(problem));
    assert(problem!.place.startsWith("entity counters") && problem!.remedy !== "");
  });
});

shapes.forEach(([type, shape], index) => {
  Deno.test(`the shape of ${type} is read`, () => {
    const { contracts, types } = sound(read(`shape ${index}`));
    const { message } = contracts["entity counters"] as unknown as { message: Shape };
    assertEquals(unfold(message, types), shape);
  });
});

Deno.test("what is stored may have no references and no classes", () => {
  assertEquals(facts(read("reference")).map(({ text }) => text), [
    "is a reference to an actor, which cannot be stored",
  ]);
  assertEquals(facts(read("stored")).map(({ place, text }) => `${place} ${text}`), [
    "durable account, event.at is an instance of the class Local",
    "durable account, state.m{} is a function",
  ]);
});

Deno.test("what is stored takes the serializers of its schema, and no others", () => {
  const lacks = "has a value of the serializer money@1, which schema.serializers lacks";
  const told = (name: string) => facts(read(name)).map(({ place, text }) => `${place}: ${text}`);
  assertEquals(told("serialized"), [`durable settings, state.price: ${lacks}`]);
  // The type is the same, and allowed in one of them.
  assertEquals(told("serialized and listed"), [`durable account, event.price: ${lacks}`]);
  for (const name of ["serialized and listed elsewhere", "serialized with a computed list"]) {
    const { contracts } = sound(read(name));
    const { state } = contracts["durable settings"] as unknown as { state: Shape };
    assertEquals(state, { fields: { price: { serialized: "money@1" } } });
  }
});

Deno.test("of several versions of a serializer the highest is the contract", () => {
  const { contracts } = sound(read("serialized in two versions"));
  assertEquals(contracts["serializer money"], {
    kind: "serializer",
    version: 3,
    data: { list: "number" },
  });
  const { state } = contracts["durable settings"] as unknown as { state: Shape };
  assertEquals(state, { fields: { price: { serialized: "money@3" } } });
});

Deno.test("a type that only the caller knows is refused", () => {
  assertEquals(facts(read("generic")).map(({ text }) => text), [
    "depends on the type parameter M",
  ]);
});

Deno.test("a contract that is declared twice must be the same", () => {
  assertEquals(facts(read("twice")).map(({ place, text }) => `${place}: ${text}`), [
    "entity counters: it is declared twice, and not alike",
  ]);
  assertEquals(Object.keys(sound(read("again")).contracts), ["service s"]);
});

Deno.test("what is computed is told, and not taken for checked", () => {
  const { problems, notes, contracts } = read("computed");
  assertEquals(problems, []);
  assertEquals(notes.map(({ place, text }) => `${place}: ${text}`), [
    "entity type: its name is computed",
    "entity counters: numShards is computed",
    "Behaviors.sharded: the name of the entities is not known",
    "durable events: the kind in its id is not known; this is where it is declared",
  ]);
  assertEquals(Object.keys(contracts), ["durable events", "entity counters"]);
  assertEquals(facts(read("version")).map(({ text }) => text), ["its version is computed"]);
});

Deno.test("an upcaster without a higher version is told", () => {
  const { problems, notes } = read("unused");
  assertEquals(problems, []);
  assertEquals(notes.map(({ text, remedy }) => `${text}; ${remedy}`), [
    "the upcaster of version 0 is never used; raise schema.version to 1",
  ]);
});

Deno.test("the types of the examples can be read", async () => {
  const { loadProgram } = await import("../../lib/contracts/program.ts");
  const { readContracts } = await import("../../lib/contracts/contract_reader.ts");
  const { default: ts } = await import("typescript");
  const paths = [...examples(new URL("../../examples/", import.meta.url))];
  const { program, problems } = loadProgram(ts, paths, { resolve: resolveCasty });
  assertEquals(problems, []);
  let count = 0;
  for (const path of paths) {
    const { problems, notes, contracts } = readContracts(
      ts,
      program,
      ({ fileName }) => fileName === path,
    );
    assertEquals([...problems, ...notes], []);
    count += Object.keys(contracts).length;
  }
  assert(count > 10, `only ${count} contracts were found`);
});

function* examples(folder: URL): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* examples(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield new URL(name, folder).pathname;
  }
}

Deno.test("constants, spreads and inferred types are followed", () => {
  assertEquals(sound(read("constants")).contracts["durable account"], {
    kind: "eventSourced",
    version: 3,
    upcastEvent: [0, 2],
    message: { fields: { add: "number" } },
    event: { fields: { added: "number" } },
    state: { fields: { n: "number" } },
    snapshots: true,
  });
  assertEquals(Object.keys(sound(read("byText")).contracts), ["durable settings"]);
});

Deno.test("what an entity accepts is kept once", () => {
  const { contracts } = sound(read("entity"));
  assertEquals(contracts["entity counters"]!.kind, "entity");
  assertEquals("message" in contracts["durable account"]!, false);
});

Deno.test("an id that comes from an entity type has its name", () => {
  for (const name of ["named", "inner"]) {
    assertEquals(Object.keys(sound(read(name)).contracts), ["durable counters", "entity counters"]);
  }
});

Deno.test("singletons, workers, broadcasted actors and topics have contracts", () => {
  const { contracts } = sound(read("spawned"));
  assertEquals(contracts, {
    "broadcast caches": { kind: "broadcast", message: { fields: { c: { value: 3 } } } },
    "singleton tickets": { kind: "singleton", message: { fields: { a: { value: 1 } } } },
    "topic prices": { kind: "topic", message: { fields: { d: { value: 4 } } } },
    "workers indexers": { kind: "workers", count: 4, message: { fields: { b: { value: 2 } } } },
  });
  const { problems, notes } = read("spawned with computed names");
  assertEquals(problems, []);
  assertEquals(notes.map(({ place, text }) => `${place}: ${text}`), [
    "Behaviors.singleton: the name of the actor is not known",
    "workers indexers: its count is computed",
    "Behaviors.broadcasted: the name of the actor is not known",
    "topic: its name is computed",
  ]);
});

Deno.test("durable singletons and workers have the kind of their sharded type", () => {
  const { contracts } = sound(read("durable and spawned"));
  const type = singletonPlace("sequence").shardType;
  assertEquals(Object.keys(contracts), [
    `durable ${type}`,
    `durable ${workersType("work")}`,
    "durable carts",
    "entity carts",
    "singleton sequence",
    "workers work",
  ]);
  // What the singleton accepts is kept once.
  assertEquals("message" in contracts[`durable ${type}`]!, false);
});

Deno.test("types that refer to themselves have names", () => {
  const { contracts, types } = sound(read("recursion"));
  assertEquals(contracts["entity counters"], {
    kind: "entity",
    numShards: 20,
    message: { type: "Json" },
  });
  assertEquals(types.Json, {
    oneOf: [
      "boolean",
      "null",
      "number",
      "string",
      { fields: {}, others: { type: "Json" } },
      { list: { type: "Json" } },
    ],
  });
});

Deno.test("types that are carried as they are have shapes of their own", () => {
  const { contracts } = sound(read("binaries"));
  const { fields } = (contracts["entity counters"] as unknown as {
    message: { fields: Record<string, string> };
  }).message;
  for (const [name, shape] of Object.entries(fields)) assertEquals(shape, leafTypes.get(name));
  const errors = sound(read("errors")).contracts["entity counters"] as { message: unknown };
  assertEquals(errors.message, { fields: { a: "Error", b: "Error", c: "Error" } });
});

Deno.test("the codec carries each of them, and no other typed array", () => {
  const codec = new Codec({ now: () => 0, resolve: () => undefined as never });
  const all = Object.getOwnPropertyNames(globalThis).filter((name) =>
    /Array$|^DataView$|^ArrayBuffer$/.test(name) && name !== "Array"
  );
  for (const name of all) {
    const Type = (globalThis as unknown as Record<string, new (of: unknown) => object>)[name]!;
    const value = new Type(name === "DataView" ? new ArrayBuffer(8) : 8);
    const read = codec.decode(codec.encode(value));
    assertEquals(Object.getPrototypeOf(read), Type.prototype, name);
  }
  assertEquals(all.sort(), [...binaryTypes].sort());
  const values = [new Date(5), new Map([["a", new Set([1n])]]), new Error("no"), undefined, null];
  for (const value of values) {
    const again = codec.decode(codec.encode(value));
    assertEquals(Object.prototype.toString.call(again), Object.prototype.toString.call(value));
  }
});
