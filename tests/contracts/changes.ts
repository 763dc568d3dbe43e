/** Changes of programs, each with the rule that notices it. */
import type { RuleName } from "../../lib/contracts/rules.ts";
import { events, messages, states } from "./programs.ts";

/** A change. */
export interface Change {
  readonly rule: RuleName;
  /** Where; a part of the text is enough. */
  readonly at: string;
  readonly before: string;
  readonly after: string;
  /** The types alone, if they are all that differs. */
  readonly types?: readonly [before: string, after: string];
}

type Pair = readonly [rule: RuleName, at: string, before: string, after: string];

const all = (pairs: readonly Pair[], make: (type: string) => string): Change[] =>
  pairs.map(([rule, at, before, after]) => ({
    rule,
    at,
    before: make(before),
    after: make(after),
    types: [before, after],
  }));

const deposit = `{ type: "deposit"; amount: number }`;
const snapshots = "snapshots: { every: 10 },";
const version = (number: number, rest = "") => `schema: { version: ${number}, ${rest} },`;

/** Changes that break a rolling upgrade, a rollback, or what is stored. */
export const breaking: readonly Change[] = [
  ...all([
    ["fieldRemoved", "message.amount", "{ amount: number; to: string }", "{ to: string }"],
    ["requiredFieldAdded", "message.to", "{ amount: number }", "{ amount: number; to: string }"],
    ["fieldRenamed", "message.amount", "{ amount: number }", "{ cents: number }"],
    ["fieldRenamed", "message.note", "{ a: 1; note?: string }", "{ a: 1; comment?: string }"],
    ["optionalBecameRequired", "message.to", "{ to?: string }", "{ to: string }"],
    ["requiredBecameOptional", "message.to", "{ to: string }", "{ to?: string }"],
    ["typeChanged", "message.amount", "{ amount: number }", "{ amount: string }"],
    ["typeChanged", "message.amount", "{ amount: number }", "{ amount: bigint }"],
    ["typeChanged", "message.at", "{ at: Date }", "{ at: string }"],
    ["typeChanged", "message.bytes", "{ bytes: Uint8Array }", "{ bytes: Int8Array }"],
    ["typeChanged", "message.to", "{ to: ActorRef<number> }", "{ to: string }"],
    ["typeNarrowed", "message.color", "{ color: string }", `{ color: "red" }`],
    ["typeNarrowed", "message.any", "{ any: unknown }", "{ any: string }"],
    ["typeWidened", "message.color", `{ color: "red" }`, "{ color: string }"],
    ["typeWidened", "message.any", "{ any: string }", "{ any: unknown }"],
    ["typeWidened", "message.any", "{ any: null }", "{ any: string | null }"],
    ["nullabilityRemoved", "message.to", "{ to: string | null }", "{ to: string }"],
    ["nullabilityAdded", "message.to", "{ to: string }", "{ to: string | null }"],
    ["arrayBecameScalar", "message.tags", "{ tags: string[] }", "{ tags: string }"],
    ["scalarBecameArray", "message.tags", "{ tags: string }", "{ tags: readonly string[] }"],
    ["containerChanged", "message.by", "{ by: Map<string, 1> }", "{ by: Record<string, 1> }"],
    ["unionMemberAdded", "message.by", "{ by: Set<string> }", "{ by: string[] | Set<string> }"],
    ["containerChanged", "message.by", "{ by: Set<string> }", "{ by: Map<string, 1> }"],
    ["containerChanged", "message.by", "{ by: { a: 1 } }", "{ by: Record<string, 1> }"],
    ["tupleLengthChanged", "message.at", "{ at: [number, number] }", "{ at: [1, 2, 3] }"],
    ["typeChanged", "message.at[1]", "{ at: [number, number] }", "{ at: [number, string] }"],
    ["keyTypeChanged", "message.by", "{ by: Map<string, 1> }", "{ by: Map<number, 1> }"],
    ["typeChanged", "message.by{}", "{ by: Map<1, string> }", "{ by: Map<1, number> }"],
    ["typeChanged", "message.tags[]", "{ tags: string[] }", "{ tags: number[] }"],
    ["typeChanged", "message.tags{}", "{ tags: Set<string> }", "{ tags: Set<number> }"],
    ["typeChanged", "message.by[key]", "{ by: Record<string, 1> }", `{ by: Record<string, "1"> }`],
    ["literalRemoved", "message.color", `{ color: "red" | "blue" }`, `{ color: "red" }`],
    ["literalAdded", "message.color", `{ color: "red" }`, `{ color: "red" | "blue" }`],
    ["literalRemoved", "message.id", "{ id: `a-${string}` }", "{ id: `b-${string}` }"],
    ["variantRemoved", "message", `${deposit} | { type: "get" }`, deposit],
    ["variantAdded", "message", deposit, `${deposit} | { type: "get" }`],
    ["variantRenamed", "message", deposit, `{ type: "payIn"; amount: number }`],
    [
      "discriminantRenamed",
      "message",
      `${deposit} | { type: "get" }`,
      `{ kind: "deposit"; amount: number } | { kind: "get" }`,
    ],
    [
      "discriminantAdded",
      "message",
      "{ amount: number }",
      `{ type: "a"; amount: number } | { type: "b" }`,
    ],
    [
      "discriminantRemoved",
      "message",
      `{ type: "a"; amount: number } | { type: "b" }`,
      "{ amount: number }",
    ],
    ["fieldRemoved", `message "deposit".amount`, deposit, `{ type: "deposit" }`],
    ["unionMemberRemoved", "message.to", "{ to: string | number }", "{ to: string }"],
    ["unionMemberAdded", "message.to", "{ to: string }", "{ to: string | number }"],
    // A reply of the new program that an old asker does not know, and the other way round.
    ["literalAdded", "message.to (reply)", `{ to: ActorRef<"a"> }`, `{ to: ActorRef<"a" | "b"> }`],
    ["literalRemoved", "message.to (reply)", `{ to: ActorRef<1 | 2> }`, `{ to: ActorRef<1> }`],
    ["typeChanged", "message.to (reply)", "{ to: ActorRef<string> }", "{ to: ActorRef<number> }"],
  ], messages),
  {
    rule: "typeChanged",
    at: "message.value",
    before: messages("Tree", "interface Tree { value: number; children: Tree[] }"),
    after: messages("Tree", "interface Tree { value: string; children: Tree[] }"),
  },
  {
    rule: "typeChanged",
    at: "message.items[].value",
    before: messages("Page<{ value: number }>", "interface Page<T> { items: T[] }"),
    after: messages("Page<{ value: Date }>", "interface Page<T> { items: T[] }"),
  },
  {
    rule: "typeChanged",
    at: "message.id",
    before: messages(`{ id: string & { readonly brand: "id" } }`),
    after: messages(`{ id: number & { readonly brand: "id" } }`),
  },
  {
    rule: "shardCountChanged",
    at: "numShards",
    before: `const T = entityType<string>("counters", { numShards: 20 });`,
    after: `const T = entityType<string>("counters");`,
  },
  {
    rule: "entityTypeRemoved",
    at: "",
    before: `const T = entityType<string>("counters"); const U = entityType<1>("others");`,
    after: `const U = entityType<1>("others");`,
  },
  {
    rule: "entityTypeRenamed",
    at: "",
    before: `const T = entityType<string>("counters");`,
    after: `const T = entityType<string>("counts");`,
  },
  {
    rule: "typeChanged",
    at: "message",
    before: `declare const system: { spawn(behavior: unknown, name: string): void };
system.spawn(Behaviors.sharded((_id: string) => Behaviors.receive<string>(() =>
  Behaviors.same())), "counters");`,
    after: `declare const system: { spawn(behavior: unknown, name: string): void };
system.spawn(Behaviors.sharded((_id: string) => Behaviors.receive<number>(() =>
  Behaviors.same())), "counters");`,
  },
  ...spawnedAndTopics(),
  {
    rule: "serviceRemoved",
    at: "",
    before: `ServiceKey<string>("payment"); ServiceKey<1>("other");`,
    after: `ServiceKey<1>("other");`,
  },
  {
    rule: "serviceRenamed",
    at: "",
    before: `ServiceKey<string>("payment");`,
    after: `ServiceKey<string>("payments");`,
  },
  {
    rule: "requiredFieldAdded",
    at: "message.to",
    before: `ServiceKey<{ amount: number }>("payment");`,
    after: `ServiceKey<{ amount: number; to: string }>("payment");`,
  },
  ...serializers(),
  // What is stored.
  ...all([
    ["fieldRemoved", `event "a".amount`, "{ type: 'a'; amount: number }", "{ type: 'a' }"],
    ["requiredFieldAdded", `event "a".amount`, "{ type: 'a' }", "{ type: 'a'; amount: number }"],
    ["variantRemoved", "event", "{ type: 'a' } | { type: 'b' }", "{ type: 'a' }"],
    ["variantAdded", "event", "{ type: 'a' }", "{ type: 'a' } | { type: 'b' }"],
    ["literalRemoved", "event.color", "{ color: 'r' | 'g' }", "{ color: 'r' }"],
    ["typeChanged", "event.amount", "{ amount: number }", "{ amount: string }"],
    ["nullabilityRemoved", "event.to", "{ to: string | null }", "{ to: string }"],
  ], events),
  ...all([
    ["typeChanged", "state.theme", "{ theme: string }", "{ theme: number }"],
    ["optionalBecameRequired", "state.theme", "{ theme?: string }", "{ theme: string }"],
  ], states),
  {
    rule: "typeChanged",
    at: "state.balance",
    before: events("1", snapshots, "", "{ balance: number }"),
    after: events("1", snapshots, "", "{ balance: string }"),
  },
  {
    rule: "upcasterMissing",
    at: "event.amount",
    before: events("{ amount: number }", version(3)),
    after: events("{ amount: string }", version(4)),
  },
  {
    rule: "upcasterMissing",
    at: "event.amount",
    before: events("{ amount: number }", version(1, "upcastEvent: { 0: (e) => e }")),
    after: events("{ amount: string }", version(2, "upcastEvent: { 0: (e) => e }")),
  },
  {
    rule: "upcasterMissing",
    at: "state.balance",
    before: events("1", snapshots, "", "{ balance: number }"),
    after: events(
      "1",
      snapshots + version(1, "upcastEvent: { 0: (e) => e }"),
      "",
      "{ balance: string }",
    ),
  },
  {
    rule: "upcasterRemoved",
    at: "upcastEvent",
    before: events("1", version(2, "upcastEvent: { 0: (e) => e, 1: (e) => e }")),
    after: events("1", version(2, "upcastEvent: { 1: (e) => e }")),
  },
  {
    rule: "versionWentBack",
    at: "schema.version",
    before: events("1", version(2)),
    after: events("1", version(1)),
  },
  {
    rule: "kindRenamed",
    at: "",
    before: events("{ amount: number }"),
    after: events("{ amount: number }").replace(`persistenceId("account"`, `persistenceId("acct"`),
  },
  { rule: "kindRemoved", at: "", before: events("1") + states("1"), after: events("1") },
  {
    rule: "storageChanged",
    at: "",
    before: events("1"),
    after: states("1").replace(`"settings"`, `"account"`),
  },
];

