import { encode } from "@msgpack/msgpack";
import { encodeHello, encodeRefusal, features } from "../../lib/transport/connection/handshake.ts";
import { Codec } from "../../lib/wire/codec.ts";
import { compress } from "../../lib/wire/compression.ts";
import { encodeEnvelope } from "../../lib/wire/envelope.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
import { type Draws, ForgedRef } from "./draws.ts";
import { mutated } from "./mutation.ts";

/** The payload of one frame. */
export type FrameGenerator = (draws: Draws) => Uint8Array;

const codec = new Codec({ now: () => 0, resolve: ({ node, path }) => new ForgedRef(node, path) });

function envelope(d: Draws): Uint8Array {
  return encodeEnvelope(codec, d.path(), d.chance(0.9) ? 0 : d.int(9), d.value()).slice();
}

function credit(d: Draws): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, d.number());
  return bytes;
}

/** The first frame of a connection of a node, or something like it. */
export function hello(d: Draws, role: "node" | "client"): Uint8Array {
  const said = {
    protocolMin: 1,
    protocolMax: 1,
    systemName: "sim",
    role,
    nodeId: "frames",
    address: role === "node" ? d.target.self : d.one(d.target.clients),
    incarnation: 1 + d.int(9),
    lane: d.one(["control", "user"] as const),
    maxFrame: 1_048_576,
    window: 1_048_576,
    features: Object.values(features),
    maxMessage: 16_777_216,
    maxInternedPaths: 256,
  };
  if (d.chance(0.7)) return encodeHello(said);
  const other = mutated(d, { magic: "casty", ...said });
  try {
    return encode(other);
  } catch {
    // Not every value has a form here.
    return encode({ magic: "casty" });
  }
}

/** By the name of the frame in `docs/protocol.md`. */
export const frames: Readonly<Record<keyof typeof FrameType, FrameGenerator>> = {
  hello: (d) => hello(d, "node"),
  welcome: (d) => hello(d, "client"),
  refuse: (d) => encodeRefusal({ code: d.text(), reason: d.text() }),
  message: envelope,
  credit,
  close: (d) => encodeRefusal({ code: d.text(), reason: d.text() }),
  ping: () => new Uint8Array(0),
  pong: (d) => d.bytes(d.int(3)),
  chunk: (d) => {
    const body = envelope(d);
    const head = new Uint8Array(6);
    head[0] = d.int(4);
    head[1] = d.one([4, 4, 10, d.int(12)]);
    new DataView(head.buffer).setUint32(2, d.one([body.length, 2 ** 24, 2 ** 32 - 1, d.int(99)]));
    return Uint8Array.from([...head, ...body]);
  },
  compressed: (d) => {
    const body = Uint8Array.from([...envelope(d), ...new Uint8Array(d.one([0, 2_000, 60_000]))]);
    return compress(body, 100) ?? body;
  },
};

/** Frames as bytes, seldom damaged. */
export function frameBytes(d: Draws, all: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const writer = new FrameWriter(2 ** 30);
  for (const [name, payload] of all) {
    writer.append(FrameType[name as keyof typeof FrameType], payload);
  }
  const bytes = writer.take().slice();
  if (d.chance(0.1) && bytes.length > 0) bytes[d.int(bytes.length)] = d.int(256);
  return d.chance(0.05) ? bytes.slice(0, d.int(bytes.length)) : bytes;
}
