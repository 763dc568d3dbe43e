import { systemClock } from "../../lib/runtime/system_clock.ts";
import fc from "fast-check";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Codec } from "../../lib/wire/codec.ts";
import { transportTable } from "../../lib/options/tables/transport_tables.ts";
import { frameTooLarge, tooDeep, tooLarge, WireError } from "../../lib/wire/errors.ts";
import {
  anyValue,
  assertSame,
  bytesOf,
  hexOf,
  newCodec,
  roundTrip,
  TestRef,
  wireErrorOf,
} from "./values.ts";
import { OptionError } from "../../lib/options/option_error.ts";

Deno.test("every kind of value, nested at will, comes back equal", () => {
  const codec = newCodec();
  fc.assert(
    fc.property(anyValue, (value) => assertSame(roundTrip(codec, value), value)),
    { numRuns: 3_000 },
  );
});

Deno.test("undefined survives at the top, in arrays and in objects", () => {
  const codec = newCodec();
  assertStrictEquals(roundTrip(codec, undefined), undefined);
  const back = roundTrip(codec, { a: undefined, b: [1, undefined, null] });
  assertSame(back, { a: undefined, b: [1, undefined, null] });
  assert(Object.hasOwn(back as object, "a"));
});

Deno.test("numbers keep sign of zero, NaN, infinities and all 53 bits", () => {
  const codec = newCodec();
  const edges = [0, -0, NaN, Infinity, -Infinity, 0.1, 5e-324, 1.7976931348623157e308];
  for (const exponent of [7, 8, 15, 16, 31, 32, 33, 52, 53]) {
    for (const offset of [-1, 0, 1]) {
      edges.push(2 ** exponent + offset, -(2 ** exponent) - offset);
    }
  }
  for (const edge of edges) assertStrictEquals(Object.is(roundTrip(codec, edge), edge), true);
});

Deno.test("ill-formed text and a leading U+FEFF come back unit by unit", () => {
  const codec = newCodec();
  for (const text of ["\ud800", "a\udc00b", "\udc00\ud800", "\ufeff" + "x".repeat(300), "\ufeff"]) {
    assertStrictEquals(roundTrip(codec, text), text);
    assertStrictEquals(roundTrip(codec, text + "y".repeat(10_000)), text + "y".repeat(10_000));
  }
});

Deno.test("U+FEFF at the start is text: in values, keys, Maps, errors and references", () => {
  const codec = newCodec();
  for (
    const name of ["\ufeff", "\ufeff\ufeffid", "\ufeff" + "x".repeat(300), "\ufeffż", "ż\ufeff"]
  ) {
    const value = { [name]: [name, new Map([[name, name]]), new Set([name])] };
    assertSame(roundTrip(codec, value), value);
    const error = roundTrip(codec, new Error(name)) as Error;
    assertStrictEquals(error.message, name);
    const address = { node: name, path: name, uid: 1 };
    const { node, path, uid } = roundTrip(codec, new TestRef(address)) as TestRef;
    assertEquals({ node, path, uid }, address);
  }
  // The form of earlier versions, which still comes from them: UTF-16.
  assertStrictEquals(codec.decode(bytesOf("d7 02 ff fe 61 00 62 00 63 00")), "\ufeffabc");
});

Deno.test("each limit but that of paths names an option as its remedy, and all are options", () => {
  const codec = newCodec();
  for (const limit of Object.keys(codec.limits) as (keyof typeof codec.limits)[]) {
    const { remedy } = limit === "maxDepth" ? tooDeep("x", 1) : tooLarge("x", 2, "bytes", limit, 1);
    if (limit === "maxPath") assert(!remedy!.includes("raise"), remedy);
    else assert(remedy!.includes(`raise transport.${limit} on both ends`), remedy);
    assertStrictEquals(limit in transportTable.options, limit !== "maxPath", limit);
  }
  assert(frameTooLarge(2, 1).remedy!.includes("transport.maxFrame"));
});

Deno.test("typed arrays are copied out of the receive buffer", () => {
  const codec = newCodec();
  const received = codec.encode({ data: new Uint8Array([1, 2, 3]) }).slice();
  const back = codec.decode(received) as { data: Uint8Array };
  received.fill(0);
  assertEquals([...back.data], [1, 2, 3]);
  assertStrictEquals(back.data.buffer.byteLength, 3);
});

