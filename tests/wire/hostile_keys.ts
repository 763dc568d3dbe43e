/**
 * Keys that V8 gives equal hashes, as an attacker computes them, and ordinary ones of the same type.
 *
 * @module
 */
import { newCodec } from "./values.ts";

/** Factor by which multiplying undoes a multiplication, modulo 2^32. */
function inverse(factor: number): number {
  let x = factor;
  for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(factor, x));
  return x;
}

/** Undoes `h ^= h >>> shift`. */
function unshift(hash: number, shift: number): number {
  let h = hash;
  for (let i = shift; i < 32; i += shift) h = (hash ^ (h >>> shift)) >>> 0;
  return h;
}

/** The small integer with a hash: V8's function backwards. */
export function integerWithHash(hash: number): number {
  let h = Math.imul(unshift(hash >>> 0, 16), inverse(2057)) >>> 0;
  h = Math.imul(unshift(h, 4), inverse(5)) >>> 0;
  return Math.imul((unshift(h, 12) + 1) | 0, inverse(32767)) | 0;
}

const mask = (1n << 64n) - 1n;

/** V8's hash of 64 bits: of float64 numbers, and of the low digit of bigints. */
function longHash(key: bigint): number {
  let h = (~key + (key << 18n)) & mask;
  h ^= h >> 31n;
  h = (h * 21n) & mask;
  h ^= h >> 11n;
  h = (h + (h << 6n)) & mask;
  h ^= h >> 22n;
  return Number(h & 0x3fffffffn);
}

function inverse64(factor: bigint): bigint {
  let x = factor;
  for (let i = 0; i < 6; i++) x = (x * (2n - factor * x)) & mask;
  return x & mask;
}

function unshift64(hash: bigint, shift: bigint): bigint {
  let h = hash;
  for (let i = shift; i < 64n; i += shift) h = hash ^ (h >> shift);
  return h;
}

/** The 64 bits with a hash (mod 2^64): {@linkcode longHash} backwards. */
function bitsWithHash(hash: bigint): bigint {
  let h = unshift64(hash, 22n);
  h = (h * inverse64(65n)) & mask;
  h = unshift64(h, 11n);
  h = (h * inverse64(21n)) & mask;
  h = unshift64(h, 31n);
  return ((h + 1n) * inverse64((1n << 18n) - 1n)) & mask;
}

const view = new DataView(new ArrayBuffer(8));

