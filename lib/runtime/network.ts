/**
 * The network as Casty sees it: byte streams between addresses, each with the identity that the far
 * end proved about itself. Three implementations: plain TCP, mutual TLS, and memory (for
 * simulations).
 *
 * @module
 */

import type { IdentityMapping } from "./identity_mapping.ts";
import type { TlsEvent } from "./tls_event.ts";

/** PEM texts of one end of a mutual TLS connection. */
export interface TlsMaterial {
  /** This end's certificate, followed by intermediates if there are any. */
  readonly cert: string;
  /** The private key of `cert`, PKCS#8. */
  readonly key: string;
  /** The authorities that a peer's certificate must chain to. Nothing else is trusted. */
  readonly ca: string;
  /**
   * Which certificates are nodes and which are clients, this end's own included. Default: those with
   * a URI name `spiffe://<domain>/node/<name>`, `.../client/<name>` or `.../admin/<name>`, of the
   * domain of this end.
   */
  readonly identity?: IdentityMapping;
  /** Decides about each peer whose certificate is acceptable. Default: all may connect. */
  readonly authorize?: Authorize;
  /**
   * Called for each peer before {@linkcode Authorize}, and for open connections after each change:
   * whether its certificate is revoked or denied. Answers why; undefined: it is not.
   */
  readonly judge?: (identity: CertifiedIdentity) => IdentityRefusal | undefined;
  /** What `judge` decides by, as data that can be handed to another thread. */
  readonly revocation?: () => RevocationData;
  /**
   * Subscribes to certificate events. The returned function unsubscribes, and resolves when no
   * check is in progress.
   */
  readonly subscribe?: (listener: (event: TlsEvent) => void) => () => Promise<void>;
}

/** Lists of revoked and denied certificates. */
export interface RevocationData {
  /** Revocation lists, as `crlFile` of `TlsConfig` holds them. */
  readonly crl: Uint8Array | undefined;
  /** SHA-256 of certificates or public keys, lower-case hexadecimal. */
  readonly denied: readonly string[];
  /** Whether a list in force is needed of every authority in the peer's chain. */
  readonly listRequired: boolean;
  /** Whether the outdated list of an authority refuses what it has issued. */
  readonly currentRequired: boolean;
}

/**
 * Says whether a peer that has proved its identity may connect: `true`, or `false`, or a reason
 * against it, which is sent to the peer. It must be synchronous; a function that throws, or returns
 * anything else (a promise), refuses the peer.
 *
 * @example
 * ```ts
 * import type { Authorize } from "@casty/casty/runtime";
 *
 * const reportsOnly: Authorize = (identity) =>
 *   identity.kind === "node" || identity.name === "reports" || "only reports may connect";
 * console.assert(
 *   reportsOnly({ kind: "client", name: "x", hosts: [], fingerprint: "", notAfter: 0 }) !== true,
 * );
 * ```
 */
export type Authorize = (identity: CertifiedIdentity) => boolean | string;

/** Why a peer with a good certificate is refused all the same. */
export interface IdentityRefusal {
  /** Stable; safe to branch on. */
  readonly fault: "revoked" | "noRevocationList" | "denied" | "unauthorized";
  /** Completes "the certificate of X ...", for logs. */
  readonly problem: string;
}

/** The identity in a peer's certificate. It decides which messages the peer may send. */
export type PeerIdentity = PlainIdentity | CertifiedIdentity;

/** The identity in a certificate. */
export type CertifiedIdentity = NodeIdentity | ClientIdentity | AdminIdentity;

/** The link is not encrypted and nothing is proved. */
export interface PlainIdentity {
  /** Names the kind. */
  readonly kind: "plain";
}

/** A certificate of a node, for servers and clients: see {@linkcode TlsMaterial.identity}. */
export interface NodeIdentity extends CertificateFacts {
  /** Names the kind. */
  readonly kind: "node";
}

/** A certificate of a client: see {@linkcode TlsMaterial.identity}. Never becomes a member. */
export interface ClientIdentity extends CertificateFacts {
  /** Names the kind. */
  readonly kind: "client";
}

/**
 * A certificate of a person or program that operates the cluster: it may do what clients may, and
 * send the requests of `casty` (see `docs/cli.md`). Never becomes a member.
 */
export interface AdminIdentity extends CertificateFacts {
  /** Names the kind. */
  readonly kind: "admin";
}

