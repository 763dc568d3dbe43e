import { type AlgorithmIdentifier, RSASSAPSSParams } from "pkijs";
import type { AlgorithmFault } from "./certificate_fault.ts";

/** Hash functions of signatures that are accepted. */
export type SignatureHash = "sha256" | "sha384" | "sha512";

/** How certificate or list is signed. */
export interface SignatureAlgorithm {
  /** Display name, such as `ECDSA with SHA256`; the object identifier of an unknown algorithm. */
  readonly name: string;
  /** Undefined: it is not accepted. */
  readonly scheme: SignatureScheme | undefined;
  /** Why signatures with it are rejected. */
  readonly fault: AlgorithmFault | undefined;
}

/** The supported signature algorithms: the ones that TLS 1.3 on Deno verifies. */
export type SignatureScheme =
  | { readonly type: "rsa" | "rsaPss" | "ecdsa"; readonly hash: SignatureHash }
  | { readonly type: "ed25519" };

const rsaPss = "1.2.840.113549.1.1.10";

const schemes: Readonly<Record<string, readonly [string, SignatureScheme]>> = {
  "1.2.840.113549.1.1.11": ["RSA with SHA256", { type: "rsa", hash: "sha256" }],
  "1.2.840.113549.1.1.12": ["RSA with SHA384", { type: "rsa", hash: "sha384" }],
  "1.2.840.113549.1.1.13": ["RSA with SHA512", { type: "rsa", hash: "sha512" }],
  "1.2.840.10045.4.3.2": ["ECDSA with SHA256", { type: "ecdsa", hash: "sha256" }],
  "1.2.840.10045.4.3.3": ["ECDSA with SHA384", { type: "ecdsa", hash: "sha384" }],
  "1.2.840.10045.4.3.4": ["ECDSA with SHA512", { type: "ecdsa", hash: "sha512" }],
  "1.3.101.112": ["Ed25519", { type: "ed25519" }],
};

/** Forgeries are within reach. */
const weak: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.2": "RSA with MD2",
  "1.2.840.113549.1.1.3": "RSA with MD4",
  "1.2.840.113549.1.1.4": "RSA with MD5",
  "1.2.840.113549.1.1.5": "RSA with SHA1",
  "1.3.14.3.2.29": "RSA with SHA1",
  "1.2.840.10045.4.1": "ECDSA with SHA1",
  "1.2.840.10040.4.3": "DSA with SHA1",
};

/** Known by name only. */
const others: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.14": "RSA with SHA224",
  "1.2.840.10045.4.3.1": "ECDSA with SHA224",
  "2.16.840.1.101.3.4.3.1": "DSA with SHA224",
  "2.16.840.1.101.3.4.3.2": "DSA with SHA256",
  "1.3.101.113": "Ed448",
  "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
  "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
  "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
};

const hashes: Readonly<Record<string, readonly [name: string, hash?: SignatureHash]>> = {
  "1.3.14.3.2.26": ["SHA1"],
  "1.2.840.113549.2.5": ["MD5"],
  "2.16.840.1.101.3.4.2.4": ["SHA224"],
  "2.16.840.1.101.3.4.2.1": ["SHA256", "sha256"],
  "2.16.840.1.101.3.4.2.2": ["SHA384", "sha384"],
  "2.16.840.1.101.3.4.2.3": ["SHA512", "sha512"],
};

const digestBytes: Readonly<Record<SignatureHash, number>> = { sha256: 32, sha384: 48, sha512: 64 };

/** Reads how something is signed. */
export function readSignatureAlgorithm(identifier: AlgorithmIdentifier): SignatureAlgorithm {
  const { algorithmId } = identifier;
  const known = schemes[algorithmId];
  if (known !== undefined) return { name: known[0], scheme: known[1], fault: undefined };
  if (algorithmId === rsaPss) return readPss(identifier);
  const weakName = weak[algorithmId];
  if (weakName !== undefined) return tooWeak(weakName);
  return unsupported(others[algorithmId] ?? algorithmId);
}

/**
 * RSASSA-PSS (RFC 4055) has parameters. TLS 1.3 allows one hash function for message and mask, and
 * a salt as long as the hash; with any other the handshake fails.
 */
function readPss({ algorithmParams }: AlgorithmIdentifier): SignatureAlgorithm {
  let params: RSASSAPSSParams;
  try {
    params = new RSASSAPSSParams({ schema: algorithmParams });
  } catch {
    return unsupported("RSASSA-PSS with parameters that cannot be read");
  }
  const { hashAlgorithm, maskGenAlgorithm, saltLength } = params;
  const [hashName, hash] = hashes[hashAlgorithm.algorithmId] ?? [hashAlgorithm.algorithmId];
  const name = `RSASSA-PSS with ${hashName}`;
  if (hashName === "SHA1" || hashName === "MD5") return tooWeak(name);
  if (hash === undefined) return unsupported(name);
  if (maskHash(maskGenAlgorithm) !== hashAlgorithm.algorithmId) {
    return unsupported(`${name} and another hash function for its mask`);
  }
  if (saltLength !== digestBytes[hash]) {
    return unsupported(`${name} and a salt of ${saltLength} bytes instead of ${digestBytes[hash]}`);
  }
  return { name, scheme: { type: "rsaPss", hash }, fault: undefined };
}

/** The object identifier of the hash function of MGF1; empty for another mask. */
function maskHash({ algorithmId, algorithmParams }: AlgorithmIdentifier): string {
  if (algorithmId !== "1.2.840.113549.1.1.8") return "";
  return String(algorithmParams?.valueBlock?.value?.[0]?.valueBlock ?? "");
}

function tooWeak(name: string): SignatureAlgorithm {
  const problem = `has a signature by ${name}, which is too weak`;
  return { name, scheme: undefined, fault: { code: "weakSignature", problem } };
}

function unsupported(name: string): SignatureAlgorithm {
  const problem = `has a signature by ${name}, which TLS here cannot check`;
  return { name, scheme: undefined, fault: { code: "unsupportedAlgorithm", problem } };
}