function doubleOf(bits: bigint): number {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

/** Non-integer numbers whose hash ends in 20 zero bits. */
function* collidingDoubles(): Generator<number> {
  for (let i = 1n;; i++) {
    const bits = bitsWithHash(i << 24n);
    const value = doubleOf(bits);
    if (longHash(bits) % 2 ** 20 !== 0) throw new Error("the hash is another");
    if (Number.isFinite(value) && !Number.isInteger(value)) yield value;
  }
}

function take<T>(count: number, values: Generator<T>): T[] {
  return Array.from({ length: count }, () => values.next().value as T);
}

const generators = {
  "texts": (n: number) => Array.from({ length: n }, (_, i) => `key ${i}`),
  "texts of digits": (n: number) => Array.from({ length: n }, (_, i) => String(1_000_000 + i)),
  "integers": (n: number) => Array.from({ length: n }, (_, i) => i),
  "doubles": (n: number) => Array.from({ length: n }, (_, i) => i + 0.5),
  "bigints": (n: number) => Array.from({ length: n }, (_, i) => BigInt(i) << 20n),
  "dates": (n: number) => Array.from({ length: n }, (_, i) => new Date(i * 65_536)),
  "colliding texts": (n: number) => Array.from({ length: n }, (_, i) => String(i * 65_536)),
  "clustered texts": (n: number) =>
    Array.from({ length: n }, (_, i) => String((i % 4_096) * 65_536 + (i >> 12))),
  "colliding integers": (n: number) =>
    Array.from({ length: n }, (_, i) => integerWithHash((i << 17) >>> 0)),
  "colliding doubles": (n: number) => take(n, collidingDoubles()),
  "colliding bigints": (n: number) =>
    Array.from({ length: n }, (_, i) => (BigInt(i + 1) << 64n) | 7n),
  "mixed, colliding": (n: number) => {
    const parts = [
      Array.from({ length: n }, (_, i) => String(i * 65_536)),
      Array.from({ length: n }, (_, i) => integerWithHash((i << 17) >>> 0)),
      Array.from({ length: n }, (_, i) => (BigInt(i + 1) << 64n) | 7n),
    ];
    return Array.from({ length: n }, (_, i) => parts[i % 3]![i]);
  },
} satisfies Record<string, (count: number) => unknown[]>;

/** A kind of keys. */
export type KeyKind = keyof typeof generators;

const allKinds = Object.keys(generators) as KeyKind[];
/** The kinds that collide. */
export const hostileKinds: readonly KeyKind[] = allKinds.filter((kind) =>
  kind.includes("collid") || kind.includes("cluster")
);

/** Keys of the same type that do not collide. */
export function ordinaryKindOf(kind: KeyKind): KeyKind {
  if (kind.includes("texts") || kind.startsWith("mixed")) return "texts";
  return kind.replace("colliding ", "") as KeyKind;
}

const textKinds = allKinds.filter((kind) => kind.includes("texts"));

/** Different keys of a kind. */
export function keysOf(kind: KeyKind, count: number): readonly unknown[] {
  return generators[kind](count);
}

const codec = newCodec({ maxMap: 2 ** 24, maxArray: 2 ** 25, maxValues: 2 ** 26 });

/** Map and Set cannot be built here without meeting the hashes, so their bytes are written. */
function container(marker: number, elements: readonly unknown[]): Uint8Array {
  const array = codec.encode(elements).slice();
  // An array of up to 15, 65 535 or 2^32 - 1 elements has a head of 1, 3 or 5 bytes.
  const head = array[0] === 0xdc ? 3 : array[0] === 0xdd ? 5 : 1;
  const bytes = new Uint8Array(5 + 3 + array.length - head);
  bytes[0] = 0xdd;
  new DataView(bytes.buffer).setUint32(1, elements.length + 1);
  bytes.set([0xc7, 0, marker], 5);
  bytes.set(array.subarray(head), 8);
  return bytes;
}

function record(keys: readonly unknown[]): Uint8Array {
  const parts = keys.map((key) => codec.encode(key).slice());
  const size = parts.reduce((sum, part) => sum + part.length + 1, 5);
  const bytes = new Uint8Array(size);
  bytes[0] = 0xdf;
  new DataView(bytes.buffer).setUint32(1, parts.length);
  let at = 5;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length + 1;
  }
  return bytes;
}

function listOf(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(5 + parts.reduce((sum, part) => sum + part.length, 0));
  bytes[0] = 0xdd;
  new DataView(bytes.buffer).setUint32(1, parts.length);
  let at = 5;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The bytes of a message with the keys, and the kinds that can be keys there. */
export const messages: Readonly<
  Record<
    "Set" | "Map" | "object" | "nested Sets" | "small Sets",
    { make: (keys: readonly unknown[]) => Uint8Array; kinds: readonly KeyKind[] }
  >
> = {
  "Set": { make: (keys) => container(9, keys), kinds: allKinds },
  "Map": { make: (keys) => container(8, keys.flatMap((key) => [key, 0])), kinds: allKinds },
  "object": { make: record, kinds: textKinds },
  "nested Sets": {
    // Each Set is an element of the next.
    make: (keys) => {
      const size = Math.ceil(keys.length / 8);
      let inner = codec.encode(0).slice();
      for (let at = 0; at < keys.length; at += size) {
        const set = container(9, keys.slice(at, at + size));
        new DataView(set.buffer).setUint32(1, Math.min(size, keys.length - at) + 2);
        inner = new Uint8Array([...set.subarray(0, 8), ...inner, ...set.subarray(8)]);
      }
      return inner;
    },
    kinds: allKinds,
  },
  "small Sets": {
    make: (keys) => {
      const sets: Uint8Array[] = [];
      for (let at = 0; at < keys.length; at += 512) {
        sets.push(container(9, keys.slice(at, at + 512)));
      }
      return listOf(sets);
    },
    kinds: allKinds,
  },
};
