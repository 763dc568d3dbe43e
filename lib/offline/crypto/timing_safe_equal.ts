import { timingSafeEqual as nodeTimingSafeEqual } from "node:crypto";

/** Compares two byte arrays in a time that depends on their length only. */
export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && nodeTimingSafeEqual(a, b);
}
