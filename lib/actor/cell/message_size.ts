import { InternalMessage } from "../ref/internal_message.ts";
import { isSent } from "../ref/sent_message.ts";

/** Values below this depth count as 0: an estimate must be cheap. */
const maxDepth = 4;
/** Elements of a list and fields of an object that are measured; the others are extrapolated. */
const maxLooked = 64;

/**
 * About how many bytes a message of plain data takes: 8 for a number, 2 for each UTF-16 unit of a
 * text, the length of binary data, 16 for an object besides its fields. Looks 4 levels deep and at
 * 64 elements of each level, so a message of any size costs little to measure.
 */
export function estimateSize(message: unknown): number {
  return sizeAt(message, 0);
}

function sizeAt(value: unknown, depth: number): number {
  if (typeof value === "string") return 16 + 2 * value.length;
  if (typeof value !== "object" || value === null) return 8;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 16 + value.byteLength;
  if (depth === maxDepth) return 16;
  if (Array.isArray(value)) return 16 + sizeOfAll(value, value.length, depth);
  if (value instanceof Set) return 16 + sizeOfAll(value, value.size, depth);
  if (value instanceof Map) return 16 + 2 * sizeOfAll(value.values(), value.size, depth);
  if (isSent(value)) {
    return sizeAt(value instanceof InternalMessage ? value.payload : value.message, depth);
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return 16;
  return 16 + sizeOfAll(Object.values(value), 0, depth);
}

/** `count`: the number of elements, if larger than the measured sample. */
function sizeOfAll(values: Iterable<unknown>, count: number, depth: number): number {
  let size = 0;
  let looked = 0;
  for (const value of values) {
    size += sizeAt(value, depth + 1);
    if (++looked === maxLooked) break;
  }
  return count > looked ? Math.ceil(size * count / looked) : size;
}
