/** Certificate events for operators. */
export type TlsEvent =
  | TlsReloaded
  | TlsReloadFailed
  | CertificateExpiring
  | RevocationListOutdated
  | AuthorityKeyExposed;

/** Files have changed and are used from now on, for new connections and to re-verify open ones. */
export interface TlsReloaded {
  /** Names the event. */
  readonly type: "tlsReloaded";
  /** SHA-256 of the certificate that is shown to new peers, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** End of its validity, milliseconds since the Unix epoch. */
  readonly notAfter: number;
  /** Options whose files have changed. */
  readonly changed: readonly string[];
}

/**
 * Files have changed and cannot be used: the last good ones stay in use. Published once per change.
 */
export interface TlsReloadFailed {
  /** Names the event. */
  readonly type: "tlsReloadFailed";
  /** Stable; the code of the `TlsConfigError`. */
  readonly code: string;
  /** The offending file. */
  readonly file: string;
  /** The problem and its remedy. */
  readonly reason: string;
}

/**
 * A certificate ends soon, or has ended. Published 30, 7 and 1 days before, where that is in the last
 * third of its validity, and at its end; with a validity below three days, in its last quarter.
 */
export interface CertificateExpiring {
  /** Names the event. */
  readonly type: "certificateExpiring";
  /** Whose certificate: this end's own, or that of an authority in its own chain. */
  readonly of: "leaf" | "authority";
  /** The subject. */
  readonly subject: string;
  /** End of validity, milliseconds since the Unix epoch. */
  readonly notAfter: number;
  /** Whole days that are left: 30, 7, 1 or fewer; 0: it has ended. */
  readonly daysLeft: number;
}

/** The list of revoked certificates should have been renewed. Published once per list. */
export interface RevocationListOutdated {
  /** Names the event. */
  readonly type: "revocationListOutdated";
  /** The file that holds it. */
  readonly file: string;
  /**
   * When the next list was due, milliseconds since the Unix epoch; undefined: there is no list of
   * the issuer.
   */
  readonly nextUpdate: number | undefined;
}

/** The private key of an authority is in the folder of this end's key. */
export interface AuthorityKeyExposed {
  /** Names the event. */
  readonly type: "authorityKeyExposed";
  /** The file. */
  readonly file: string;
}
