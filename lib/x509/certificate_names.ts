import { AltName, type Certificate } from "pkijs";
import type { CertificateNames } from "../runtime/identity_mapping.ts";
import { ipText } from "./host_names.ts";

const oid = { commonName: "2.5.4.3", organization: "2.5.4.10", organizationalUnit: "2.5.4.11" };
const altName = { dns: 2, uri: 6, ip: 7 };

/** All names that a certificate gives its holder, as they are written there. */
export function namesOf({ extensions = [], subject }: Certificate): CertificateNames {
  const names = extensions.flatMap(({ parsedValue }) => {
    return parsedValue instanceof AltName ? parsedValue.altNames : [];
  });
  const texts = (wanted: number) => {
    return names.filter(({ type }) => type === wanted).map(({ value }) => String(value));
  };
  const addresses = names.filter(({ type }) => type === altName.ip).flatMap(({ value }) => {
    return ipText(new Uint8Array(value.valueBlock.valueHexView ?? [])) ?? [];
  });
  const attributes = (wanted: string) => {
    return subject.typesAndValues.filter(({ type }) => type === wanted)
      .map(({ value }) => String(value.valueBlock.value));
  };
  // Functions of users are given them, and many handshakes share a reading.
  return Object.freeze({
    uris: Object.freeze(texts(altName.uri)),
    dnsNames: Object.freeze(texts(altName.dns)),
    ipAddresses: Object.freeze(addresses),
    commonNames: Object.freeze(attributes(oid.commonName)),
    organizations: Object.freeze(attributes(oid.organization)),
    organizationalUnits: Object.freeze(attributes(oid.organizationalUnit)),
  });
}
