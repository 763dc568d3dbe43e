/**
 * Decides which connections are accepted: limits in all, for one address, and of their rate; and a
 * fair share of the handshakes that may be unfinished at once. Pure: the time is an argument.
 *
 * A peer proves itself only at the end of its handshake, so a place for an unfinished one is all
 * that a peer without a certificate can take. When all places are taken, the oldest unfinished
 * connection of the greediest address gives way. An address is greedier the more handshakes it has
 * open and the more it has left unfinished lately: a peer that finishes its handshakes is never
 * greedier than one that floods.
 *
 * @module
 */
import { canonicalHost } from "../../x509/host_names.ts";
import type { TransportLimits } from "../base/limits.ts";

/** Hosts without connections whose rate is still counted. */
const maxRestingHosts = 10_000;
/** Addresses of nodes that are remembered, the latest. */
const maxKnownHosts = 1_000;
/** The share of unfinished handshakes that only addresses of nodes may take. */
const reservedShare = 1 / 4;
/** Milliseconds after which an unfinished handshake counts half. */
const halfLife = 10_000;
/**
 * Milliseconds that a handshake has in any case, unless its address is greedier than the one that
 * needs the place: otherwise many honest peers that connect at once would only evict each other.
 */
const minHandshakeTime = 1_000;
/** An address that has left this number of handshakes unfinished lately is suspect. */
const suspectAfter = 32;
/** Connections a second that are accepted from all suspect addresses together. */
const suspectRate = 50;

/** Connections that may be opened at once, as of a time; refilled at a rate. */
interface Bucket {
  tokens: number;
  at: number;
}

/** Connections and rate of one host. */
interface Host extends Bucket {
  readonly name: string;
  connections: number;
  /** Those whose handshake is not complete, the oldest first. */
  readonly pending: Set<Entry>;
  /** Handshakes that it has left unfinished, as of `unfinishedAt`; old ones count less. */
  unfinished: number;
  unfinishedAt: number;
}

/** One accepted connection. */
interface Entry {
  readonly remote: string;
  readonly host: Host;
  /** When it was accepted. */
  readonly since: number;
}

/** The limits that apply; see {@linkcode TransportLimits}. */
export type AdmissionLimits = Pick<
  TransportLimits,
  | "maxPendingHandshakes"
  | "maxConnections"
  | "maxConnectionsPerAddress"
  | "maxConnectionRate"
>;

/** The decision about a connection. */
export interface AdmissionVerdict {
  /** Why it is refused. */
  readonly refused?: string;
  /** The connection that gives way to it, and has to be closed. */
  readonly evicted?: string;
}

const accepted: AdmissionVerdict = {};

