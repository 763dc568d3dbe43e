import { compress, inflaterOf } from "../../lib/wire/compression.ts";
import { chunkedSize, ChunkReader, writeChunks } from "../../lib/wire/chunks.ts";
import { decodeEnvelope, decodeEnvelopeHeader, encodeEnvelope } from "../../lib/wire/envelope.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
import { NumberedPaths } from "../../lib/wire/interned_paths.ts";
import { randomInt } from "../../lib/runtime/random.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { Connection } from "../../lib/transport/connection/connection.ts";
import {
  decodeHello,
  decodeRefusal,
  encodeHello,
  encodeRefusal,
  features,
} from "../../lib/transport/connection/handshake.ts";
import { transportLimits } from "../../lib/transport/base/limits.ts";
import { newCodec } from "../wire/values.ts";
import { FakeLink } from "./fake_link.ts";

/** What came of many mutated inputs. */
export interface FuzzResult {
  readonly refused: number;
  /** Most bytes of memory beyond those at the beginning. */
  readonly peak: number;
}

/** Something that reads bytes of a peer. */
export interface Decoder {
  readonly name: string;
  /** Good inputs, which are then mutated. */
  readonly samples: readonly Uint8Array[];
  /** Reads; false or a `WireError` for what it refuses. Any other error is a fault. */
  readonly read: (bytes: Uint8Array) => boolean;
}

/** Changes 1 to 4 bytes, or cuts, grows, repeats or splices. */
function mutate(random: SeededRandom, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = randomInt(random, bytes.length + 1);
  switch (randomInt(random, 8)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(at >> 1, at)]);
    case 2:
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes]);
    default: {
      const changed = bytes.slice();
      const edges = [0, 1, 2, 3, 0x7f, 0x80, 0xc6, 0xdd, 0xdf, 0xfe, 0xff];
      for (let i = randomInt(random, 4); i >= 0 && changed.length > 0; i--) {
        changed[randomInt(random, changed.length)] = randomInt(random, 2) === 0
          ? edges[randomInt(random, edges.length)]!
          : randomInt(random, 256);
      }
      return changed;
    }
  }
}

/** Feeds `count` mutated inputs to a decoder, some in each turn of the event loop. */
export async function fuzz(decoder: Decoder, count: number, seed: number): Promise<FuzzResult> {
  const random = new SeededRandom(seed);
  const { samples } = decoder;
  const memory = () => {
    const { heapTotal, external } = Deno.memoryUsage();
    return heapTotal + external;
  };
  const before = memory();
  let refused = 0;
  let peak = 0;
  for (let i = 0; i < count; i++) {
    const other = samples[randomInt(random, samples.length)]!;
    const input = mutate(random, samples[i % samples.length]!, other);
    try {
      if (!decoder.read(input)) refused++;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      refused++;
    }
    if (i % 500 !== 0) continue;
    peak = Math.max(peak, memory() - before);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return { refused, peak };
}

const limits = { maxMessage: 1_048_576, maxCompressionRatio: 100 };
const text = new TextEncoder().encode("to be or not to be, that is the question. ".repeat(30));

function stream(...frames: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const writer = new FrameWriter();
  for (const [type, payload] of frames) writer.append(type, payload);
  return writer.take().slice();
}

function chunked(payload: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(chunkedSize(payload.length, size));
  writeChunks(out, 0, FrameType.message, payload, size);
  return out;
}

const introduction = encodeHello({
  protocolMin: 1,
  protocolMax: 2,
  systemName: "shop",
  role: "node",
  nodeId: "node-1",
  address: "a.example:25520",
  incarnation: 7,
  lane: "control",
  maxFrame: 1_048_576,
  window: 4_194_304,
  features: Object.values(features),
  maxMessage: 16_777_216,
  maxInternedPaths: 256,
});

/** Every decoder of bytes that a peer has sent. */
export function decoders(): Decoder[] {
  const codec = newCodec();
  const message = { type: "increment", amount: 5, tags: ["a", "b"], at: new Date(7), big: 9n };
  const envelope = encodeEnvelope(codec, "/user/żółw", 77, message).slice();
  const credit = new Uint8Array(8);
  const frames = stream(
    [FrameType.message, envelope],
    [FrameType.credit, credit],
    [FrameType.ping, new Uint8Array(0)],
    [FrameType.compressed, compress(text, 100)!],
    [FrameType.message, envelope],
  );
  const parts = chunked(text, 300);
  return [
    {
      name: "frames",
      samples: [frames, parts],
      read: (bytes) => {
        new FrameReader(10_000, () => {}).push(bytes);
        return true;
      },
    },
    {
      name: "envelopes",
      samples: [envelope, encodeEnvelope(codec, "/a", 2 ** 50, [1, "x", null]).slice()],
      read: (bytes) => {
        decodeEnvelope(codec, bytes, 0, bytes.length);
        return true;
      },
    },
    {
      name: "numbered envelopes",
      samples: ["02 05 00 00 02 2f 61 c0", "01 05 00 c0", "00 05 00 02 2f 61 c0"].map((hex) =>
        Uint8Array.from(hex.split(" "), (byte) => parseInt(byte, 16))
      ),
      read: (bytes) => {
        const paths = new NumberedPaths(4);
        for (let i = 0; i < 3; i++) decodeEnvelopeHeader(bytes, 0, bytes.length, 2_048, paths);
        return true;
      },
    },
    {
      name: "chunks",
      samples: [parts, chunked(text, 7), chunked(text, 5_000)],
      read: (bytes) => {
        const chunks = new ChunkReader(limits.maxMessage);
        new FrameReader(10_000, (_type, all, start, end) => {
          chunks.push(all, start, end);
          if (chunks.capacity > 2 * bytes.length + 16) throw new Error("more than has come");
        }).push(bytes);
        return true;
      },
    },
    {
      name: "compressed messages",
      samples: [compress(text, 100)!, compress(text.subarray(0, 200), 100)!],
      read: (bytes) => {
        const inflater = inflaterOf(bytes, 0, bytes.length, limits);
        while (!inflater.done) inflater.step(10_000);
        return inflater.output.length <= limits.maxMessage;
      },
    },
    {
      name: "introductions",
      samples: [introduction],
      read: (bytes) => decodeHello(bytes) !== undefined,
    },
    {
      name: "refusals",
      samples: [encodeRefusal({ code: "full", reason: "no room" })],
      read: (bytes) => decodeRefusal(bytes).code !== "unknown",
    },
    { name: "connections", samples: [frames, parts], read: readAsConnection },
  ];
}

/** A whole connection after its handshake; it must end, or go on, without an exception. */
function readAsConnection(bytes: Uint8Array): boolean {
  let fault = false;
  const link = new FakeLink();
  const connection = new Connection(link, new ManualClock(), transportLimits(), {
    onFrame() {},
    onMessage() {},
    onClosed: (ended) => fault = ended.fault,
    onSignOfLife() {},
    onUnsent() {},
  });
  connection.open({ ...transportLimits(), maxInternedPaths: 4 });
  const cut = bytes.length >> 1;
  link.onData(bytes.subarray(0, cut));
  link.onData(bytes.subarray(cut));
  connection.destroy("over");
  return !fault;
}
