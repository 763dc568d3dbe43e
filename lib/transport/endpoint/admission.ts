/**
 * How many connections are received, in all and from one address, and how fast. Pure: the time is
 * an argument.
 *
 * @module
 */
import { canonicalHost } from "../../x509/host_names.ts";
import type { TransportLimits } from "../base/limits.ts";

/** Hosts without connections that are remembered, for their rate. */
const maxRestingHosts = 10_000;

/** What one host has. */
interface Host {
  readonly name: string;
  connections: number;
  /** Connections that it may open at once, as of `at` (a token bucket). */
  tokens: number;
  at: number;
}

/** One connection that was received. */
interface Entry {
  readonly host: Host;
  pending: boolean;
}

/** The bounds in question; see {@linkcode TransportLimits}. */
export type AdmissionLimits = Pick<
  TransportLimits,
  | "maxPendingHandshakes"
  | "maxConnections"
  | "maxConnectionsPerAddress"
  | "maxConnectionRate"
>;

/** See the module's text. Connections are told apart by the far end's `"host:port"`. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #hosts = new Map<string, Host>();
  readonly #entries = new Map<string, Entry>();
  #pending = 0;

  /** Has received nobody. */
  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Connections that were received and have not ended. */
  get connections(): number {
    return this.#entries.size;
  }

  /** Those among them that have not introduced themselves yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Receives a connection, or answers which limit forbids it. */
  receive(remote: string, now: number): string | undefined {
    // The system gives a port a second time only when the first connection is over.
    this.ended(remote);
    const { maxConnections, maxPendingHandshakes } = this.#limits;
    const { maxConnectionsPerAddress, maxConnectionRate } = this.#limits;
    const host = this.#host(remote, now);
    if (host.tokens < 1) {
      return `it has connected more than maxConnectionRate (${maxConnectionRate}) times a second`;
    }
    // Also if it is turned away below: every attempt costs something.
    host.tokens--;
    if (host.connections >= maxConnectionsPerAddress) {
      return `maxConnectionsPerAddress (${maxConnectionsPerAddress}) are open from its address`;
    }
    if (this.#entries.size >= maxConnections) return `maxConnections (${maxConnections}) are open`;
    if (this.#pending >= maxPendingHandshakes) {
      return `maxPendingHandshakes (${maxPendingHandshakes}) are unfinished already`;
    }
    host.connections++;
    this.#pending++;
    this.#entries.set(remote, { host, pending: true });
    return undefined;
  }

  /** The peer has introduced itself. */
  opened(remote: string): void {
    const entry = this.#entries.get(remote);
    if (!entry?.pending) return;
    entry.pending = false;
    this.#pending--;
  }

  /** The connection is over. */
  ended(remote: string): void {
    const entry = this.#entries.get(remote);
    if (entry === undefined) return;
    this.opened(remote);
    this.#entries.delete(remote);
    entry.host.connections--;
  }

  #host(remote: string, now: number): Host {
    const name = networkOf(remote);
    const rate = this.#limits.maxConnectionRate;
    let host = this.#hosts.get(name);
    if (host === undefined) {
      if (this.#hosts.size >= maxRestingHosts) this.#forgetResting();
      host = { name, connections: 0, tokens: rate, at: now };
      this.#hosts.set(name, host);
    }
    host.tokens = Math.min(rate, host.tokens + (now - host.at) * rate / 1_000);
    host.at = now;
    return host;
  }

  /** Hosts with connections stay, and there are at most `maxConnections` of these. */
  #forgetResting(): void {
    for (const [name, { connections }] of this.#hosts) {
      if (connections === 0) this.#hosts.delete(name);
    }
  }
}

/** The IPv4 address or name, or the first 64 bits of an IPv6 address: one customer has so many. */
function networkOf(remote: string): string {
  const host = remote.slice(0, Math.max(0, remote.lastIndexOf(":")));
  if (!host.startsWith("[")) return host;
  const [head = "", tail] = canonicalHost(host).split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  return [...front, ...new Array<string>(zeros).fill("0"), ...back].slice(0, 4).join(":");
}
