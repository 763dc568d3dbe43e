/**
 * Encoding and decoding of a small envelope, beside JSON and beside a bare msgpack encoder in the
 * same run: what the checks cost. Figures are thousand operations a second, median and best of
 * interleaved rounds.
 *
 *     deno run -A bench/codec.ts
 *
 * @module
 */
import { Decoder, Encoder } from "@msgpack/msgpack";
import { Ref, type RefAddress } from "../lib/actor/ref.ts";
import { Codec } from "../lib/wire/codec.ts";
import { decodeEnvelope, encodeEnvelope } from "../lib/wire/envelope.ts";

const ROUNDS = 15;
const PER_ROUND = 40_000;

class NullRef extends Ref<unknown> {
  readonly node: string;
  readonly path: string;
  readonly uid: number;
  constructor(address: RefAddress) {
    super();
    this.node = address.node;
    this.path = address.path;
    this.uid = address.uid;
  }
  override tell(): void {}
}

interface Case {
  readonly name: string;
  readonly run: () => unknown;
  readonly rates: number[];
}

const path = "/user/counters/shard-7/entity-42";
const uid = 1_234_567;
const plain = { type: "increment", entityId: "entity-42", amount: 7, at: 1_700_000_000_123 };
const replyTo = new NullRef({ node: "10.0.0.17:25520", path: "/temp/ask-9f3c", uid: 81_234 });
const asking = { type: "getValue", entityId: "entity-42", replyTo };
const binary = { type: "chunk", data: new Uint8Array(65_536).fill(7) };
const state = { type: "state", table: new Map([["a", 1], ["b", 2], ["c", 3]]), seen: new Set([1]) };

function cases(): Case[] {
  const codec = new Codec({ resolve: (address) => new NullRef(address) });
  const encoder = new Encoder();
  const decoder = new Decoder();
  const list: Case[] = [];
  const add = (name: string, run: () => unknown) => list.push({ name, run, rates: [] });

  const jsonEnvelope = { path, uid, message: plain };
  const json = JSON.stringify(jsonEnvelope);
  const bare = encoder.encode(jsonEnvelope);
  add("encode  JSON.stringify", () => JSON.stringify(jsonEnvelope));
  add("encode  bare Encoder, encodeSharedRef", () => encoder.encodeSharedRef(jsonEnvelope));
  add("encode  envelope", () => encodeEnvelope(codec, path, uid, plain));
  add("encode  envelope with a reference", () => encodeEnvelope(codec, path, uid, asking));
  add("encode  envelope with a Map and a Set", () => encodeEnvelope(codec, path, uid, state));
  add("encode  envelope with 64 KiB", () => encodeEnvelope(codec, path, uid, binary));
  add("decode  JSON.parse", () => JSON.parse(json));
  add("decode  bare Decoder", () => decoder.decode(bare));
  for (const [name, message] of Object.entries({ plain, asking, state, binary })) {
    const bytes = encodeEnvelope(codec, path, uid, message).slice();
    const kind = {
      plain: "",
      asking: " with a reference",
      state: " with a Map and a Set",
      binary: " with 64 KiB",
    }[name];
    add(`decode  envelope${kind}`, () => decodeEnvelope(codec, bytes, 0, bytes.length));
  }
  return list;
}

/** Measures all cases in turns and prints a table. */
export function benchCodec(): void {
  const list = cases();
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, run, rates } of list) {
      const times = name.includes("64 KiB") ? PER_ROUND / 20 : PER_ROUND;
      const start = performance.now();
      for (let i = 0; i < times; i++) run();
      rates.push(times / (performance.now() - start));
    }
  }
  console.log(`Deno ${Deno.version.deno}, V8 ${Deno.version.v8}; thousand operations a second`);
  for (const { name, rates } of list) {
    rates.sort((a, b) => a - b);
    const median = rates[rates.length >> 1]!.toFixed(0).padStart(6);
    console.log(`${name.padEnd(40)} ${median} median ${rates.at(-1)!.toFixed(0).padStart(6)} best`);
  }
}

if (import.meta.main) benchCodec();