function serializers(): Change[] {
  const money = (name: string, options: string, data = "[cents] as [number]") => `
class Money { constructor(readonly cents: number) {} }
export const money = serializer({
  name: "${name}", type: Money, ${options}
  encode: ({ cents }) => ${data},
  decode: () => new Money(1),
});
ServiceKey<{ price: Money }>("payment");`;
  return [
    {
      rule: "serializerVersionChanged",
      at: "",
      before: money("money", ""),
      after: money("money", "version: 2,"),
    },
    {
      rule: "serializerChanged",
      at: "message.price",
      before: money("money", ""),
      after: money("money", "version: 2,"),
    },
    { rule: "serializerRenamed", at: "", before: money("money", ""), after: money("cash", "") },
    {
      rule: "serializerRemoved",
      at: "",
      before: money("money", ""),
      after: `ServiceKey<{ price: number }>("payment");`,
    },
    {
      rule: "containerChanged",
      at: "data",
      before: money("money", ""),
      after: money("money", "", "({ cents })"),
    },
  ];
}

/** Changes after which programs of both versions understand each other, and what is stored. */
export const safe: readonly Omit<Change, "rule" | "at">[] = [
  ...[
    ["{ amount: number }", "{ amount: number; note?: string }"],
    ["{ amount: number; note?: string }", "{ amount: number }"],
    ["{ a: number; b: string }", "{ b: string; a: number }"],
    ["{ readonly a: string[] }", "{ a: ReadonlyArray<string> }"],
    ["{ a: Map<string, number> }", "{ a: ReadonlyMap<string, number> }"],
    ["{ a?: string }", "{ a: string | undefined }"],
    ["{ id: string }", `{ id: string & { readonly brand: "id" } }`],
    [`{ c: "red" | "blue" }`, `{ c: "blue" | "red" }`],
    [`{ type: "a" } | { type: "b"; n: 1 }`, `{ type: "b"; n: 1 } | { type: "a" }`],
    ["{ a: 1 } & { b: 2 }", "{ a: 1; b: 2 }"],
    ["{ a: boolean }", "{ a: true | false }"],
    ["Record<'a' | 'b', number>", "{ a: number; b: number }"],
    ["{ to: ActorRef<{ a: 1 }> }", "{ to: ActorRef<{ a: 1; b?: 2 }> }"],
  ].map(([before, after]) => ({
    before: messages(before!),
    after: messages(after!),
    types: [before!, after!] as const,
  })),
  {
    before: messages("Deposit", "interface Deposit { amount: number }"),
    after: messages("PayIn", "type PayIn = { amount: number };"),
  },
  {
    before: messages("Page<string>", "interface Page<T> { items: T[]; next?: Page<T> }"),
    after: messages("Texts", "interface Texts { items: string[]; next?: Texts }"),
  },
  {
    before: messages("{ color: Color }", `type Color = "red" | "blue";`),
    after: messages("{ color: Color }", `enum Color { Red = "red", Blue = "blue" }`),
  },
  {
    before: `const Counters = entityType<string>("counters");`,
    after: `const name = "counters"; const options = { numShards: 256 } as const;
const Counters = entityType<string>(name, options); ServiceKey<1>("new");`,
  },
  // A higher version with an upcaster may change everything.
  {
    before: events("{ type: 'a'; amount: number }"),
    after: events("{ kind: 'b'; cents: bigint }", version(1, "upcastEvent: { 0: (e) => e }")),
  },
  {
    before: states("{ theme: string }"),
    after: states("{ theme: number }", version(1, "upcastState: { 0: (s) => s }")),
  },
  // A higher version alone is enough where only old programs would be in trouble.
  {
    before: events("{ type: 'a' }"),
    after: events("{ type: 'a' } | { type: 'b' }", version(1)),
  },
  // States of event-sourced actors without snapshots are not stored.
  {
    before: events("1", "", "", "{ balance: number }"),
    after: events("1", "", "", "{ balance: string }"),
  },
];

