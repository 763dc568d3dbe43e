import { systemClock } from "../../lib/runtime/system_clock.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import { Codec } from "../../lib/wire/codec.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { type Serializer, serializer } from "../../lib/wire/serializer.ts";
import { SerializerRegistry, SerializerScan } from "../../lib/wire/serializer_registry.ts";
import { Money, money, Price, price } from "./money.ts";
import { hexOf, roundTrip, TestRef } from "./values.ts";

function codecOf(...serializers: Serializer[]): [Codec, SerializerRegistry] {
  const registry = new SerializerRegistry(serializers);
  const codec = new Codec({
    now: systemClock.now,
    resolve: (address) => new TestRef(address),
    serializers: registry,
  });
  return [codec, registry];
}

/** The message of the error that is thrown, with its code before it. */
function errorOf(attempt: () => unknown, code: string): string {
  const error = assertThrows(attempt, CastyError);
  assertStrictEquals(error.code, code);
  return error.message;
}

function assertSays(message: string, ...parts: string[]): void {
  for (const part of parts) assert(message.includes(part), `"${message}" does not say "${part}"`);
}

Deno.test("values of users' classes come back as such, inside anything and each other", () => {
  const [codec] = codecOf(money, price);
  const net = new Money(12345678901234567890n, "EUR");
  const message = {
    prices: new Map([["tea", new Price(net, Uint8Array.of(1, 2, 3))]]),
    list: [net, new Set([net]), null],
  };
  const back = roundTrip(codec, message) as typeof message;
  assertEquals(back, message);
  assertInstanceOf(back.prices.get("tea")!.net, Money);
});

Deno.test("a value is a mark with the number of its serializer, and the data", () => {
  const [codec] = codecOf(price, money);
  assertStrictEquals(
    hexOf(codec.encode(new Money(1n, "EUR"))),
    "92 c7 00 41 92 d7 03 00 00 00 00 00 00 00 01 a3 45 55 52",
  );
});

Deno.test("a test takes what no class takes: foreign classes, errors and arrays of a kind", () => {
  class Failure extends Error {}
  const url = serializer({
    name: "url",
    test: (value) => value instanceof URL,
    encode: (value) => (value as URL).href,
    decode: (data) => new URL(data as string),
  });
  const failure = serializer({
    name: "failure",
    type: Failure,
    encode: ({ message }) => message,
    decode: (data) => new Failure(data as string),
  });
  const [codec] = codecOf(url, failure);
  assertEquals(
    roundTrip(codec, new URL("https://casty.example/x")),
    new URL("https://casty.example/x"),
  );
  assertInstanceOf(roundTrip(codec, new Failure("no")), Failure);
  // Other errors cross as before.
  assertStrictEquals((roundTrip(codec, new RangeError("no")) as Error).name, "RangeError");
});

Deno.test("the numbers of an end mean nothing at the other: order does not matter", () => {
  const [writer, ours] = codecOf(money, price);
  const [reader, theirs] = codecOf(price, money);
  const message = [new Price(new Money(5n, "EUR"), Uint8Array.of(7)), new Money(6n, "USD")];
  const bytes = writer.encode(message).slice();
  const table = theirs.towards("a:1", ours.signatures);
  assertEquals(reader.decode(bytes, 0, bytes.length, table), message);
});

Deno.test("what the peer has no serializer for is refused by name, place and peer", () => {
  const [codec, registry] = codecOf(price, money);
  const towards = (...signatures: string[]) => registry.towards("b:2", signatures);
  const message = { cart: [new Money(1n, "EUR")] };
  assert(codec.encodeBehind(0, message, towards("other@1", "money@1")).length > 0);
  for (const table of [towards(), towards("money@2"), towards("price@1")]) {
    assertSays(
      errorOf(() => codec.encodeBehind(0, message, table), "notSerializable"),
      "message.cart[0]",
      '"money" version 1',
      "b:2",
    );
  }
});

Deno.test("data that decode refuses, and numbers that are not known, are undecodable", () => {
  const [writer, ours] = codecOf(money);
  const bytes = writer.encode([new Money(1n, "EUR")]).slice();
  const fails = (decode: (data: unknown) => object) => {
    const broken = serializer({
      name: "money",
      type: Money,
      encode: String,
      decode: decode as never,
    });
    const [reader, theirs] = codecOf(broken);
    const table = theirs.towards("a:1", ours.signatures);
    return errorOf(() => reader.decode(bytes, 0, bytes.length, table), "undecodable");
  };
  assertSays(
    fails(() => {
      throw new Error("bad day");
    }),
    '"money" version 1',
    "bad day",
  );
  assertSays(
    fails(() => {
      throw { toString: null };
    }),
    "cannot be printed",
  );
  assertSays(fails(() => Promise.reject(new Error("late"))), "promise");
  assertSays(
    fails(() => {
      throw new WireError("malformed", "x");
    }),
    "has thrown",
  );
  const [stranger, none] = codecOf();
  const table = none.towards("a:1", []);
  assertSays(errorOf(() => stranger.decode(bytes, 0, bytes.length, table), "undecodable"), "a:1");
  assertSays(
    errorOf(
      () =>
        new Codec({
          now: systemClock.now,
          resolve: () => new TestRef({ node: "", path: "/", uid: 0 }),
        })
          .decode(bytes),
      "undecodable",
    ),
    "does not have",
  );
});

