import { mixBits } from "../../runtime/fnv.ts";

/**
 * Samples `count` items without replacement, determined by `random`, a number in [0, 1). Each item
 * is equally likely. The input is not changed.
 */
export function pick<T>(items: readonly T[], count: number, random: number): T[] {
  const rest = [...items];
  const taken = Math.min(count, rest.length);
  let word = Math.floor(random * 0x1_0000_0000) >>> 0;
  for (let i = 0; i < taken; i++) {
    word = next(word);
    const j = i + Math.floor(word / 0x1_0000_0000 * (rest.length - i));
    [rest[i], rest[j]] = [rest[j]!, rest[i]!];
  }
  rest.length = taken;
  return rest;
}

/** One step of a Weyl sequence through the final mix of MurmurHash3. */
function next(word: number): number {
  return mixBits((word + 0x9e3779b9) >>> 0) >>> 0;
}
