/**
 * Constructs that the TLS library of Deno rejects although RFC 5280 allows them: found by
 * experiment with Deno 2.9.6 (rustls with webpki), and held against real handshakes by
 * `tests/x509/judges_test.ts`. Deno says of all of it only that the certificate "cannot be
 * verified". It applies on every runtime, since one node on Deno in a cluster is enough to be
 * refused. Pure.
 *
 * Keys and signatures that it does not know are refused with `unsupportedAlgorithm`.
 *
 * @module
 */
import type { AlternativeName } from "./certificate_names.ts";
import type { CertificateReading } from "./certificate.ts";
import { constrainedTypes } from "./name_constraints.ts";

/** Type names of a certificate that have constraints which the TLS library does not evaluate. */
const uncheckedNames: readonly AlternativeName["type"][] = ["uri", "email", "directory", "other"];
const typeNames: Partial<Record<AlternativeName["type"], string>> = {
  uri: "URI names",
  email: "e-mail addresses",
  directory: "directory names",
};
const anyPurpose = "2.5.29.37.0";

/**
 * Why a chain, from the leaf to the authority, is refused by the TLS library; undefined: it is not.
 * Completes "the certificate of X ...".
 */
export function tlsProblem(
  path: readonly CertificateReading[],
  describe: (issuer: CertificateReading) => string,
): string | undefined {
  for (const [at, issuer] of path.entries()) {
    if (at === 0) continue;
    const below = path.slice(0, at);
    const type = uncheckedConstraint(issuer, below);
    if (type !== undefined) {
      return `was issued by ${describe(issuer)}, which has a name constraint for ${
        typeNames[type] ?? "names of another type"
      }: TLS on Deno refuses every certificate with such a name below it`;
    }
    // A root's extended key usages are not checked.
    if (at < path.length - 1 && issuer.purposes?.includes(anyPurpose) && lacksOwn(issuer)) {
      return `was issued by ${describe(issuer)}, whose extended key usage is ` +
        "anyExtendedKeyUsage: TLS on Deno wants serverAuth and clientAuth by name, or no such " +
        "extension";
    }
  }
  return undefined;
}

function uncheckedConstraint(
  { nameConstraints }: CertificateReading,
  below: readonly CertificateReading[],
): AlternativeName["type"] | undefined {
  if (nameConstraints === undefined) return undefined;
  const constrained = constrainedTypes(nameConstraints);
  return uncheckedNames.find((type) => {
    if (!constrained.has(type)) return false;
    // Every certificate has a directory name: its subject.
    return type === "directory" ||
      below.some(({ alternativeNames }) => alternativeNames.some((name) => name.type === type));
  });
}

function lacksOwn({ purposes = [] }: CertificateReading): boolean {
  return !purposes.includes("serverAuth") || !purposes.includes("clientAuth");
}
