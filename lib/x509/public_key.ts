import { Integer, ObjectIdentifier } from "asn1js";
import { type PublicKeyInfo, RSAPublicKey } from "pkijs";
import type { AlgorithmFault } from "./certificate_fault.ts";

/** The public key of a certificate. */
export interface PublicKeyReading {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** Such as `p256`, `ed25519` or `rsa 2048`; the object identifier of an unknown type. */
  readonly name: string;
  /** Why no certificate with this key, and none that it signs, is accepted. */
  readonly fault: AlgorithmFault | undefined;
}

/** RFC 8446 and every TLS library of today: smaller keys are refused. */
export const minRsaBits = 2_048;
/** The TLS library of Deno verifies nothing larger. */
const maxRsaBits = 8_192;

const rsaKey = "1.2.840.113549.1.1.1";
const ecKey = "1.2.840.10045.2.1";
const ed25519 = "1.3.101.112";

/** Names of keys that are known and not accepted. */
const otherKeys: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.10": "rsa-pss",
  "1.2.840.10040.4.1": "dsa",
  "1.3.101.113": "ed448",
  "2.16.840.1.101.3.4.3.17": "ml-dsa-44",
  "2.16.840.1.101.3.4.3.18": "ml-dsa-65",
  "2.16.840.1.101.3.4.3.19": "ml-dsa-87",
};

interface Curve {
  readonly name: string;
  readonly bits: number;
  readonly accepted?: true;
}

const curves: Readonly<Record<string, Curve>> = {
  "1.2.840.10045.3.1.7": { name: "p256", bits: 256, accepted: true },
  "1.3.132.0.34": { name: "p384", bits: 384, accepted: true },
  "1.3.132.0.35": { name: "p521", bits: 521, accepted: true },
  "1.2.840.10045.3.1.1": { name: "p192", bits: 192 },
  "1.3.132.0.33": { name: "p224", bits: 224 },
  "1.3.132.0.10": { name: "secp256k1", bits: 256 },
  "1.3.36.3.3.2.8.1.1.1": { name: "brainpoolP160r1", bits: 160 },
  "1.3.36.3.3.2.8.1.1.3": { name: "brainpoolP192r1", bits: 192 },
  "1.3.36.3.3.2.8.1.1.5": { name: "brainpoolP224r1", bits: 224 },
  "1.3.36.3.3.2.8.1.1.7": { name: "brainpoolP256r1", bits: 256 },
  "1.3.36.3.3.2.8.1.1.11": { name: "brainpoolP384r1", bits: 384 },
  "1.3.36.3.3.2.8.1.1.13": { name: "brainpoolP512r1", bits: 512 },
};

/** Reads a public key; of one that is not accepted, why. */
export function readPublicKey(info: PublicKeyInfo): PublicKeyReading {
  const spki = new Uint8Array(info.toSchema().toBER());
  const { algorithmId } = info.algorithm;
  if (algorithmId === rsaKey) return { spki, ...describeRsa(info) };
  if (algorithmId === ecKey) return { spki, ...describeCurve(info) };
  if (algorithmId === ed25519) return { spki, name: "ed25519", fault: undefined };
  const name = otherKeys[algorithmId] ?? algorithmId;
  return { spki, name, fault: unsupported(`has a key of type ${name}`) };
}

function describeRsa(info: PublicKeyInfo): Omit<PublicKeyReading, "spki"> {
  const bits = modulusBits(info);
  const name = `rsa ${bits}`;
  if (bits < minRsaBits) {
    const problem = `has an RSA key of ${bits} bits, which is too weak`;
    return { name, fault: { code: "weakKey", problem } };
  }
  const fault = bits > maxRsaBits ? unsupported(`has an RSA key of ${bits} bits`) : undefined;
  return { name, fault };
}

function modulusBits(info: PublicKeyInfo): number {
  const bytes = info.subjectPublicKey.valueBlock.valueHexView;
  const { modulus } = RSAPublicKey.fromBER(Uint8Array.from(bytes));
  const digits = modulus instanceof Integer
    ? Array.from(modulus.valueBlock.valueHexView, (byte) => byte.toString(16).padStart(2, "0"))
    : [];
  return BigInt(`0x${digits.join("") || "0"}`).toString(2).length;
}

function describeCurve(info: PublicKeyInfo): Omit<PublicKeyReading, "spki"> {
  const params: unknown = info.algorithm.algorithmParams;
  const id = params instanceof ObjectIdentifier ? params.valueBlock.toString() : undefined;
  const curve = id === undefined ? undefined : curves[id];
  if (curve === undefined) {
    const name = id ?? "an unnamed curve";
    return { name: `ec ${name}`, fault: unsupported(`has a key on ${name}`) };
  }
  const { name, bits, accepted } = curve;
  if (accepted) return { name, fault: undefined };
  if (bits < 256) {
    const problem = `has a key on the curve ${name} (${bits} bits), which is too weak`;
    return { name, fault: { code: "weakKey", problem } };
  }
  return { name, fault: unsupported(`has a key on the curve ${name}`) };
}

function unsupported(problem: string): AlgorithmFault {
  return { code: "unsupportedAlgorithm", problem: `${problem}, which TLS here cannot check` };
}
