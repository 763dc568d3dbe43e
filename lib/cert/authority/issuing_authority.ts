import type { KeyObject } from "node:crypto";
import { Certificate } from "pkijs";
import { type CertificateReading, isoTime } from "../../x509/certificate.ts";
import { judgeChain } from "../../x509/judge.ts";
import { isKeyPair } from "../../x509/signature.ts";
import type { Issuer } from "./certificate_builder.ts";
import { parseCertificate } from "./certificate_info.ts";
import { CertError, type CertErrorCode } from "../errors.ts";
import { decodePem } from "./pem.ts";
import { readPrivateKey } from "./private_key.ts";
import { dayOf, type Span } from "./validity.ts";

/** An authority with its signing key. */
export interface Authority {
  /** Its certificate, PEM; text after the first certificate is ignored. */
  readonly cert: string;
  /** Its private key, PEM: PKCS#8, encrypted or not, or SEC 1. */
  readonly key: string;
  /** Opens the key, if that is encrypted. */
  readonly passphrase?: string;
}

/** Purposes of a signature. */
export type Purpose = "keyCertSign" | "cRLSign";

/**
 * Reads an authority and checks that it can sign for the purpose now.
 *
 * @throws {CertError} codes `malformed`, `notAnAuthority`, `authorityExpired`,
 * `authorityNotYetValid`, `keyMismatch`, and those of a key.
 */
export function openAuthority(ca: Authority, purpose: Purpose): Issuer {
  const der = decodePem("CERTIFICATE", ca.cert);
  const reading = parseCertificate(der);
  refuseUseless(reading, purpose);
  const key = readPrivateKey(ca.key, ca.passphrase);
  if (!belongs(der, key)) {
    throw new CertError("keyMismatch", "the authority's key does not belong to its certificate", {
      remedy: "use the two files that one run of create-ca has written",
    });
  }
  return { certificate: Certificate.fromBER(der), key };
}

/**
 * When a leaf expires. The default validity is shortened to that of the authority; with an explicit
 * validity, an authority that expires earlier by less than the unit of asking (days, hours,
 * minutes) was meant to last as long.
 *
 * @throws {CertError} code `beyondAuthority`.
 */
export function leafEnd(end: Date, asked: Span | undefined, authority: Certificate): Date {
  const caEnd = authority.notAfter.value;
  const excess = end.getTime() - caEnd.getTime();
  if (excess <= 0) return end;
  if (asked === undefined || excess < asked.unit) return caEnd;
  throw new CertError(
    "beyondAuthority",
    `a certificate until ${dayOf(end)} would outlive its authority, which ends on ${dayOf(caEnd)}`,
    { value: asked.text, remedy: "ask for a shorter validity, or make a new authority" },
  );
}

/**
 * Checks that a signed certificate is accepted below its authority: an authority of another tool
 * may have name constraints, or properties that peers of Casty reject.
 *
 * @throws {CertError} code `beyondAuthority`.
 */
export function checkIssued(certificate: Certificate, { certificate: authority }: Issuer): void {
  const [leaf, issuer] = [certificate, authority].map((one) => {
    return parseCertificate(new Uint8Array(one.toSchema(true).toBER()));
  });
  const chain = judgeChain({
    leaf: leaf!,
    intermediates: [],
    authorities: [issuer!],
    now: Date.now(),
  });
  if (!("fault" in chain)) return;
  const { problem, remedy } = chain;
  throw new CertError("beyondAuthority", `no peer would accept it: it ${problem}`, { remedy });
}

/** Whether a private key belongs to a certificate. */
export function belongs(der: Uint8Array, key: KeyObject): boolean {
  return isKeyPair(key, parseCertificate(der).key);
}

function refuseUseless(reading: CertificateReading, purpose: Purpose): void {
  const refuse = (code: CertErrorCode, problem: string, remedy: string) => {
    throw new CertError(code, problem, { remedy });
  };
  const files = "use the files that create-ca has written";
  if (!reading.isAuthority) {
    refuse("notAnAuthority", "the certificate is not that of an authority", files);
  }
  if (reading.keyUsages?.includes(purpose) === false) {
    const what = purpose === "cRLSign" ? "revocation lists" : "certificates";
    refuse("notAnAuthority", `the authority may not sign ${what} (no ${purpose})`, files);
  }
  const now = Date.now();
  if (reading.notAfter < now) {
    const problem = `the authority has expired on ${dayOf(new Date(reading.notAfter))}`;
    refuse("authorityExpired", problem, "make a new one with create-ca");
  }
  if (reading.notBefore > now) {
    const problem = `the authority is not valid before ${isoTime(reading.notBefore)}`;
    refuse("authorityNotYetValid", problem, "wait until then, or set the clock of this machine");
  }
}
