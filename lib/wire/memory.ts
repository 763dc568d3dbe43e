import { Buffer } from "node:buffer";

/**
 * Memory that the caller fills before anybody else sees it: where the runtime can, it is not zeroed
 * first. It belongs to no pool.
 */
export function unfilled(size: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(size).buffer;
}

const slice = Uint8Array.prototype.slice;

/**
 * A copy of `bytes[start]` to `bytes[end - 1]`, in memory of its own. (The `slice` of a Buffer would
 * share it.) It may be a Buffer if `bytes` is one.
 */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  return slice.call(bytes, start, end) as Uint8Array<ArrayBuffer>;
}

/** Smaller pieces of memory are left to the garbage collection. */
const smallestReleased = 131_072;

/**
 * Gives back at once, and not with the next garbage collection, the memory that large `bytes` are in:
 * a process that passes messages of megabytes on would grow by some hundred megabytes between two of
 * them. All views of the memory are empty afterwards.
 *
 * Precondition: nothing uses the memory any more, and it belongs to nobody else.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer.byteLength >= smallestReleased) (buffer as ArrayBuffer).transfer(0);
}