Deno.test("a mark without data, or with too much, is malformed", () => {
  const [codec] = codecOf(money);
  for (const hex of ["91c70040", "93c700400101", "c70040", "92c7014000", "d44000"]) {
    const bytes = Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
    errorOf(() => codec.decode(bytes), "malformed");
  }
});

Deno.test("an encode that fails, answers itself, a promise or no data is refused with its place", () => {
  const encoding = (encode: (value: Money) => unknown) => {
    const [codec] = codecOf(
      serializer({ name: "money", type: Money, encode, decode: () => new Money(0n, "") }),
    );
    return errorOf(() => codec.encode({ a: new Money(1n, "EUR") }), "notSerializable");
  };
  assertSays(
    encoding(() => {
      throw new Error("bad day");
    }),
    "message.a",
    '"money"',
    "bad day",
  );
  assertSays(encoding((value) => value), "message.a", "itself");
  assertSays(encoding(() => () => 1), "message.a", "a function");
  assertSays(encoding(() => Promise.reject(new Error("late"))), "message.a", "Promise");
  const [endless] = codecOf(
    serializer({
      name: "m",
      type: Money,
      encode: () => new Money(1n, ""),
      decode: () => new Money(0n, ""),
    }),
  );
  errorOf(() => endless.encode(new Money(1n, "EUR")), "tooDeep");
});

Deno.test("classes without a serializer stay refused, also subclasses of those with one", () => {
  const [codec] = codecOf(money);
  class Tip extends Money {}
  assertSays(errorOf(() => codec.encode(new Tip(1n, "EUR")), "notSerializable"), "instance of Tip");
  assertSays(errorOf(() => codec.encode(new URL("a:b")), "notSerializable"), "instance of URL");
});

Deno.test("encode and decode may use the codec themselves", () => {
  const nested: Serializer = serializer({
    name: "money",
    type: Money,
    encode: ({ cents }): unknown => codec.encode({ cents }).slice(),
    decode: (data) => new Money((codec.decode(data as Uint8Array) as Money).cents, "EUR"),
  });
  const [codec]: [Codec, SerializerRegistry] = codecOf(nested);
  const values = [new Money(1n, "EUR"), "between", new Money(2n, "EUR")];
  assertEquals(roundTrip(codec, values), values);
});

Deno.test("a scan notes the serializers of a message and calls none", () => {
  const silent = { ...money, decode: () => assert(false, "was called") } as unknown as Serializer;
  const [codec] = codecOf(price, silent);
  const bytes = codec.encode([new Money(1n, "EUR")]).slice();
  const scan = new SerializerScan();
  codec.decode(bytes, 0, bytes.length, scan);
  assertEquals([...scan.numbers], [1]);
});

Deno.test("a serializer that cannot be used is refused with what is wrong", () => {
  const good = { name: "x", type: Money, encode: String, decode: () => new Money(0n, "") };
  const refused: [Record<string, unknown>, string][] = [
    [{ name: "" }, "letters"],
    [{ name: "x".repeat(65) }, "1 to 64"],
    [{ name: "a@1" }, "a@1"],
    [{ name: "new\nline" }, "letters"],
    [{ name: 7 }, "name: 7"],
    [{ version: 0 }, "version: 0"],
    [{ version: 1.5 }, "version: 1.5"],
    [{ version: 65_536 }, "65535"],
    [{ encode: undefined }, "needs the option encode"],
    [{ decode: 1 }, "decode: 1"],
    [{ type: undefined }, "type or test"],
    [{ test: () => true }, "type or test"],
    [{ type: {} }, "use a class"],
    [{ type: () => 1 }, "use a class"],
    [{ type: undefined, test: 1 }, "use a function"],
  ];
  for (const [change, says] of refused) {
    assertSays(errorOf(() => serializer({ ...good, ...change } as never), "badOption"), says);
  }
});

Deno.test("registries are bounded, and keep names, classes and what needs none apart", () => {
  const named = (name: string, type: { prototype: object }) =>
    serializer({ name, type, encode: String, decode: () => ({}) });
  const refused: [unknown, string][] = [
    [Array.from({ length: 64 }, (_, i) => named(`s${i}`, class {})), "up to 63"],
    [[named("a", Money), named("a", Price)], "twice"],
    [[named("a", Money), named("b", Money)], "has one"],
    [[named("a", Date)], "need none"],
    [[named("a", Uint8Array)], "need none"],
    [[named("a", Object)], "need none"],
    [[named("a", TestRef)], "need none"],
    [[{ name: "a" }], "serializer()"],
    [[undefined], "serializer()"],
    ["money", "list"],
  ];
  for (const [list, says] of refused) {
    assertSays(errorOf(() => new SerializerRegistry(list as Serializer[]), "badOption"), says);
  }
  const full = Array.from({ length: 63 }, (_, i) => named(`s${i}`, class {}));
  assertStrictEquals(new SerializerRegistry(full).signatures[62], "s62@1");
});
