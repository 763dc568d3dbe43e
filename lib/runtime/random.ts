/** The only source of randomness in Casty. Seeded in simulations. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
}

/** A whole number in [0, `bound`). */
export function randomInt(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}

/** A random identifier of `bytes` * 8 bits as lower-case hexadecimal digits (default 128 bits). */
export function randomId(random: Random, bytes = 16): string {
  let text = "";
  for (const byte of random.bytes(bytes)) text += byte.toString(16).padStart(2, "0");
  return text;
}
