import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { decodeInTurn, LongMessage } from "../../lib/remoting/long_message.ts";
import {
  PassedMessage,
  type PassedPart,
  passedPartOf,
  smallestPassed,
  withoutPart,
} from "../../lib/remoting/passed_message.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { noSerializers } from "../../lib/wire/serializer_registry.ts";
import { encodeEnvelope } from "../../lib/wire/envelope.ts";
import { anyValue, newCodec } from "../wire/values.ts";

const codec = newCodec();
const clock = new ManualClock();

/** What may be passed on of a message that has arrived, and the message. */
function arrived(message: unknown): { message: unknown; part: PassedPart | undefined } {
  const body = codec.encode(message).slice();
  const decoder = codec.decodeInSteps(body, 0, body.length, noSerializers, true);
  let decoded: unknown;
  const read = new LongMessage(decoder, clock, {
    onStep: () => {},
    onDecoded: (whole) => void (decoded = whole),
    onError: (error) => {
      throw error;
    },
  });
  // As a connection whose bytes are used again does after the first step.
  for (let first = true; !read.done; first = false) {
    read.step();
    if (first && !read.done) decoder.keepBytes();
  }
  return { message: decoded, part: passedPartOf(decoder, body, true, []) };
}

/** The envelope of a message around the part, and the steps that it took. */
function passOn(message: unknown, part: PassedPart): { bytes: Uint8Array; steps: number } {
  const around = withoutPart(message, part);
  assert(around !== undefined);
  const none = undefined;
  const bytes = encodeEnvelope(codec, "/a", 7, around.message, none, none, 250, around.part);
  let whole: Uint8Array | undefined;
  const passed = new PassedMessage(clock, bytes, around.part.at, part.bytes, (it) => whole = it);
  let steps = 0;
  for (; !passed.done; steps++) passed.step();
  return { bytes: whole!, steps };
}

Deno.test("a message that is passed on has the bytes that it has when it is encoded again", () => {
  fc.assert(fc.property(anyValue, fc.nat(200_000), (any, more) => {
    const given = [any, new Uint8Array(smallestPassed + more), "end"];
    for (const sent of [["e1", given, 3], { a: 1, given, z: any }]) {
      const { message, part } = arrived(sent);
      assert(part !== undefined);
      const answer = { type: "returned", shard: 4, message: part.value };
      const again = encodeEnvelope(codec, "/a", 7, answer, undefined, undefined, 250).slice();
      assertEquals(passOn(answer, part).bytes, again);
      assertEquals(codec.encode(message), codec.encode(sent));
    }
  }));
});

Deno.test("a message is passed on in turns of 1 MiB at most", () => {
  const { part } = arrived(["e1", new Array(900_000).fill("fifteen letters"), 3]);
  const { bytes, steps } = passOn(["e1", part!.value, 3], part!);
  assert(bytes.length > 14_000_000, `${bytes.length} bytes`);
  assert(steps >= bytes.length / 1_048_576 - 1, `${steps} turns`);
});

Deno.test("what is small, or is not in a message, is not passed on as it came", () => {
  assertEquals(arrived(["e1", "x".repeat(30_000), 3]).part, undefined);
  assertEquals(arrived("x".repeat(100_000)).part, undefined);
  const { part } = arrived(["e1", "x".repeat(100_000), 3]);
  const others = [{ inner: [part!.value] }, ["x"], new Map([[1, part!.value]]), part!.value, 3];
  for (const other of others) assertEquals(withoutPart(other, part!), undefined);
});

Deno.test("limits hold for a message that is passed on", () => {
  const small = newCodec({ maxValues: 50_010, maxMessage: 50_100 });
  const { part } = arrived(["e1", new Array(50_000).fill(1), 3]);
  const encode = (value: unknown) => {
    const around = withoutPart(value, part!)!;
    const none = undefined;
    return encodeEnvelope(small, "/a", 0, around.message, none, none, none, around.part).length;
  };
  assertEquals(encode(["e1", part!.value]), 10);
  for (const beyond of [["x".repeat(120), part!.value], [part!.value, 1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    let code = "";
    try {
      encode(beyond);
    } catch (error) {
      code = (error as { code: string }).code;
    }
    assertEquals(code, "tooLarge");
  }
});

Deno.test("the work of a message is counted once, also if its decoder reads another meanwhile", () => {
  const body = codec.encode(Array.from({ length: 40_000 }, (_, n) => n)).slice();
  const inner = codec.encode(Array.from({ length: 5_000 }, (_, n) => n)).slice();
  const decoder = codec.decodeInSteps(body, 0, body.length, noSerializers, true);
  let work = 0;
  // As a node that forwards: what is in the message is read while it is delivered.
  const read = new LongMessage(decoder, clock, {
    onStep: () => {},
    onDecoded: () => {
      work = decoder.work;
      codec.giveBack(decoder);
      const other = codec.decodeInSteps(inner, 0, inner.length, noSerializers, true);
      assert(other === decoder);
      other.step(() => false);
      assert(other.work < work);
      return undefined;
    },
    onError: (error) => {
      throw error;
    },
  });
  const counted: number[] = [];
  while (!read.done) counted.push(read.step());
  assert(counted.length > 1);
  assertEquals(counted.reduce((sum, one) => sum + one), work);
});

Deno.test("work that was done before a message is read on is counted with the next step", () => {
  const body = codec.encode(Array.from({ length: 40_000 }, (_, n) => n)).slice();
  const decoder = codec.decodeInSteps(body, 0, body.length, noSerializers, true);
  assertEquals(decodeInTurn(decoder, clock), undefined);
  const { work } = decoder;
  assert(work > 0);
  let whole = 0;
  const owner = {
    onStep: () => {},
    onDecoded: () => void (whole = decoder.work),
    onError: (error: unknown) => {
      throw error;
    },
  };
  const read = new LongMessage(decoder, clock, owner, work);
  let counted = 0;
  while (!read.done) counted += read.step();
  assertEquals(counted, whole);
});
