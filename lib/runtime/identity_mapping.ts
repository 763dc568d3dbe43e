/**
 * The option `identity` of TLS material: which certificates belong to nodes, which to clients and which to admins,
 * for a PKI whose certificates do not carry Casty's own URI names.
 *
 * @module
 */

/**
 * The names in a certificate, unchanged. The requester of the certificate may have chosen any name
 * that the authority permits.
 */
export interface CertificateNames {
  /** URI names, SPIFFE IDs among them. */
  readonly uris: readonly string[];
  /** DNS names, wildcards included. */
  readonly dnsNames: readonly string[];
  /** IP addresses. */
  readonly ipAddresses: readonly string[];
  /** Common names (CN) of the subject; mostly one. */
  readonly commonNames: readonly string[];
  /** Organisations (O) of the subject. */
  readonly organizations: readonly string[];
  /** Organisational units (OU) of the subject. */
  readonly organizationalUnits: readonly string[];
}

/** The role of a certificate's holder. */
export interface MappedIdentity {
  /** A node can become a member; a client never does; an admin is a client that operates the cluster. */
  readonly role: "node" | "client" | "admin";
  /** 1 to 255 characters without control characters. */
  readonly name: string;
  /**
   * The trust domain that is compared with that of this end. Default: that of the certificate's
   * SPIFFE ID, if it has exactly one.
   */
  readonly trustDomain?: string;
}

/**
 * Patterns of names, by role. Each is one of these; each part may contain one `*`, which matches
 * one or more characters:
 *
 * - `"spiffe://example.org/ns/prod/sa/casty-*"`: a URI name. The domain is written in full; `*`
 *   does not match a `/`.
 * - `"dns:*.clients.example"`: a DNS name. `*` does not match a dot. Wildcard names of a
 *   certificate never match.
 * - `"subject:CN=casty-*,O=Example"`: attributes of the subject (`CN`, `O`, `OU`), each of which the
 *   certificate must have exactly once.
 *
 * A certificate that matches patterns of two roles is refused, as is one that matches one pattern
 * with several of its names.
 */
export interface IdentityPatterns {
  /** Names of nodes. Default: none. */
  readonly node?: string | readonly string[];
  /** Names of clients. Default: none. */
  readonly client?: string | readonly string[];
  /** Names of admins: clients that may send the requests of `casty`. Default: none. */
  readonly admin?: string | readonly string[];
}

/**
 * Maps a certificate to its holder: an identity, `undefined` for none, or the reason why not. It
 * must be synchronous and deterministic; if it throws, or returns another value, the certificate is
 * refused. It receives only names: dates, usages, chain and revocation are checked separately.
 */
export type IdentityFunction = (names: CertificateNames) => MappedIdentity | string | undefined;

/** Which certificates are nodes, clients and admins. */
export type IdentityMapping = IdentityPatterns | IdentityFunction;
