import { CertError } from "../errors.ts";

/** SPIFFE X.509-SVID 3.1: a signing certificate carries its trust domain, a SPIFFE ID without path. */
const domainUri = /^spiffe:\/\/([a-z0-9._-]{1,255})\/?$/;

/**
 * The trust domain of a cluster: its name in lower case, with a dash in place of characters that a
 * trust domain cannot contain.
 *
 * @throws {CertError} code `badName`.
 */
export function trustDomainOf(clusterName: string): string {
  const domain = uriPart(clusterName).toLowerCase();
  if (domain.length >= 1 && domain.length <= 255 && /[a-z0-9]/.test(domain)) return domain;
  throw new CertError("badName", `${JSON.stringify(clusterName)} cannot be a trust domain`, {
    value: clusterName,
    remedy: "use the cluster's name: 1 to 255 letters, digits, dots, dashes or underscores",
  });
}

/**
 * The trust domain of certificates of an authority: its own, or one derived from its common name.
 */
export function trustDomainOfAuthority(
  { uris, commonName }: {
    readonly uris: readonly string[];
    readonly commonName: string | undefined;
  },
): string {
  for (const uri of uris) {
    const domain = domainUri.exec(uri)?.[1];
    if (domain !== undefined) return domain;
  }
  return uriPart(commonName || "casty").toLowerCase();
}

/** Characters outside the alphabet of SPIFFE IDs, which become dashes. */
export function uriPart(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, "-");
}
