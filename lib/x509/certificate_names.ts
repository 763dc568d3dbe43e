import { AltName, type Certificate } from "pkijs";
import type { CertificateNames } from "../runtime/identity_mapping.ts";
import { ipText } from "./host_names.ts";

/** A name in the extension subjectAltName. */
export interface AlternativeName {
  readonly type: "dns" | "ip" | "uri" | "email" | "directory" | "other";
  /** Empty where it is not compared with anything. */
  readonly text: string;
  /** The address; only of an IP address. */
  readonly bytes?: Uint8Array;
}

/** By the tag of a GeneralName. */
export const nameTypes: Readonly<Record<number, AlternativeName["type"]>> = {
  1: "email",
  2: "dns",
  4: "directory",
  6: "uri",
  7: "ip",
};

const oid = { commonName: "2.5.4.3", organization: "2.5.4.10", organizationalUnit: "2.5.4.11" };

/**
 * The names in the extension subjectAltName, in their order. Of the same form is issuerAltName, whose
 * names are not those of the holder.
 */
export function alternativeNames(subjectAltName: unknown): AlternativeName[] {
  const names = subjectAltName instanceof AltName ? subjectAltName.altNames : [];
  return names.map(({ type, value }) => {
    const name = nameTypes[type] ?? "other";
    if (name !== "ip") return { type: name, text: typeof value === "string" ? value : "" };
    const bytes = new Uint8Array(value.valueBlock.valueHexView ?? []);
    return { type: name, text: ipText(bytes) ?? "", bytes };
  });
}

/** All names of the holder in a certificate, unchanged. */
export function namesOf(
  { subject }: Certificate,
  alternative: readonly AlternativeName[],
): CertificateNames {
  const texts = (wanted: AlternativeName["type"]) => {
    const named = alternative.filter(({ type, text }) => type === wanted && text !== "");
    return Object.freeze(named.map(({ text }) => text));
  };
  const attributes = (wanted: string) => {
    return Object.freeze(attributesOf(subject, wanted));
  };
  // Frozen: user functions receive them, and many handshakes share a reading.
  return Object.freeze({
    uris: texts("uri"),
    dnsNames: texts("dns"),
    ipAddresses: texts("ip"),
    commonNames: attributes(oid.commonName),
    organizations: attributes(oid.organization),
    organizationalUnits: attributes(oid.organizationalUnit),
  });
}

/** The first common name of a subject or issuer. */
export function commonNameOf(name: Certificate["subject"]): string | undefined {
  return attributesOf(name, oid.commonName)[0];
}

/** Of any string type: also BMPString and T61String, which are common in older PKIs. */
function attributesOf({ typesAndValues }: Certificate["subject"], wanted: string): string[] {
  return typesAndValues.filter(({ type }) => type === wanted)
    .map(({ value }) => String(value.valueBlock.value));
}
