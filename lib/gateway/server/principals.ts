import { TokenBuckets } from "../../runtime/token_buckets.ts";

/** Bounds of what one principal may cause. */
export interface PrincipalLimits {
  readonly maxPrincipals: number;
  readonly maxSocketsPerPrincipal: number;
  readonly maxSessionsPerPrincipal: number;
  readonly maxCallsPerPrincipal: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/**
 * Closed sockets whose peer does not answer, for each one that a principal may have: connections that
 * were lost unseen are such ones, too.
 */
const lingeringShare = 4;

/** What a principal has at a gateway. */
export interface PrincipalAccount {
  readonly id: string;
  /** Open sockets. */
  sockets: number;
  /** Sockets that the gateway has closed, and whose peer has not answered that. */
  closing: number;
  /** Sessions, with or without a socket. */
  sessions: number;
  /** Operations that are not answered. */
  calls: number;
}

/**
 * The principals of a gateway and what each may cause. Pure: times are parameters.
 *
 * Invariant: a principal without sockets, sessions and calls is forgotten as soon as its budgets are
 * full again, so the table holds those only that do something.
 */
export class Principals {
  readonly #limits: PrincipalLimits;
  readonly #accounts = new Map<string, PrincipalAccount>();
  readonly #messages: TokenBuckets;
  readonly #bytes: TokenBuckets;
  readonly #lastSeen = new Map<string, number>();

  constructor(limits: PrincipalLimits) {
    this.#limits = limits;
    this.#messages = new TokenBuckets(limits.messagesPerSecond);
    this.#bytes = new TokenBuckets(limits.bytesPerSecond);
  }

  /** How many are known. */
  get size(): number {
    return this.#accounts.size;
  }

  /** The account of a principal; undefined: as many as may be known do something. */
  account(id: string, now: number): PrincipalAccount | undefined {
    const known = this.#accounts.get(id);
    if (known !== undefined) {
      this.#lastSeen.set(id, now);
      return known;
    }
    if (this.#accounts.size >= this.#limits.maxPrincipals) this.prune(now);
    if (this.#accounts.size >= this.#limits.maxPrincipals) return undefined;
    const account = { id, sockets: 0, closing: 0, sessions: 0, calls: 0 };
    this.#accounts.set(id, account);
    this.#lastSeen.set(id, now);
    return account;
  }

  /** Whether the principal may open another socket. */
  mayConnect({ sockets }: PrincipalAccount): boolean {
    return sockets < this.#limits.maxSocketsPerPrincipal;
  }

  /** Whether it leaves so many closed sockets open that it gets no other one. */
  lingers({ closing }: PrincipalAccount): boolean {
    return closing >= this.#limits.maxSocketsPerPrincipal * lingeringShare;
  }

  /** Whether it may have another session. */
  mayOpenSession({ sessions }: PrincipalAccount): boolean {
    return sessions < this.#limits.maxSessionsPerPrincipal;
  }

  /** Whether it may call another operation. */
  mayCall({ calls }: PrincipalAccount): boolean {
    return calls < this.#limits.maxCallsPerPrincipal;
  }

  /** Whether a message of so many bytes is read now; then it is counted. */
  take({ id }: PrincipalAccount, bytes: number, now: number): boolean {
    this.#lastSeen.set(id, now);
    return this.#messages.take(id, now, 1) && this.#bytes.take(id, now, bytes);
  }

  /** Forgets principals that have nothing, and did nothing for a second. */
  prune(now: number): void {
    this.#messages.prune(now);
    this.#bytes.prune(now);
    for (const [id, { sockets, closing, sessions, calls }] of this.#accounts) {
      if (sockets > 0 || closing > 0 || sessions > 0 || calls > 0) continue;
      if (now - this.#lastSeen.get(id)! < 1_000) continue;
      this.#accounts.delete(id);
      this.#lastSeen.delete(id);
    }
  }
}
