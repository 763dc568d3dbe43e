import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { defaultTransportLimits } from "../../lib/transport/base/limits.ts";
import { Outbox, type OutboxLimits } from "../../lib/transport/connection/outbox.ts";
import { ChunkReader } from "../../lib/wire/chunks.ts";
import type { Codec } from "../../lib/wire/codec.ts";
import { decodeEnvelope, decodeEnvelopeHeader, encodeEnvelope } from "../../lib/wire/envelope.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { NumberedPaths } from "../../lib/wire/interned_paths.ts";
import { newCodec, TestRef } from "../wire/values.ts";

interface Sent {
  readonly path: string;
  readonly uid: number;
  readonly message: unknown;
  readonly remaining?: number | undefined;
}

/** An outbox and what its far end reads. `direct`: how many messages were encoded in the queue. */
class Line {
  readonly codec: Codec = newCodec();
  readonly outbox: Outbox;
  readonly read: Sent[] = [];
  direct = 0;
  #written = 0;
  readonly #paths = new NumberedPaths(1_000);
  readonly #chunks = new ChunkReader(Infinity);
  readonly #reader: FrameReader;

  constructor(limits: Partial<OutboxLimits> = {}) {
    const all = { ...defaultTransportLimits, compressAbove: 0, ...limits };
    this.outbox = new Outbox(all);
    this.#reader = new FrameReader(all.maxFrame, (type, bytes, start, end) => {
      if (type !== FrameType.chunk) return this.#onMessage(bytes, start, end);
      const whole = this.#chunks.push(bytes, start, end);
      whole?.step(Infinity);
      if (whole !== undefined) this.#onMessage(whole.bytes, 0, whole.bytes.length);
    });
  }

  /** As a bridge sends. */
  send({ path, uid, message, remaining }: Sent): string | undefined {
    const { outbox, codec } = this;
    const numbered = !path.startsWith("/_ask/");
    const done = outbox.encode(codec, path, uid, message, numbered, undefined, remaining);
    if (done === true) this.direct++;
    if (done === true) return undefined;
    const bytes = done ||
      encodeEnvelope(codec, path, uid, message, undefined, undefined, remaining);
    return outbox.push(bytes, numbered ? path : undefined);
  }

  /** What waits arrives; of all that has arrived, `acknowledged` is acknowledged. */
  flush(acknowledged: boolean): void {
    for (let bytes = this.outbox.take(); bytes.length > 0; bytes = this.outbox.take()) {
      this.#written += bytes.length;
      this.#reader.push(bytes.slice());
      this.outbox.wrote();
    }
    if (acknowledged) assert(this.outbox.acknowledge(this.#written));
  }

  #onMessage(bytes: Uint8Array, start: number, end: number): void {
    const header = decodeEnvelopeHeader(bytes, start, end, 2_048, this.#paths);
    const { path, uid, bodyStart, remaining } = header;
    const message = this.codec.decode(bytes, bodyStart, end);
    this.read.push({ path, uid, message, remaining });
  }

  /** Sends until messages of this path are encoded in the queue. */
  warm(path = "/a"): this {
    for (let i = 0; i < 5 && this.direct === 0; i++) {
      this.send({ path, uid: 1, message: 0 });
      this.flush(true);
    }
    assert(this.direct > 0);
    this.read.length = 0;
    return this;
  }
}

const text = fc.oneof(
  { weight: 5, arbitrary: fc.nat(150).map((length) => "x".repeat(length)) },
  { weight: 2, arbitrary: fc.nat(9_000).map((length) => "é".repeat(length)) },
  { weight: 1, arbitrary: fc.nat(300_000).map((length) => "y".repeat(length)) },
);
const ref = fc.constantFrom("/a", "/é", `/${"ü".repeat(100)}`).map((path) =>
  new TestRef({ node: "n:1", path, uid: 7 })
);
const uid = fc.oneof(fc.constant(0), fc.nat(300), fc.maxSafeNat());
const sent: fc.Arbitrary<Sent> = fc.record({
  path: fc.oneof(
    fc.constantFrom("/a", "/b", "/é", `/${"long".repeat(30)}`),
    fc.nat(1e9).map((number) => `/_ask/${number}`),
    fc.constant("/_ask/é"),
  ),
  uid,
  message: fc.record(
    { text, list: fc.array(fc.integer(), { maxLength: 20 }), ref },
    { noNullPrototype: true },
  ),
  remaining: fc.option(fc.nat(100_000), { nil: undefined }),
});
const step = fc.oneof(
  { weight: 8, arbitrary: sent },
  { weight: 1, arbitrary: fc.boolean() },
);

Deno.test("messages that are encoded in the queue arrive as they were sent, in order", () => {
  let direct = 0;
  let all = 0;
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 20, maxLength: 120 }),
      fc.constantFrom(1_000, 300_000),
      (steps, max) => {
        const line = new Line({ maxFrame: max, maxQueuedBytes: 1e9 });
        const expected: Sent[] = [];
        for (const each of steps) {
          if (typeof each === "boolean") line.flush(each);
          else {
            assertStrictEquals(line.send(each), undefined);
            expected.push(each);
          }
        }
        line.flush(true);
        assertEquals(line.read, expected.map((one) => ({ ...one })));
        direct += line.direct;
        all += expected.length;
      },
    ),
    { numRuns: 150 },
  );
  assert(direct > all / 8, `${direct} of ${all} were encoded in the queue`);
});

