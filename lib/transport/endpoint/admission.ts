/**
 * Limits the connections that are accepted: in all, from one address, and their rate. Pure: the time
 * is an argument.
 *
 * @module
 */
import { canonicalHost } from "../../x509/host_names.ts";
import type { TransportLimits } from "../base/limits.ts";

/** Hosts without connections whose rate is still counted. */
const maxRestingHosts = 10_000;

/** Connections and rate of one host. */
interface Host {
  readonly name: string;
  connections: number;
  /** Connections that it may open at once, as of `at` (a token bucket). */
  tokens: number;
  at: number;
}

/** One accepted connection. */
interface Entry {
  readonly host: Host;
  pending: boolean;
}

/** The limits that apply; see {@linkcode TransportLimits}. */
export type AdmissionLimits = Pick<
  TransportLimits,
  | "maxPendingHandshakes"
  | "maxConnections"
  | "maxConnectionsPerAddress"
  | "maxConnectionRate"
>;

/** See the module's text. A connection is identified by the peer's `"host:port"`. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #hosts = new Map<string, Host>();
  readonly #entries = new Map<string, Entry>();
  #pending = 0;

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

  /** Accepts a connection, or returns which limit forbids it. */
  accept(remote: string, now: number): string | undefined {
    // The operating system reuses a port only when the first connection has ended.
    this.ended(remote);
    const { maxConnections, maxPendingHandshakes } = this.#limits;
    const { maxConnectionsPerAddress, maxConnectionRate } = this.#limits;
    const host = this.#host(remote, now);
    if (host.tokens < 1) {
      return `it has connected more than maxConnectionRate (${maxConnectionRate}) times a second`;
    }
    // Also for a connection that is rejected below: each attempt has a cost.
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

  /** The handshake is complete. */
  opened(remote: string): void {
    const entry = this.#entries.get(remote);
    if (!entry?.pending) return;
    entry.pending = false;
    this.#pending--;
  }

  /** The connection has ended. */
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
