import type { TransportLimits } from "../base/limits.ts";
import { holderOf, type Peer } from "../base/peer.ts";
import type { ByteAccount } from "../connection/outbox.ts";

/**
 * So many connections of clients with one certificate number their paths, each up to
 * `maxInternedPaths` in both directions; on others paths are sent in full. With the defaults, the paths
 * of all of them take at most 24 MB.
 */
export const maxNumberingConnections = 64;

interface Account extends ByteAccount {
  connections: number;
}

/** The limits that apply; see {@linkcode TransportLimits}. */
export type IdentityLimits = Pick<
  TransportLimits,
  "maxConnectionsPerIdentity" | "maxQueuedBytesPerIdentity"
>;

/**
 * Limits what one certificate takes, whatever addresses its holder chooses and however many
 * connections it opens. Peers without a certificate have no account: nothing distinguishes them.
 */
export class IdentityAccounts {
  readonly #limits: IdentityLimits;
  readonly #accounts = new Map<string, Account>();

  constructor(limits: IdentityLimits) {
    this.#limits = limits;
  }

  /** Why the peer may not open one more connection, if so. */
  refusal(peer: Peer): string | undefined {
    const { maxConnectionsPerIdentity: max } = this.#limits;
    if (peer.identity.kind === "plain") return undefined;
    if ((this.#accounts.get(holderOf(peer))?.connections ?? 0) < max) return undefined;
    return `maxConnectionsPerIdentity (${max}) are open with its certificate`;
  }

  /** Whether one more connection of the peer may have numbers for paths, which take memory. */
  mayNumberPaths(peer: Peer): boolean {
    if (peer.role === "node" || peer.identity.kind === "plain") return true;
    return (this.#accounts.get(holderOf(peer))?.connections ?? 0) < maxNumberingConnections;
  }

  /**
   * A connection of the peer has opened. Returns the account of a client: what waits for nodes is
   * bounded for each connection only, since they have few and must not lose messages of others.
   */
  opened(peer: Peer): ByteAccount | undefined {
    if (peer.identity.kind === "plain") return undefined;
    const holder = holderOf(peer);
    let account = this.#accounts.get(holder);
    if (account === undefined) {
      account = { connections: 0, bytes: 0, maxBytes: this.#limits.maxQueuedBytesPerIdentity };
      this.#accounts.set(holder, account);
    }
    account.connections++;
    return peer.role === "client" ? account : undefined;
  }

  /** It has ended. */
  ended(peer: Peer): void {
    if (peer.identity.kind === "plain") return;
    const holder = holderOf(peer);
    const account = this.#accounts.get(holder);
    if (account !== undefined && --account.connections === 0) this.#accounts.delete(holder);
  }
}
