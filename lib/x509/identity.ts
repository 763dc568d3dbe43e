import type { ClientIdentity, NodeIdentity } from "../runtime/network.ts";
import type { CertificateReading } from "./certificate.ts";

/** Which class of peer a certificate is made for. */
export type CertificateClass = "node" | "client";

/** A URI name of Casty, taken apart. */
export interface CertificateName {
  readonly kind: CertificateClass;
  readonly domain: string;
  readonly name: string;
}

// SPIFFE-ID 2.1 and 2.2: letters, digits, dots, dashes and underscores; the domain in lower case.
const uriName = /^spiffe:\/\/([a-z0-9._-]{1,255})\/(node|client)\/([A-Za-z0-9._-]{1,255})$/;
/** A name that is shown to people is cut here. */
const maxShownName = 100;

/** The nodes and clients that URI names make of the holder: one, in a usable certificate. */
export function identitiesOf({ uris }: { readonly uris: readonly string[] }): CertificateName[] {
  return uris.flatMap((uri) => {
    const match = uriName.exec(uri);
    if (match === null) return [];
    return [{ kind: match[2] as CertificateClass, domain: match[1]!, name: match[3]! }];
  });
}

/** What a chain proves that `judgeCertificate` has accepted. */
export function identityOf(path: readonly CertificateReading[]): NodeIdentity | ClientIdentity {
  const leaf = path[0]!;
  const { kind, name } = identitiesOf(leaf)[0]!;
  const { hosts, fingerprint, notAfter } = leaf;
  const chain = path.slice(0, -1).map(({ serialNumber, fingerprint, publicKey }, index) => {
    return { serialNumber, fingerprint, publicKey, issuerKey: path[index + 1]!.publicKey };
  });
  return { kind, name, hosts, fingerprint, notAfter, chain };
}

/** `"node node-1"` or `"client reports"`, or the common name of a certificate without a class. */
export function describeCertificate(reading: CertificateReading): string {
  const [identity] = identitiesOf(reading);
  if (identity !== undefined) return `${identity.kind} ${identity.name}`;
  const name = reading.commonName ?? reading.hosts[0] ?? "an unnamed subject";
  // The issuer has chosen the text: it must not fill a log, nor control a terminal.
  // deno-lint-ignore no-control-regex -- control characters are what is taken out
  return name.slice(0, maxShownName).replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}
