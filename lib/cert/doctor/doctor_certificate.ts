import { X509Certificate } from "node:crypto";
import { BasicConstraints, Certificate } from "pkijs";
import { type CertificateInfo, readCertificate } from "../authority/certificate_info.ts";
import { type CertificateIdentity, identitiesOf } from "../../x509/identity.ts";
import { CertError } from "../errors.ts";
import { encodePem } from "../authority/pem.ts";

/** A certificate with all that the doctor looks at. */
export interface Examined {
  readonly der: Uint8Array<ArrayBuffer>;
  readonly info: CertificateInfo;
  /** For signatures and keys; unlike pkijs it knows Ed25519. */
  readonly x509: X509Certificate;
  /** How many certificates of authorities may stand between it and a leaf; undefined: any. */
  readonly pathLength: number | undefined;
  /** Hexadecimal, upper case, without leading zeros. */
  readonly serial: string;
  /** Nodes and clients that its URI names make of the holder: one, if all is well. */
  readonly classes: readonly CertificateIdentity[];
  /** Numbers of critical extensions that TLS stacks do not know. */
  readonly strangeExtensions: readonly string[];
}

const basicConstraints = "2.5.29.19";
/** RFC 5280: key usage, names, constraints, usages; the rest is not for TLS. */
const knownExtensions: ReadonlySet<string> = new Set([
  "2.5.29.14",
  "2.5.29.15",
  "2.5.29.17",
  basicConstraints,
  "2.5.29.30",
  "2.5.29.35",
  "2.5.29.37",
]);

/**
 * Reads a certificate.
 *
 * @throws {CertError} code `malformed`.
 */
export async function examine(der: Uint8Array<ArrayBuffer>): Promise<Examined> {
  const info = await readCertificate(encodePem("CERTIFICATE", Uint8Array.from(der).buffer));
  try {
    const extensions = Certificate.fromBER(Uint8Array.from(der)).extensions ?? [];
    const constraints = extensions.find(({ extnID }) => extnID === basicConstraints)?.parsedValue;
    const limit = constraints instanceof BasicConstraints
      ? constraints.pathLenConstraint
      : undefined;
    const x509 = new X509Certificate(der);
    // They are parsed when they are asked for; what cannot be must be known here.
    for (const part of ["subject", "issuer", "publicKey"] as const) void x509[part];
    return {
      der,
      info,
      x509,
      pathLength: typeof limit === "number" ? limit : undefined,
      serial: plainSerial(x509.serialNumber),
      classes: identitiesOf(info),
      strangeExtensions: extensions
        .filter(({ critical, extnID }) => critical && !knownExtensions.has(extnID))
        .map(({ extnID }) => extnID),
    };
  } catch (cause) {
    throw new CertError("malformed", "the PEM block holds no certificate", {
      cause,
      remedy: "check that it is the right file",
    });
  }
}

/** One spelling of a serial number. */
export function plainSerial(hex: string): string {
  return hex.replaceAll(":", "").toUpperCase().replace(/^0+(?=.)/, "");
}

/** `"node node-1"`, or its common name when it has no class. */
export function subjectOf({ classes, info }: Examined): string {
  const [first] = classes;
  if (first !== undefined) return `${first.kind} ${first.name}`;
  return printable(info.commonName ?? info.names[0] ?? "an unnamed subject");
}

/** An authority's common name and the beginning of its fingerprint, which tells namesakes apart. */
export function authorityName({ info }: Examined): string {
  return `${printable(info.commonName ?? "an unnamed authority")} (${shortPrint(info)})`;
}

/** The beginning of a fingerprint. */
export function shortPrint({ fingerprint }: CertificateInfo): string {
  return `SHA-256 ${fingerprint.slice(0, 16)}...`;
}

/** What a stranger says must not fill the terminal, nor steer it. */
export function printable(text: string): string {
  return visible(text.length <= 200 ? text : `${text.slice(0, 200)}...`);
}

/** What a stranger says must not steer the terminal. */
export function visible(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
