import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import { verifyShortDigest } from "./ecdsa_p521.ts";
import type { PublicKeyReading } from "./public_key.ts";
import type { SignatureAlgorithm } from "./signature_algorithm.ts";

/** Something that is signed: a certificate or a revocation list. */
export interface Signed {
  /** The bytes that are signed. */
  readonly tbs: Uint8Array;
  readonly signature: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
}

/** Something that can have signed: a certificate. */
export interface Signer {
  readonly key: PublicKeyReading;
}

/** `unknown`: it cannot be checked here. That proves nothing, and is not the same as `invalid`. */
export type SignatureCheck = "valid" | "invalid" | "unknown";

/** Outcomes for two readings: the same bytes always give the same. */
const checked = new WeakMap<Signer, WeakMap<Signed, SignatureCheck>>();

/** Whether the key of `signer` has made the signature of `signed`. Names are not compared. */
export function checkSignature(signer: Signer, signed: Signed): SignatureCheck {
  let ofSigner = checked.get(signer);
  if (ofSigner === undefined) checked.set(signer, ofSigner = new WeakMap());
  let outcome = ofSigner.get(signed);
  if (outcome === undefined) ofSigner.set(signed, outcome = check(signer.key, signed));
  return outcome;
}

/**
 * Not `X509Certificate.verify`: on Deno it parses no BMPString in a subject, and knows neither
 * P-521 nor RSASSA-PSS. Not pkijs: it is asynchronous, and does not support Ed25519.
 */
function check(key: PublicKeyReading, signed: Signed): SignatureCheck {
  const { scheme } = signed.signatureAlgorithm;
  if (scheme === undefined || key.fault !== undefined) return "unknown";
  const { type } = scheme;
  const keyType = key.name === "ed25519" ? "ed25519" : key.name.startsWith("rsa ") ? "rsa" : "ec";
  // The key type does not match the algorithm, so another key has signed.
  if (keyType !== (type === "ecdsa" ? "ec" : type === "rsaPss" ? "rsa" : type)) return "invalid";
  try {
    const { tbs, signature } = signed;
    // RFC 5758: the digest is the leftmost bits; Deno 2.9 refuses one of less than half the order.
    if (key.name === "p521" && type === "ecdsa" && scheme.hash === "sha256") {
      return verifyShortDigest(key.spki, tbs, signature) ? "valid" : "invalid";
    }
    const hash = type === "ed25519" ? null : scheme.hash;
    const pss = type === "rsaPss"
      ? {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }
      : {};
    return verify(hash, tbs, { key: keyObject(key), ...pss }, signature) ? "valid" : "invalid";
  } catch {
    return "unknown";
  }
}

/** The key in the form that `node:crypto` takes. */
function keyObject({ spki }: PublicKeyReading): KeyObject {
  return createPublicKey({ key: spki as never, format: "der", type: "spki" });
}

/** Whether a private key belongs to a public one. */
export function isKeyPair(key: KeyObject, { spki }: PublicKeyReading): boolean {
  try {
    const own = createPublicKey(key).export({ type: "spki", format: "der" });
    // Parsed and written again: an encoding may differ, such as a compressed point.
    const other = keyObject({ spki } as PublicKeyReading).export({ type: "spki", format: "der" });
    return own.equals(other);
  } catch {
    // A kind of key that this runtime does not know: it does not fit.
    return false;
  }
}
