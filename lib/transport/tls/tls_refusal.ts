import { FrameType, HEADER_BYTES } from "../../wire/frame.ts";
import { writeFrameHeader } from "../../wire/frame_header.ts";
import { CertificateRefusedError } from "./certificate_refused.ts";
import { encodeRefusal } from "../connection/handshake.ts";
import type { TlsLink } from "./tls_link.ts";

/** The frame that says why a peer is refused. */
export function refusalFrame(error: unknown): Uint8Array {
  const [code, reason] = error instanceof CertificateRefusedError
    ? [error.fault, error.told]
    : ["untrusted", error instanceof Error ? error.message : String(error)];
  const payload = encodeRefusal({ code, reason });
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  writeFrameHeader(frame, 0, FrameType.refuse, payload.length);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/**
 * Closes the link to a refused peer, after a last frame. Resolves when it is closed, after
 * `lingerTime` at the latest.
 */
export function closeRefused(link: TlsLink, frame: Uint8Array | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  link.onClose = () => resolve();
  if (frame !== undefined) link.write(frame, () => {});
  link.close();
  return promise;
}
