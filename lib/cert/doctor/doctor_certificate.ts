import type { CertificateReading } from "../../x509/certificate.ts";
import { type CertificateIdentity, isMissing } from "../../x509/identity.ts";
import type { DoctorSide } from "./doctor_side.ts";
import { replaceUnprintable } from "../../runtime/unprintable.ts";

/** The role of a peer in its certificate; undefined: neither a node nor a client. */
export function identityOfSide(
  { leaf, mapper }: Pick<DoctorSide, "leaf" | "mapper">,
): CertificateIdentity | undefined {
  const outcome = mapper.identify(leaf.names);
  return isMissing(outcome) ? undefined : outcome;
}

/** `"node node-1"`, or its common name when it has no class. */
export function subjectOf(side: Pick<DoctorSide, "leaf" | "mapper">): string {
  const identity = identityOfSide(side);
  if (identity !== undefined) return printable(`${identity.kind} ${identity.name}`);
  const { commonName, alternativeNames } = side.leaf;
  return printable(commonName ?? alternativeNames[0]?.text ?? "an unnamed subject");
}

/**
 * An authority's common name and the start of its fingerprint, which distinguishes authorities of
 * the same name.
 */
export function authorityName({ commonName, fingerprint }: CertificateReading): string {
  return `${printable(commonName ?? "an unnamed authority")} (SHA-256 ${
    fingerprint.slice(0, 16)
  }...)`;
}

/** Text of a foreign certificate must not fill the terminal, nor control it. */
export function printable(text: string): string {
  return visible(text.length <= 200 ? text : `${text.slice(0, 200)}...`);
}

/** Text of a foreign certificate must not control the terminal. */
export function visible(text: string): string {
  return replaceUnprintable(text);
}
