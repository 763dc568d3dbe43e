import { createPublicKey, generateKeyPair, type KeyObject, sign } from "node:crypto";
import { Null } from "asn1js";
import { AlgorithmIdentifier } from "pkijs";
import { CertError } from "../errors.ts";

/** Which key a certificate is for: ECDSA on P-256 or P-384, or Ed25519. */
export type KeyType = "p256" | "p384" | "ed25519";

/** Properties of a key type. */
interface KeyTypeEntry {
  /** Algorithm of its signatures, RFC 5758 and RFC 8410. */
  readonly signature: string;
  /** Null: the algorithm includes its hash. */
  readonly hash: string | null;
  /** OpenSSL's name; Ed25519 has none. */
  readonly curve?: string;
}

/** A type of key with which an authority can sign; keys of types besides {@linkcode KeyType} are not made here. */
type SigningKeyType = KeyType | "p521" | "rsa";

const entries: Readonly<Record<SigningKeyType, KeyTypeEntry>> = {
  p256: { signature: "1.2.840.10045.4.3.2", hash: "sha256", curve: "prime256v1" },
  p384: { signature: "1.2.840.10045.4.3.3", hash: "sha384", curve: "secp384r1" },
  ed25519: { signature: "1.3.101.112", hash: null },
  p521: { signature: "1.2.840.10045.4.3.4", hash: "sha512", curve: "secp521r1" },
  rsa: { signature: "1.2.840.113549.1.1.11", hash: "sha256" },
};

/** Smaller RSA keys are refused by TLS. */
const minRsaBits = 2_048;

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

/** Generates a key. */
export function generateKey(type: KeyType): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject) =>
      error === null || error === undefined ? resolve(privateKey) : reject(error);
    const { curve } = entries[type];
    if (curve === undefined) generateKeyPair("ed25519", {}, done);
    else generateKeyPair("ec", { namedCurve: curve }, done);
  });
}

/** The type of a key; undefined when it is one that is not used. */
function keyTypeOf(key: KeyObject): SigningKeyType | undefined {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return "ed25519";
    case "rsa":
      return modulusLength !== undefined && modulusLength >= minRsaBits ? "rsa" : undefined;
    case "ec":
      return ([...keyTypes, "p521"] as const).find((type) => entries[type].curve === namedCurve);
    default:
      return undefined;
  }
}

/** The type of a key, for people, whatever it is: `"p256"`, `"rsa 2048"`. */
function describeKey(key: KeyObject): string {
  const known = keyTypeOf(key);
  if (known !== undefined && known !== "rsa") return known;
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  const detail = namedCurve ?? modulusLength;
  return [key.asymmetricKeyType ?? "unknown", ...(detail === undefined ? [] : [detail])].join(" ");
}

/**
 * Throws unless certificates can have this key and be signed with it.
 *
 * @throws {CertError} code `unsupportedKey`.
 */
export function checkKeyType(key: KeyObject): void {
  if (keyTypeOf(key) === undefined) throw unsupportedKey(key);
}

/** A signature: the algorithm identifier and the signature value (DER). */
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
  // RFC 4055: RSA has parameters, and they are NULL; the others have none.
  const algorithmParams = type === "rsa" ? { algorithmParams: new Null() } : {};
  return {
    algorithm: new AlgorithmIdentifier({ algorithmId: signature, ...algorithmParams }),
    sign: (bytes) => Uint8Array.from(sign(hash, new Uint8Array(bytes), key)).buffer,
  };
}

/** The public part of a private key, SubjectPublicKeyInfo in DER. */
export function publicKeyOf(key: KeyObject): ArrayBuffer {
  return Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" })).buffer;
}

function unsupportedKey(key: KeyObject): CertError {
  return new CertError("unsupportedKey", `a key of type ${describeKey(key)} is not used here`, {
    value: describeKey(key),
    remedy: `use ${keyTypes.join(", ")}, p521, or rsa with at least ${minRsaBits} bits`,
  });
}
