import { createPublicKey, generateKeyPair, type KeyObject, sign } from "node:crypto";
import { AlgorithmIdentifier } from "pkijs";
import { CertError } from "../errors.ts";

/** Which key a certificate is for: ECDSA on P-256 or P-384, or Ed25519. */
export type KeyType = "p256" | "p384" | "ed25519";

/** What is known of a type of key. */
interface KeyTypeEntry {
  /** Algorithm of its signatures, RFC 5758 and RFC 8410. */
  readonly signature: string;
  /** Null: the algorithm hashes by itself. */
  readonly hash: string | null;
  /** OpenSSL's name; Ed25519 has none. */
  readonly curve?: string;
}

const entries: Readonly<Record<KeyType, KeyTypeEntry>> = {
  p256: { signature: "1.2.840.10045.4.3.2", hash: "sha256", curve: "prime256v1" },
  p384: { signature: "1.2.840.10045.4.3.3", hash: "sha384", curve: "secp384r1" },
  ed25519: { signature: "1.3.101.112", hash: null },
};

/** All types of key, the default first. */
export const keyTypes: readonly KeyType[] = ["p256", "p384", "ed25519"];

/**
 * A type of key by its name.
 *
 * @throws {CertError} code `badKeyType`.
 */
export function parseKeyType(text: string): KeyType {
  const found = keyTypes.find((type) => type === text);
  if (found !== undefined) return found;
  throw new CertError("badKeyType", `${JSON.stringify(text)} is no type of key`, {
    value: text,
    remedy: `use ${keyTypes.join(", ")}`,
  });
}

/** Makes a key. */
export function generateKey(type: KeyType): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject) =>
      error === null || error === undefined ? resolve(privateKey) : reject(error);
    const { curve } = entries[type];
    if (curve === undefined) generateKeyPair("ed25519", {}, done);
    else generateKeyPair("ec", { namedCurve: curve }, done);
  });
}

/** The type of a key; undefined when it is another one. */
export function keyTypeOf(key: KeyObject): KeyType | undefined {
  if (key.asymmetricKeyType === "ed25519") return "ed25519";
  if (key.asymmetricKeyType !== "ec") return undefined;
  const name = key.asymmetricKeyDetails?.namedCurve;
  return keyTypes.find((type) => entries[type].curve === name);
}

/** The type of a key, for people, whatever it is: `"p256"`, `"rsa 2048"`. */
export function describeKey(key: KeyObject): string {
  const known = keyTypeOf(key);
  if (known !== undefined) return known;
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  const detail = namedCurve ?? modulusLength;
  return [key.asymmetricKeyType ?? "unknown", ...(detail === undefined ? [] : [detail])].join(" ");
}

/** How a key signs: the algorithm as it stands in what it has signed, and the signature (DER). */
export interface Signer {
  readonly algorithm: AlgorithmIdentifier;
  readonly sign: (bytes: ArrayBuffer) => ArrayBuffer;
}

/**
 * Signs with a key. Unlike the engine of pkijs it knows Ed25519.
 *
 * @throws {CertError} code `unsupportedKey`.
 */
export function signerOf(key: KeyObject): Signer {
  const type = keyTypeOf(key);
  if (type === undefined) throw unsupportedKey(key);
  const { signature, hash } = entries[type];
  return {
    algorithm: new AlgorithmIdentifier({ algorithmId: signature }),
    sign: (bytes) => Uint8Array.from(sign(hash, new Uint8Array(bytes), key)).buffer,
  };
}

/** The public part of a private key, SubjectPublicKeyInfo in DER. */
export function publicKeyOf(key: KeyObject): ArrayBuffer {
  return Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" })).buffer;
}

/** The error for a key of another type. */
export function unsupportedKey(key: KeyObject): CertError {
  return new CertError("unsupportedKey", `a key of type ${describeKey(key)} is not used here`, {
    value: describeKey(key),
    remedy: `use ${keyTypes.join(", ")}`,
  });
}
