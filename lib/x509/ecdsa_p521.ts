/**
 * ECDSA on P-521 with SHA-256 (FIPS 186-5, 6.4.2). `node:crypto` of Deno 2.9 answers "false" for a
 * digest shorter than half the group order, while its TLS library accepts such certificates, which
 * are what openssl makes by default. Public values only, so that timing reveals nothing. An outcome
 * is remembered by the caller: it takes about 20 ms.
 *
 * @module
 */
import { createHash, createPublicKey } from "node:crypto";

const p = 2n ** 521n - 1n;
const n = BigInt(
  "0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa" +
    "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
);
const generator: Point = {
  x: BigInt(
    "0x00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3d" +
      "baa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
  ),
  y: BigInt(
    "0x011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e66" +
      "2c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
  ),
  z: 1n,
};

/** Jacobian coordinates; `z` 0 is the point at infinity. */
interface Point {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
}

/** Whether a key (SubjectPublicKeyInfo) has made a signature (DER) of bytes. */
export function verifyShortDigest(
  spki: Uint8Array,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  // The import checks that the point is on the curve.
  const jwk = createPublicKey({ key: spki as never, format: "der", type: "spki" })
    .export({ format: "jwk" });
  const key = { x: fromBase64(jwk.x!), y: fromBase64(jwk.y!), z: 1n };
  const [r, s] = readSignature(signature);
  if (!(r > 0n && r < n && s > 0n && s < n)) return false;
  const digest = fromBytes(createHash("sha256").update(signed).digest());
  const w = power(s, n - 2n, n);
  const point = combine(mod(digest * w, n), mod(r * w, n), key);
  if (point.z === 0n) return false;
  const inverse = power(point.z, p - 2n, p);
  return mod(mod(point.x * inverse * inverse, p), n) === r;
}

/** `u` times the generator plus `v` times `key`, one bit of both at a time (Shamir's trick). */
function combine(u: bigint, v: bigint, key: Point): Point {
  const both = add(generator, key);
  let sum: Point = { x: 1n, y: 1n, z: 0n };
  for (let bit = 520n; bit >= 0n; bit--) {
    sum = double(sum);
    const [first, second] = [(u >> bit) & 1n, (v >> bit) & 1n];
    if (first === 1n) sum = add(sum, second === 1n ? both : generator);
    else if (second === 1n) sum = add(sum, key);
  }
  return sum;
}

function double({ x, y, z }: Point): Point {
  if (z === 0n || y === 0n) return { x: 1n, y: 1n, z: 0n };
  const yy = mod(y * y, p);
  const s = mod(4n * x * yy, p);
  const zz = mod(z * z, p);
  // The coefficient a of the curve is -3.
  const m = mod(3n * (x - zz) * (x + zz), p);
  const doubledX = mod(m * m - 2n * s, p);
  return { x: doubledX, y: mod(m * (s - doubledX) - 8n * yy * yy, p), z: mod(2n * y * z, p) };
}

function add(a: Point, b: Point): Point {
  if (a.z === 0n) return b;
  if (b.z === 0n) return a;
  const [az, bz] = [mod(a.z * a.z, p), mod(b.z * b.z, p)];
  const [u, v] = [mod(a.x * bz, p), mod(b.x * az, p)];
  const [s, t] = [mod(a.y * b.z * bz, p), mod(b.y * a.z * az, p)];
  if (u === v) return s === t ? double(a) : { x: 1n, y: 1n, z: 0n };
  const [h, r] = [mod(v - u, p), mod(t - s, p)];
  const hh = mod(h * h, p);
  const hhh = mod(h * hh, p);
  const x = mod(r * r - hhh - 2n * u * hh, p);
  return { x, y: mod(r * (u * hh - x) - s * hhh, p), z: mod(h * a.z * b.z, p) };
}

/** The two integers of an ECDSA signature, DER: SEQUENCE { r, s }. */
function readSignature(der: Uint8Array): [bigint, bigint] {
  // Two integers of up to 66 bytes make a sequence of up to 138: its length may take two bytes.
  const start = der[1] === 0x81 ? 3 : 2;
  const length = der[start - 1];
  if (der[0] !== 0x30 || length !== der.length - start) throw new Error("not a sequence");
  const first = readInteger(der, start);
  const second = readInteger(der, first.end);
  if (second.end !== der.length) throw new Error("trailing bytes");
  return [first.value, second.value];
}

function readInteger(der: Uint8Array, at: number): { value: bigint; end: number } {
  const end = at + 2 + (der[at + 1] ?? 0);
  const bytes = der.subarray(at + 2, end);
  if (der[at] !== 0x02 || bytes.length === 0 || bytes.length > 66 || end > der.length) {
    throw new Error("not an integer");
  }
  return { value: fromBytes(bytes), end };
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = mod(base, modulus);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = mod(result * square, modulus);
    square = mod(square * square, modulus);
  }
  return result;
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function fromBase64(text: string): bigint {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return fromBytes(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
}

function fromBytes(bytes: Uint8Array): bigint {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return BigInt(`0x${digits || "0"}`);
}