/** See the module's text. A connection is identified by the peer's `"host:port"`. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #hosts = new Map<string, Host>();
  readonly #entries = new Map<string, Entry>();
  /** Hosts with an unfinished handshake. */
  readonly #waiting = new Set<Host>();
  /** Hosts where a node has proved itself, the latest last. */
  readonly #known = new Set<string>();
  readonly #suspects: Bucket = { tokens: suspectRate, at: 0 };
  #pending = 0;
  /** Those of hosts that are not known. */
  #unknownPending = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Accepted connections that have not ended. */
  get connections(): number {
    return this.#entries.size;
  }

  /** Connections whose handshake is not complete. */
  get pending(): number {
    return this.#pending;
  }

  /** What is said to a connection that gives way to another. */
  get evictionReason(): string {
    return `${this.#allPending()}, and most of them are of its address`;
  }

  /** Accepts a connection, or returns which limit forbids it. An evicted one has ended. */
  accept(remote: string, now: number): AdmissionVerdict {
    // The operating system reuses a port only when the first connection has ended.
    this.ended(remote, now);
    const host = this.#host(remote, now);
    const refused = this.#refusal(host, now);
    if (refused !== undefined) return { refused };
    const victim = this.#isFullFor(host) ? this.#evictFor(host, now) : accepted;
    if (victim === undefined) {
      leaveUnfinished(host, now);
      return { refused: this.evictionReason };
    }
    const entry = { remote, host, since: now };
    this.#entries.set(remote, entry);
    host.connections++;
    host.pending.add(entry);
    this.#waiting.add(host);
    this.#count(host, 1);
    return victim;
  }

  /** The handshake is complete. */
  opened(remote: string): void {
    const entry = this.#entries.get(remote);
    if (entry === undefined || !this.#settle(entry)) return;
    const { host } = entry;
    host.unfinished = Math.max(0, host.unfinished - 1);
  }

  /** A node has proved itself at this address, on a connection in either direction. */
  proved(remote: string): void {
    const name = networkOf(remote);
    const host = this.#hosts.get(name);
    if (host !== undefined && !this.#known.has(name)) this.#unknownPending -= host.pending.size;
    this.#known.delete(name);
    this.#known.add(name);
    if (this.#known.size <= maxKnownHosts) return;
    const [oldest] = this.#known;
    this.#known.delete(oldest!);
    this.#unknownPending += this.#hosts.get(oldest!)?.pending.size ?? 0;
  }

  /** The connection has ended. */
  ended(remote: string, now: number): void {
    const entry = this.#entries.get(remote);
    if (entry === undefined) return;
    if (this.#settle(entry)) leaveUnfinished(entry.host, now);
    this.#entries.delete(remote);
    entry.host.connections--;
  }

  #refusal(host: Host, now: number): string | undefined {
    const { maxConnections, maxConnectionsPerAddress, maxConnectionRate } = this.#limits;
    // Also for a connection that is refused below: each attempt has a cost.
    if (!take(host, maxConnectionRate, now)) {
      return `it has connected more than maxConnectionRate (${maxConnectionRate}) times a second`;
    }
    if (
      unfinishedOf(host, now) >= suspectAfter && !this.#known.has(host.name) &&
      !take(this.#suspects, suspectRate, now)
    ) {
      leaveUnfinished(host, now);
      return `its address has left more than ${suspectAfter} handshakes unfinished lately`;
    }
    if (host.connections >= maxConnectionsPerAddress) {
      return `maxConnectionsPerAddress (${maxConnectionsPerAddress}) are open from its address`;
    }
    if (this.#entries.size >= maxConnections) return `maxConnections (${maxConnections}) are open`;
    return undefined;
  }

  /** The addresses of nodes have places of their own. */
  #isFullFor({ name }: Host): boolean {
    const { maxPendingHandshakes: max } = this.#limits;
    if (this.#pending >= max) return true;
    const open = max - Math.floor(max * reservedShare);
    return this.#unknownPending >= open && !this.#known.has(name);
  }

  /** Ends the connection that gives way to one of `newcomer`; undefined if none has to. */
  #evictFor(newcomer: Host, now: number): AdmissionVerdict | undefined {
    const victim = this.#greediest(now);
    if (victim === undefined) return undefined;
    const most = greedOf(victim, now);
    const own = greedOf(newcomer, now);
    if (own > most) return undefined;
    const [oldest] = victim.pending;
    const isGreedier = victim !== newcomer && most > own + 1;
    if (!isGreedier && now - oldest!.since < minHandshakeTime) return undefined;
    this.ended(oldest!.remote, now);
    return { evicted: oldest!.remote };
  }

  /** Addresses of nodes only if there is no other. */
  #greediest(now: number): Host | undefined {
    let greediest: Host | undefined;
    let most = -1;
    const unknownOnly = this.#unknownPending > 0;
    for (const host of this.#waiting) {
      const greed = greedOf(host, now);
      if (greed <= most || (unknownOnly && this.#known.has(host.name))) continue;
      most = greed;
      greediest = host;
    }
    return greediest;
  }

  /** Whether the handshake was pending until now. */
  #settle(entry: Entry): boolean {
    const { host } = entry;
    if (!host.pending.delete(entry)) return false;
    if (host.pending.size === 0) this.#waiting.delete(host);
    this.#count(host, -1);
    return true;
  }

  #count(host: Host, change: 1 | -1): void {
    this.#pending += change;
    if (!this.#known.has(host.name)) this.#unknownPending += change;
  }

  #host(remote: string, now: number): Host {
    const name = networkOf(remote);
    let host = this.#hosts.get(name);
    if (host === undefined) {
      if (this.#hosts.size >= maxRestingHosts) this.#forgetResting();
      const tokens = this.#limits.maxConnectionRate;
      host = {
        name,
        connections: 0,
        pending: new Set(),
        unfinished: 0,
        unfinishedAt: now,
        tokens,
        at: now,
      };
      this.#hosts.set(name, host);
    }
    return host;
  }

  #allPending(): string {
    const { maxPendingHandshakes } = this.#limits;
    return `maxPendingHandshakes (${maxPendingHandshakes}) are unfinished already`;
  }

  /** Hosts with connections stay, and there are at most `maxConnections` of these. */
  #forgetResting(): void {
    for (const [name, { connections }] of this.#hosts) {
      if (connections === 0) this.#hosts.delete(name);
    }
  }
}

/** Handshakes that a host has left unfinished lately. */
function unfinishedOf({ unfinished, unfinishedAt }: Host, now: number): number {
  return unfinished * 2 ** ((unfinishedAt - now) / halfLife);
}

function leaveUnfinished(host: Host, now: number): void {
  host.unfinished = 1 + unfinishedOf(host, now);
  host.unfinishedAt = now;
}

function greedOf(host: Host, now: number): number {
  return host.pending.size + unfinishedOf(host, now);
}

/** Takes a token; false if there is none. `rate`: tokens a second, and at most. */
function take(bucket: Bucket, rate: number, now: number): boolean {
  bucket.tokens = Math.min(rate, bucket.tokens + (now - bucket.at) * rate / 1_000);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens--;
  return true;
}

/** The IPv4 address or name, or the first 64 bits of an IPv6 address, as one host usually has. */
function networkOf(remote: string): string {
  const host = remote.slice(0, Math.max(0, remote.lastIndexOf(":")));
  if (!host.startsWith("[")) return host;
  const [head = "", tail] = canonicalHost(host).split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  return [...front, ...new Array<string>(zeros).fill("0"), ...back].slice(0, 4).join(":");
}