Deno.test("an error crosses with name, message, code and causes, without its stack", () => {
  const codec = newCodec();
  const error = Object.assign(new TypeError("bad", { cause: new Error("root", { cause: 7 }) }), {
    code: "E_BAD",
  });
  const back = roundTrip(codec, error) as Error & { code: string };
  assertInstanceOf(back, Error);
  assertEquals([back.name, back.message, back.code], ["TypeError", "bad", "E_BAD"]);
  assertStrictEquals(back.stack, "TypeError: bad");
  assertStrictEquals((back.cause as Error).message, "root");
  assertStrictEquals((back.cause as Error).cause, 7);
});

Deno.test("a chain of causes is cut, also when it is a circle", () => {
  const codec = newCodec();
  const error: Error = new Error("self");
  error.cause = error;
  let depth = 0;
  for (let at: unknown = roundTrip(codec, error); at instanceof Error; at = at.cause) depth++;
  assertStrictEquals(depth, 9);
  const odd = roundTrip(codec, new Error("odd", { cause: { socket: () => 0 } })) as Error;
  assertStrictEquals(odd.cause, undefined);
});

Deno.test("what is not data is refused with the place and the remedy", () => {
  const codec = newCodec();
  class Account {
    balance = 1;
  }
  const cases: [unknown, string][] = [
    [{ items: [0, 1, 2, { callback: () => 1 }] }, "message.items[3].callback is a function"],
    [() => 1, "message is a function"],
    [[Symbol("x")], "message[0] is a symbol"],
    [{ "a b": new Account() }, 'message["a b"] is an instance of Account'],
    [{ a: { b: { c: 1 } }, z: new WeakMap() }, "message.z is an instance of WeakMap"],
    [{ p: Promise.resolve(1) }, "await it first"],
    [{ url: new URL("http://x") }, "message.url is an instance of URL"],
    [/x/, "message is an instance of RegExp"],
    [new (class extends Map {})(), "copy it into a plain Map"],
    [new (class extends Uint8Array {})(1), "copy it with Uint8Array.from"],
    [new Map([["k", () => 1]]), "message[0] is a function"],
    [new SharedArrayBuffer(1), "message is an instance of SharedArrayBuffer"],
    [{ a: { [Symbol("s")]: 1 } }, "message.a has a symbol as key"],
    [{ "\ud800": 1 }, "UTF-8 cannot carry"],
    [
      Object.assign(Object.create({ inherited: 1 }), { own: 1 }),
      "message is an instance of Object",
    ],
  ];
  for (const [value, text] of cases) {
    const error = assertThrows(() => codec.encode(value), WireError, text);
    assertStrictEquals(error.code, "notSerializable");
    assert(error.remedy !== undefined && error.message.endsWith(error.remedy));
  }
});

