import { rules } from "../runtime/rules.ts";

/** Clients that are remembered while they are not connected, and how many with one certificate. */
const maxAway = 10_000;
const maxAwayPerIdentity = 1_000;

/** The account of clients that were never connected. */
const unknown = "";

/** A client that is connected, or may come back. */
interface KnownClient {
  /** Whom limits count for; see `accountOf`. */
  readonly account: string;
  /** Since when it is not connected; undefined: it is. */
  readonly awaySince: number | undefined;
}

/**
 * Which clients are gone. A node cannot dial a client, so a client that is not connected may come
 * back: its watches, its references and what watches it are kept for a time. It is gone when it says
 * so or does not come back in time. Pure: takes events and times, and returns clients that are gone.
 */
export class ClientPresence {
  readonly #timeout: number;
  readonly #clients = new Map<string, KnownClient>();
  /** Addresses of those that are away, the longest first; all, and by account. */
  readonly #away = new Set<string>();
  readonly #awayOf = new Map<string, Set<string>>();

  /** `timeout`: milliseconds until a client that is away is gone. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** Whether it is connected, or may come back. */
  has(address: string): boolean {
    return this.#clients.has(address);
  }

  /** Addresses of the clients that are connected. */
  *connected(): Generator<string> {
    for (const [address, { awaySince }] of this.#clients) {
      if (awaySince === undefined) yield address;
    }
  }

  /** When the next one is gone, unless it comes back; undefined: none is away. */
  get nextAt(): number | undefined {
    for (const address of this.#away) {
      return this.#clients.get(address)!.awaySince! + this.#timeout;
    }
    return undefined;
  }

  /**
   * A client is connected. Returns whether another client had the address, which is gone then: what
   * it had must not pass to the holder of another certificate.
   */
  onConnected(address: string, account: string): boolean {
    const known = this.#clients.get(address);
    const isOther = known !== undefined && known.account !== account && known.account !== unknown;
    this.#forget(address);
    this.#clients.set(address, { account, awaySince: undefined });
    return isOther;
  }

  /** Its connection has ended. Returns clients that are gone, since too many are away. */
  onDisconnected(address: string, now: number): readonly string[] {
    const known = this.#clients.get(address);
    // One that has ended before may have got something since.
    if (known === undefined || !rules.absentClientsAreKept) return [address];
    return this.#leave(address, known.account, now);
  }

  /** Something here waits for the end of a client that may never have been connected. */
  expect(address: string, now: number): readonly string[] {
    return this.#clients.has(address) ? [] : this.#leave(address, unknown, now);
  }

  /** It says that it has ended. */
  onClosed(address: string): void {
    this.#forget(address);
  }

  /** The clients that have been away for too long. */
  expire(now: number): readonly string[] {
    const gone: string[] = [];
    for (const address of this.#away) {
      if (now - this.#clients.get(address)!.awaySince! < this.#timeout) break;
      gone.push(address);
    }
    for (const address of gone) this.#forget(address);
    return gone;
  }

  #leave(address: string, account: string, now: number): readonly string[] {
    this.#forget(address);
    this.#clients.set(address, { account, awaySince: now });
    this.#away.add(address);
    let own = this.#awayOf.get(account);
    if (own === undefined) this.#awayOf.set(account, own = new Set());
    own.add(address);
    if (own.size > maxAwayPerIdentity) return this.#endOldest(own);
    return this.#away.size > maxAway ? this.#endOldest(this.#away) : [];
  }

  /** Gives up the one that is away longest. */
  #endOldest(away: ReadonlySet<string>): readonly string[] {
    for (const oldest of away) {
      this.#forget(oldest);
      return [oldest];
    }
    return [];
  }

  #forget(address: string): void {
    const known = this.#clients.get(address);
    if (known === undefined) return;
    this.#clients.delete(address);
    this.#away.delete(address);
    const own = this.#awayOf.get(known.account);
    own?.delete(address);
    if (own?.size === 0) this.#awayOf.delete(known.account);
  }
}
