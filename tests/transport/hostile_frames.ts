import { features, type Hello } from "../../lib/transport/connection/handshake.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";

/** What a hostile client says of itself. */
export const hostileHello: Hello = {
  protocolMin: 1,
  protocolMax: 1,
  systemName: "shop",
  role: "client",
  nodeId: "evil",
  address: "client:evil",
  incarnation: 9,
  lane: "user",
  maxFrame: 1_048_576,
  window: 1_048_576,
  features: Object.values(features),
  maxMessage: 16_777_216,
  maxInternedPaths: 256,
};

/** Type and payload. */
export type HostileFrame = readonly [type: number, payload: Uint8Array];

/** The bytes of frames, one after the other, whatever they hold. */
export function hostileFrames(...all: readonly HostileFrame[]): Uint8Array {
  const writer = new FrameWriter(2 ** 30);
  for (const [type, payload] of all) writer.append(type, payload);
  return writer.take().slice();
}