Deno.test("a getter may send on the connection that its message is encoded for", () => {
  for (const size of [10, 5_000, 300_000]) sendsInGetter(size);
});

Deno.test("a getter may send so much that a write begins, and is acknowledged, meanwhile", () => {
  for (const size of [10, 5_000, 300_000]) {
    sendsInGetter(size, (line) => line.flush(false));
    sendsInGetter(size, (line) => line.flush(true));
  }
});

function sendsInGetter(size: number, meanwhile: (line: Line) => void = () => {}): void {
  const line = new Line().warm();
  let reads = 0;
  const message = {
    before: "x".repeat(size),
    get inner() {
      reads++;
      for (let i = 0; i < 3; i++) line.send({ path: "/a", uid: 2, message: `inner ${i}` });
      meanwhile(line);
      return 7;
    },
    after: "y".repeat(size),
  };
  assertStrictEquals(line.send({ path: "/a", uid: 3, message }), undefined);
  line.send({ path: "/a", uid: 4, message: "next" });
  line.flush(true);
  const outer = { before: "x".repeat(size), inner: 7, after: "y".repeat(size) };
  assertEquals(line.read.map(({ uid, message }) => [uid, message]), [
    [2, "inner 0"],
    [2, "inner 1"],
    [2, "inner 2"],
    [3, outer],
    [4, "next"],
  ]);
  assertStrictEquals(reads, 1);
}

Deno.test("a getter may close the connection: its message is given back with its path", () => {
  for (const size of [10, 300_000]) {
    const line = new Line().warm();
    const unsent: Uint8Array[] = [];
    const message = {
      get text() {
        line.outbox.drain((payload) => void unsent.push(payload));
        return "x".repeat(size);
      },
    };
    line.send({ path: "/a", uid: 1, message: "before" });
    const given = line.outbox.encode(line.codec, "/a", 5, message, true, undefined, 90);
    assert(given instanceof Uint8Array);
    const envelope = decodeEnvelope(line.codec, given, 0, given.length);
    const whole = { path: "/a", uid: 5, message: { text: "x".repeat(size) }, remaining: 90 };
    assertEquals(envelope, whole);
    assertEquals(unsent.length, 1);
    assertStrictEquals(line.outbox.messages, 0);
  }
});

Deno.test("what is refused while it is encoded leaves nothing in the queue", () => {
  const line = new Line().warm();
  const before = line.outbox.bytes;
  for (const message of [{ text: "x", no: () => {} }, ["y".repeat(400_000), Symbol("no")]]) {
    assertThrows(() => line.send({ path: "/a", uid: 1, message }), WireError);
  }
  assertStrictEquals(line.outbox.bytes, before);
  line.send({ path: "/a", uid: 1, message: "next" });
  line.flush(true);
  assertEquals(line.read.map(({ message }) => message), ["next"]);
});

Deno.test("limits of the queue and of the peer hold for what is encoded there, too", () => {
  const full = new Line({ maxQueuedMessages: 3 }).warm();
  const results = Array.from({ length: 5 }, () => full.send({ path: "/a", uid: 1, message: 1 }));
  assertEquals(results, [undefined, undefined, undefined, "queueFull", "queueFull"]);
  const bytes = new Line({ maxQueuedBytes: 10_000 }).warm();
  const text = "x".repeat(3_000);
  const sends = Array.from({ length: 4 }, () => bytes.send({ path: "/a", uid: 1, message: text }));
  assertEquals(sends, [undefined, undefined, undefined, "queueFull"]);
  const small = new Line({ maxMessage: 1_000 }).warm();
  assertStrictEquals(small.send({ path: "/a", uid: 1, message: "x".repeat(1_200) }), "tooLarge");
  small.send({ path: "/a", uid: 1, message: "fits" });
  const account = { bytes: 0, maxBytes: 200 };
  const charged = new Line();
  charged.outbox.chargeTo(account);
  charged.warm();
  assertStrictEquals(account.bytes, 0);
  assertStrictEquals(charged.send({ path: "/a", uid: 1, message: "x".repeat(100) }), undefined);
  assert(account.bytes > 100, `${account.bytes}`);
  assertStrictEquals(charged.send({ path: "/a", uid: 1, message: "x".repeat(100) }), "queueFull");
  for (const line of [full, bytes, small, charged]) line.flush(true);
  assertEquals([full.read.length, bytes.read.length, charged.read.length], [3, 3, 1]);
  assertEquals(small.read.map(({ message }) => message), ["fits"]);
});

Deno.test("the limit of the codec holds for the message, wherever it is in the queue", () => {
  const line = new Line();
  const codec = newCodec({ maxMessage: 2_000 });
  line.warm();
  const encode = (size: number) =>
    line.outbox.encode(codec, "/a", 1, "x".repeat(size), true, undefined, undefined);
  // Some of them cross the end of a segment; where there is little room, they are to be pushed.
  for (let i = 0; i < 400; i++) {
    if (encode(1_900) === false) line.send({ path: "/a", uid: 1, message: "x".repeat(1_900) });
  }
  const error = assertThrows(() => encode(2_100), WireError);
  assertStrictEquals(error.code, "tooLarge");
});
