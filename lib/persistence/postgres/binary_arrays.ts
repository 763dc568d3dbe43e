/**
 * Arrays as PostgreSQL sends them in binary form, for values of statements: `pg` writes arrays as text,
 * which costs more for each element than the server needs to store it.
 *
 * Form (src/backend/utils/adt/arrayfuncs.c, `array_recv`): number of dimensions, whether there are
 * nulls, type of the elements, then length and first index of each dimension, then each element as its
 * length (-1: null) and its bytes; all in network order.
 *
 * @module
 */

/** Types of elements, by their object identifiers in `pg_type.dat`. */
const types = { int8: 20, int4: 23, text: 25, bytea: 17 } as const;

const headerSize = 20;
const encoder = new TextEncoder();

function begin(
  size: number,
  length: number,
  type: keyof typeof types,
): { bytes: Uint8Array<ArrayBuffer>; view: DataView } {
  const bytes = new Uint8Array(headerSize + size);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, 1);
  view.setInt32(4, 1);
  view.setInt32(8, types[type]);
  view.setInt32(12, length);
  view.setInt32(16, 1);
  return { bytes, view };
}

/** `int8[]` of `count` whole numbers: those at `first`, `first + step`, ... */
export function int8Array(
  numbers: ArrayLike<number>,
  count = numbers.length,
  first = 0,
  step = 1,
): Uint8Array {
  const { bytes, view } = begin(12 * count, count, "int8");
  for (let n = 0, at = headerSize; n < count; n++, at += 12) {
    const value = numbers[first + step * n]!;
    view.setInt32(at, 8);
    view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000));
    // The lower 32 bits, also of larger numbers.
    view.setInt32(at + 8, value | 0);
  }
  return bytes;
}

/** `int4[]` in the same way. */
export function int4Array(
  numbers: ArrayLike<number>,
  count = numbers.length,
  first = 0,
  step = 1,
): Uint8Array {
  const { bytes, view } = begin(8 * count, count, "int4");
  for (let n = 0, at = headerSize; n < count; n++, at += 8) {
    view.setInt32(at, 4);
    view.setInt32(at + 4, numbers[first + step * n]!);
  }
  return bytes;
}

/** `text[]`. */
export function textArray(texts: readonly (string | null)[]): Uint8Array {
  let size = 0;
  // A unit of UTF-16 takes three bytes of UTF-8 at most.
  for (const text of texts) size += 4 + 3 * (text?.length ?? 0);
  const { bytes, view } = begin(size, texts.length, "text");
  let at = headerSize;
  for (const text of texts) {
    if (text === null) {
      view.setInt32(at, -1);
      at += 4;
      continue;
    }
    const { written } = encoder.encodeInto(text, bytes.subarray(at + 4));
    view.setInt32(at, written);
    at += 4 + written;
  }
  return bytes.subarray(0, at);
}

/** `bytea[]`. */
export function bytesArray(parts: readonly (Uint8Array | null)[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += 4 + (part?.length ?? 0);
  const { bytes, view } = begin(size, parts.length, "bytea");
  let at = headerSize;
  for (const part of parts) {
    view.setInt32(at, part?.length ?? -1);
    at += 4;
    if (part === null) continue;
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
