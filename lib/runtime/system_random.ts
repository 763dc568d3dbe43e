import type { Random } from "./random.ts";

/** The machine's generators: fast for `next`, cryptographic for `bytes`. */
export const systemRandom: Random = {
  next: Math.random,
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};