Deno.test("getters, proxies and detached buffers end in a WireError", () => {
  const codec = newCodec();
  const buffer = new ArrayBuffer(8);
  const view = new Uint8Array(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  const hostile: unknown[] = [
    {
      get a() {
        throw new Error("no");
      },
    },
    new Proxy({}, {
      ownKeys() {
        throw new Error("no");
      },
    }),
    buffer,
    view,
    Object.create(Date.prototype),
  ];
  for (const value of hostile) {
    assertStrictEquals(wireErrorOf(() => codec.encode(value)), "notSerializable");
  }
  assertStrictEquals(roundTrip(codec, 5), 5);
});

Deno.test("what is checked is what is sent: a getter is read once, a container keeps its size", () => {
  const codec = newCodec();
  let turn = 0;
  const fickle = {
    get a() {
      return turn++ === 0 ? 1 : () => 1;
    },
  };
  assertSame(roundTrip(codec, fickle), { a: 1 });
  assertStrictEquals(turn, 1);
  const keys: Record<string, unknown> = {
    get a() {
      delete keys["b"];
      return 1;
    },
    b: 2,
  };
  const map = new Map<string, unknown>();
  const grows = {
    get a() {
      map.set("more", 1);
      return 1;
    },
  };
  map.set("grows", grows);
  const set = new Set<unknown>([{
    get a() {
      set.clear();
      return 1;
    },
  }, 2]);
  for (const value of [keys, map, set]) {
    assertThrows(
      () => codec.encode({ value }),
      WireError,
      "message.value changes while it is read",
    );
  }
});

Deno.test("cycles and depth beyond maxDepth are refused, maxDepth itself passes both ways", () => {
  const codec = newCodec({ maxDepth: 5 });
  const nested = (depth: number): unknown => depth === 0 ? 1 : [nested(depth - 1)];
  assertSame(roundTrip(codec, nested(5)), nested(5));
  assertSame(roundTrip(newCodec(), nested(128)), nested(128));
  assertStrictEquals(wireErrorOf(() => newCodec().encode(nested(129))), "tooDeep");
  assertThrows(() => codec.encode(nested(6)), WireError, "maxDepth 5");
  assertStrictEquals(wireErrorOf(() => codec.decode(newCodec().encode(nested(6)))), "tooDeep");
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  assertStrictEquals(wireErrorOf(() => codec.encode(cycle)), "tooDeep");
  const map = new Map<string, unknown>();
  map.set("self", map);
  assertThrows(() => codec.encode({ map }), WireError, "message.map[0]");
});

Deno.test("a value that shares parts does not unfold without bound", () => {
  let laughs: unknown = ["ha"];
  for (let i = 0; i < 40; i++) laughs = [laughs, laughs];
  assertThrows(() => newCodec().encode(laughs), WireError, "maxValues");
});

Deno.test("each limit refuses on both ends and names itself", () => {
  const roomy = newCodec();
  const cases: [keyof Codec["limits"], number, unknown, unknown][] = [
    ["maxString", 4, "żż", "żżx"],
    ["maxString", 4, { abcd: 1 }, { abcde: 1 }],
    ["maxString", 4, "\ud800\ud800", "\ud800\ud800\ud800"],
    ["maxBinary", 8, new Uint8Array(8), new Uint8Array(9)],
    ["maxBinary", 20, 1n << 150n, 1n << 160n],
    ["maxArray", 20, new Array(20).fill(0), new Array(21).fill(0)],
    ["maxMap", 2, new Set([1, 2]), new Set([1, 2, 3])],
    ["maxMap", 2, new Map([[1, 2], [3, 4]]), new Map([[1, 2], [3, 4], [5, 6]])],
    ["maxMap", 2, { a: 1, b: 2 }, { a: 1, b: 2, c: 3 }],
    ["maxValues", 3, [1, 2], [1, 2, 3]],
    ["maxValues", 4, new Set([1, 2]), new Set([1, 2, 3])],
    ["maxValues", 6, new Map([[1, 2], [3, 4]]), new Map([[1, 2], [3, 4], [5, 6]])],
    ["maxValues", 5, { a: 1, b: 2 }, { a: 1, b: 2, c: 3 }],
    ["maxValues", 5, new Error("x"), [new Error("x")]],
  ];
  for (const [limit, maximum, fits, exceeds] of cases) {
    const codec = newCodec({ [limit]: maximum });
    assertSame(roundTrip(codec, fits), fits);
    const error = assertThrows(() => codec.encode(exceeds), WireError, `${limit} ${maximum}`);
    assertStrictEquals(error.code, "tooLarge");
    const bytes = roomy.encode(exceeds).slice();
    assertStrictEquals(wireErrorOf(() => codec.decode(bytes)), "tooLarge", Deno.inspect(exceeds));
  }
  const pairs = new Map(Array.from({ length: 50 }, (_, i) => [i, i]));
  assertSame(roundTrip(newCodec({ maxArray: 10, maxMap: 50 }), pairs), pairs);
  assertStrictEquals(
    wireErrorOf(() => newCodec({ maxArray: 10, maxMap: 49 }).decode(roomy.encode(pairs).slice())),
    "tooLarge",
  );
  assertThrows(
    () => newCodec({ maxMessage: 99 }).encode("x".repeat(100)),
    WireError,
    "maxMessage 99",
  );
  assertThrows(() => newCodec({ maxDepth: 0 }), OptionError, "maxDepth: 0");
});

Deno.test("a reference beyond maxPath is refused on both ends", () => {
  const long = new TestRef({ node: "n:1", path: "/" + "p".repeat(50), uid: 1 });
  const small = newCodec({ maxPath: 50 });
  assertThrows(() => small.encode(long), WireError, "maxPath 50");
  assertStrictEquals(wireErrorOf(() => small.decode(newCodec().encode(long))), "malformed");
  const bad = new TestRef({ node: "n:1", path: "/p", uid: -1 });
  assertThrows(() => small.encode(bad), WireError, "uid -1");
});

Deno.test("no key sets a prototype, neither ours nor a peer's", () => {
  const codec = newCodec();
  const own = JSON.parse('{"__proto__": {"polluted": true}}');
  assertThrows(
    () => codec.encode({ deep: own }),
    WireError,
    'message.deep has the key "__proto__"',
  );
  // {"__proto__": {"polluted": true}} as another msgpack encoder writes it.
  const crafted = bytesOf("81 a9 5f5f70726f746f5f5f 81 a8 706f6c6c75746564 c3");
  assertStrictEquals(wireErrorOf(() => codec.decode(crafted)), "malformed");
  // The same key in an overlong form of UTF-8: c1 9f for each "_".
  const overlong = bytesOf("81 ad c19f c19f 70726f746f c19f c19f 80");
  assertStrictEquals(wireErrorOf(() => codec.decode(overlong)), "malformed");
  const plain = { constructor: { prototype: { polluted: true } }, prototype: 1, toString: 2 };
  const back = roundTrip(codec, plain) as object;
  assertSame(back, plain);
  assertStrictEquals(Object.getPrototypeOf(back), Object.prototype);
  assertStrictEquals(({} as { polluted?: boolean }).polluted, undefined);
  const map = roundTrip(codec, new Map([["__proto__", 1]])) as Map<string, number>;
  assertStrictEquals(map.get("__proto__"), 1);
});

Deno.test("headers that announce more than there is throw before anything is allocated", () => {
  const codec = newCodec({ maxArray: 2 ** 25, maxMap: 2 ** 24, maxValues: 2 ** 28 });
  for (
    const hex of [
      "dd ffffffff 01 02 03 04 05",
      "df ffffffff a1 61 01",
      "dd 01ffffff 01",
      "db 0000ffff 61",
      "c9 0000ffff 11 00",
      "c6 00000001 00",
      "d9",
      "cf 00",
      "c7",
      "",
    ]
  ) {
    const code = wireErrorOf(() => codec.decode(bytesOf(hex)));
    assert(code === "malformed" || code === "tooLarge", `${hex}: ${code}`);
  }
  // Arrays in arrays, each as long as the bytes that remain: one alone is honest, all are not.
  const size = 2 ** 20;
  const bomb = new Uint8Array(size).fill(0xc0);
  for (let i = 0; i < 60; i++) {
    bomb[i * 5] = 0xdd;
    new DataView(bomb.buffer).setUint32(i * 5 + 1, size - 400);
  }
  const before = Deno.memoryUsage().heapTotal;
  for (let i = 0; i < 200; i++) {
    assertStrictEquals(wireErrorOf(() => codec.decode(bomb)), "malformed");
  }
  assert(Deno.memoryUsage().heapTotal - before < 32 * 2 ** 20);
});

Deno.test("bytes that no codec writes are malformed", () => {
  const codec = newCodec();
  const cases = {
    "c1": "unused byte",
    "c4 01 00": "bare binary",
    "01 02": "two values",
    "81 01 02": "number as key",
    "81 c0 02": "null as key",
    "c7 00 08": "mark alone",
    "92 01 c7 00 08": "mark inside",
    "81 a1 61 c7 00 09": "mark as value",
    "92 c7 00 08 01": "Map with an odd number",
    "92 c7 00 0a 01": "Error without a message",
    "94 c7 00 0a a1 61 a1 62 c2": "Error with a strange code",
    "d4 08 00": "mark with bytes",
    "d4 00 00": "undefined with bytes",
    "d4 04 00": "short date",
    "d5 03 0001": "short bigint",
    "d4 02 00": "half a UTF-16 unit",
    "d4 14 00": "half an element",
    "d4 06 00": "unknown extension",
    "d4 7f 00": "unknown extension",
    "d4 ff 00": "timestamp, which we do not use",
    "d4 05 01": "reference without a node",
    "d6 05 01 05 61 61": "reference with a cut node",
    "d6 05 01 00 ff fe": "reference that is not UTF-8",
    "d6 05 80 00 00 61": "reference with a number not in shortest form",
    "cf 0020000000000000": "integer of 2^53",
    "d3 8000000000000000": "integer of -2^63",
  };
  for (const [hex, what] of Object.entries(cases)) {
    assertStrictEquals(wireErrorOf(() => codec.decode(bytesOf(hex))), "malformed", what);
  }
});

Deno.test("a resolver that throws makes the message malformed, not the process unwell", () => {
  const codec = new Codec({
    now: systemClock.now,
    resolve: () => {
      throw new Error("no such node");
    },
  });
  const bytes = codec.encode(new TestRef({ node: "n:1", path: "/a", uid: 3 })).slice();
  const error = assertThrows(() => codec.decode(bytes), WireError, "no such node");
  assertStringIncludes((error.cause as Error).message, "no such node");
});

Deno.test("encoding and decoding may be entered again from their callbacks", () => {
  const seen: string[] = [];
  const inner = newCodec();
  let depth = 0;
  const codec: Codec = new Codec({
    now: systemClock.now,
    resolve: (address) => {
      if (depth++ === 0) {
        assertSame(codec.decode(inner.encode([new Map([[1, 2]])])), [new Map([[1, 2]])]);
      }
      return new TestRef(address);
    },
    onRefEncoded: (ref) => {
      seen.push(ref.path);
      if (seen.length === 1) {
        codec.encode({ other: new TestRef({ node: "x:1", path: "/inner", uid: 9 }) });
      }
    },
  });
  const value = {
    get first() {
      codec.encode({ a: [[[1]]] });
      return 1;
    },
    refs: [1, 2, 3].map((uid) => new TestRef({ node: "n:1", path: `/actor-${uid}`, uid })),
    set: new Set(["after"]),
  };
  const back = codec.decode(codec.encode(value).slice()) as typeof value;
  assertSame(back.refs, value.refs);
  assertSame(back.set, value.set);
  assertEquals(seen, ["/actor-1", "/inner", "/actor-2", "/actor-3"]);
});

Deno.test("a message larger than the kept buffer does not harm the next", () => {
  const codec = newCodec();
  const big = codec.encode(new Uint8Array(3_000_000).fill(7));
  const copy = big.slice();
  assertStrictEquals(hexOf(codec.encode([1])), "91 01");
  assertStrictEquals((codec.decode(copy) as Uint8Array).every((byte) => byte === 7), true);
});

Deno.test("the layout of every kind of value is pinned", () => {
  const codec = newCodec();
  const pins: [unknown, string][] = [
    [null, "c0"],
    [undefined, "c7 00 00"],
    [-0, "c7 00 01"],
    [1.5, "cb 3f f8 00 00 00 00 00 00"],
    [2 ** 32, "cf 00 00 00 01 00 00 00 00"],
    ["hé", "a3 68 c3 a9"],
    ["\ud800", "d5 02 00 d8"],
    [-2n, "d7 03 ff ff ff ff ff ff ff fe"],
    [-(1n << 64n), "c7 0a 03 01 01 00 00 00 00 00 00 00 00"],
    [new Date(1000), "d7 04 40 8f 40 00 00 00 00 00"],
    [new TestRef({ node: "n:1", path: "/a", uid: 300 }), "d7 05 ac 02 03 6e 3a 31 2f 61"],
    [new Map([["k", 1]]), "93 c7 00 08 a1 6b 01"],
    [new Set([1]), "92 c7 00 09 01"],
    [new Error("m"), "94 c7 00 0a a5 45 72 72 6f 72 a1 6d c0"],
    [new ArrayBuffer(1), "d4 10 00"],
    [new Uint8Array([255]), "d4 11 ff"],
    [new Float64Array([1]), "d7 19 00 00 00 00 00 00 f0 3f"],
    [{ type: "x" }, "81 a4 74 79 70 65 a1 78"],
  ];
  for (const [value, hex] of pins) {
    assertStrictEquals(hexOf(codec.encode(value)), hex);
  }
});
