import { FrameType, HEADER_BYTES } from "../../wire/frame.ts";
import { writeFrameHeader } from "../../wire/frame_header.ts";
import type { CertificateFault } from "../../x509/certificate_fault.ts";
import { TransportError } from "../base/errors.ts";
import { CertificateRefusedError } from "./certificate_refused.ts";
import { encodeRefusal } from "../connection/handshake.ts";
import type { TlsLink } from "./tls_link.ts";

/** The frame that says why a peer is refused. */
export function refusalFrame(error: unknown): Uint8Array {
  const { code, reason } = refusalOf(error);
  const payload = encodeRefusal({ code, reason });
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  writeFrameHeader(frame, 0, FrameType.refuse, payload.length);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

function refusalOf(error: unknown): { code: CertificateFault; reason: string } {
  if (error instanceof CertificateRefusedError) return { code: error.fault, reason: error.told };
  const reason = error instanceof Error ? error.message : String(error);
  const isWrongName = error instanceof TransportError && error.code === "wrongServerName";
  return { code: isWrongName ? "wrongHost" : "untrusted", reason };
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