/** Singletons, workers, broadcasted actors and topics. */
function spawnedAndTopics(): readonly Change[] {
  const spawned = (what: string) => (type: string, name = "one") => `
declare const system: { spawn(behavior: unknown, name: string): void };
const receive = () => Behaviors.receive<${type}>(() => Behaviors.same());
system.spawn(Behaviors.${what}, "${name}");`;
  const kinds = {
    singleton: spawned("singleton(receive())"),
    workers: spawned("workers(3, receive)"),
    broadcast: spawned("broadcasted(receive())"),
    topic: (type: string, name = "one") => `export const T = Topic<${type}>("${name}");`,
  } as const;
  const other = `ServiceKey<1>("other");`;
  return Object.entries(kinds).flatMap(([kind, program]): Change[] => [
    {
      rule: `${kind as keyof typeof kinds}Removed`,
      at: "",
      before: program("string") + other,
      after: other,
    },
    {
      rule: `${kind as keyof typeof kinds}Renamed`,
      at: "",
      before: program("string"),
      after: program("string", "two"),
    },
    {
      rule: "requiredFieldAdded",
      at: "message.b",
      before: program("{ a: 1 }"),
      after: program("{ a: 1; b: 2 }"),
    },
  ]).concat({
    rule: "workerCountChanged",
    at: "count",
    before: kinds.workers("string"),
    after: kinds.workers("string").replace("workers(3", "workers(4"),
  });
}