/** Facts read from a verified certificate. */
export interface CertificateFacts {
  /**
   * The last part of the URI name `spiffe://<domain>/node/<name>`. With the option `identity`: the
   * path of another URI, the DNS name, the common name, or the result of the function.
   */
  readonly name: string;
  /** The URI name in full. Absent if the option `identity` uses other names. */
  readonly uri?: string;
  /** The domain of a SPIFFE ID. Absent where the certificate is not identified by one. */
  readonly trustDomain?: string;
  /** DNS names and IP addresses that the certificate covers. */
  readonly hosts: readonly string[];
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** End of validity, milliseconds since the Unix epoch. */
  readonly notAfter: number;
  /**
   * The certificate and those between it and the authority, which is not among them. Absent where
   * no certificate was verified (simulations).
   */
  readonly chain?: readonly ChainLink[];
}

/** One certificate of a verified chain, as lists of revoked and denied ones name it. */
export interface ChainLink {
  /** Upper-case hexadecimal without leading zeros. */
  readonly serialNumber: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** SHA-256 of its public key (SubjectPublicKeyInfo), lower-case hexadecimal. */
  readonly publicKey: string;
  /** The same of the key that has signed it. */
  readonly issuerKey: string;
}

/**
 * A connected byte stream. For TLS the handshake is complete and the peer's certificate was
 * checked. Callbacks are set once, by the owner, before control returns to the event loop.
 */
export interface Link {
  /** Where the far end's socket is, `"host:port"`. For logs and limits, not an identity. */
  readonly remote: string;
  /** The identity that the far end proved. */
  readonly identity: PeerIdentity;
  /**
   * When the first certificate of the two ends expires, milliseconds since the Unix epoch. Absent:
   * never.
   */
  readonly validUntil?: number;
  /** Receives bytes. The chunk may be reused after the call: copy retained data. */
  onData: (chunk: Uint8Array) => void;
  /** Called exactly once. No error: the far end closed in order. */
  onClose: (error?: Error) => void;
  /**
   * Writes all of `bytes`, which must stay unchanged until `done`. At most one write at a time.
   * Errors come through `onClose`; `done` is then never called.
   */
  write(bytes: Uint8Array, done: () => void): void;
  /** Stops the delivery of data, and with it reading from the peer (back-pressure). */
  pause(): void;
  /** Starts the delivery of data again. */
  resume(): void;
  /** Flushes written data, then ends the stream. */
  close(): void;
  /** Ends the stream at once. */
  destroy(): void;
}

/** A place where links arrive. */
export interface Listener {
  /** The bound port; chosen by the system if 0 was requested. */
  readonly port: number;
  /** Stops accepting. Accepted links stay open. */
  close(): Promise<void>;
}

/** How to listen. */
export interface ListenOptions {
  /** Interface to bind. */
  readonly host: string;
  /** Port to bind; 0 lets the system choose. */
  readonly port: number;
  /** With it: mutual TLS. Without it: plain. */
  readonly tls?: TlsMaterial;
  /** Milliseconds until an unfinished TLS handshake is destroyed. */
  readonly handshakeTimeout: number;
  /** How many TLS handshakes may be unfinished at once; more are cut. */
  readonly maxPendingHandshakes: number;
  /**
   * Asked for each connection, with the far end's `"host:port"`, before anything is read from it.
   * If false it is closed without a refusal and neither of the two below is called; otherwise exactly
   * one of them is, unless the listener is closed. Until then `cut` closes it, with the reason for
   * `onRefused`. Default: all are received.
   */
  readonly admit?: (remote: string, cut: (reason: string) => void) => boolean;
  /**
   * A peer is connected and, with TLS, verified. `since` is when its connection came, on the clock
   * of the network, for deadlines that count from there; without it: just now.
   */
  readonly onLink: (link: Link, since?: number) => void;
  /**
   * Whether a peer that the TLS layer accepts and our own judge rejects is sent the reason, as a frame
   * of the protocol. Default: true.
   */
  readonly sendsReason?: boolean;
  /** A peer was rejected before it became a link. `reason` is a sentence for the log. */
  readonly onRefused: (remote: string, reason: string) => void;
}

/** How to dial. */
export interface DialOptions {
  /** Host to connect to (after any address map). */
  readonly host: string;
  /** Port to connect to. */
  readonly port: number;
  /** The host that the peer's certificate must name (before any address map). */
  readonly serverName: string;
  /** With it: mutual TLS. Without it: plain. */
  readonly tls?: TlsMaterial;
  /** Milliseconds for connection and TLS handshake together. */
  readonly timeout: number;
  /** Gives up when it aborts; one signal may serve any number of dials. */
  readonly signal?: AbortSignal;
}

/** Creates links and listeners. */
export interface Network {
  /** Resolves when the port is bound. Rejects with a `TransportError`. */
  listen(options: ListenOptions): Promise<Listener>;
  /** Resolves with a connected and verified link. Rejects with a `TransportError`. */
  dial(options: DialOptions): Promise<Link>;
}
