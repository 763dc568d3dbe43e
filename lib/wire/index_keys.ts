/** Below this index an object may have empty places for its elements. */
const denseIndexes = 32;

/** The last index that an array could have: the engine makes none so long. */
const lastIndex = "4294967294";

/**
 * Whether a key of an object with `size` others is an index for which the engine would reserve many
 * empty places: an object with the single key "1000" takes 12 KB otherwise.
 */
export function isFarIndex(key: string, size: number): boolean {
  const first = key.charCodeAt(0);
  return first <= 0x39 && first >= 0x31 && key.length <= 10 && isFar(Number(key), size);
}

function isFar(index: number, size: number): boolean {
  return index >= denseIndexes && index > 2 * size;
}

/** Makes the engine keep the elements of an object in a table and not in an array. */
export function keepSparse(record: Record<string, unknown>): void {
  if (Object.hasOwn(record, lastIndex)) return; // It is kept like that already.
  record[lastIndex] = undefined;
  delete record[lastIndex];
}
