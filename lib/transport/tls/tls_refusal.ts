import { FrameType, HEADER_BYTES } from "../../wire/frame.ts";
import { writeFrameHeader } from "../../wire/frame_header.ts";
import { CertificateRefusedError } from "./certificate_refused.ts";
import { encodeRefusal } from "../connection/handshake.ts";
import type { TlsLink } from "./tls_link.ts";

/**
 * Sends a refusal to a peer that the TLS layer has accepted, and closes the link. Resolves when it is
 * closed, after `lingerTime` at the latest. A peer that the TLS layer refuses gets an alert at most.
 */
export function sendRefusal(link: TlsLink, error: unknown): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  link.onClose = () => resolve();
  const code = error instanceof CertificateRefusedError ? error.fault : "untrusted";
  const reason = error instanceof Error ? error.message : String(error);
  const payload = encodeRefusal({ code, reason });
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  writeFrameHeader(frame, 0, FrameType.refuse, payload.length);
  frame.set(payload, HEADER_BYTES);
  link.write(frame, () => {});
  link.close();
  return promise;
}
