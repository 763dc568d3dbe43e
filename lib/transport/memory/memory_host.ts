import { formatAddress, parseAddress } from "../../runtime/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import type {
  DialOptions,
  Link,
  Listener,
  ListenOptions,
  Network,
  PeerIdentity,
} from "../../runtime/network.ts";
import { TransportError } from "../base/errors.ts";
import { coversHost } from "../../x509/host_names.ts";
import type { MemoryLane } from "./memory_lane.ts";
import { type LinkTrace, MemoryLink } from "./memory_link.ts";
import {
  connectionLost,
  dialFailed,
  dialGivenUp,
  dialTimedOut,
  listenFailed,
} from "../base/socket_errors.ts";

/** Functions of the network that a host needs. */
export interface MemorySurroundings {
  /** The host's own. */
  readonly clock: Clock;
  readonly enter: (take: () => void) => void;
  readonly hosts: ReadonlyMap<string, MemoryHost>;
  readonly lane: (from: string, to: string) => MemoryLane;
  readonly trace: LinkTrace;
  readonly socketBuffer: number;
}

/** Ports are given out in order, so that one seed gives one history. */
const firstListenPort = 20_000;
const firstDialPort = 50_000;

/** One simulated host's view of the network. */
export class MemoryHost implements Network {
  readonly name: string;
  /** The identity that this host proves to its peers. */
  identity: PeerIdentity;
  up = true;
  silent = false;

  readonly #surroundings: MemorySurroundings;
  readonly #listeners = new Map<number, ListenOptions>();
  readonly #links = new Set<MemoryLink>();
  readonly #dials = new Set<MemoryDial>();
  #listenPort = firstListenPort;
  #dialPort = firstDialPort;

  constructor(name: string, identity: PeerIdentity, surroundings: MemorySurroundings) {
    this.name = name;
    this.identity = identity;
    this.#surroundings = surroundings;
  }

  // deno-lint-ignore require-await -- a bind that fails must reject, not throw
  async listen(options: ListenOptions): Promise<Listener> {
    if (!this.up) throw this.#crashed();
    let port = options.port;
    while (port === 0) {
      if (!this.#listeners.has(this.#listenPort)) port = this.#listenPort;
      this.#listenPort++;
    }
    if (this.#listeners.has(port)) {
      throw listenFailed(options.host, port, simulatedFault("EADDRINUSE"));
    }
    this.#listeners.set(port, options);
    return {
      port,
      close: () => {
        if (this.#listeners.get(port) === options) this.#listeners.delete(port);
        return Promise.resolve();
      },
    };
  }

  dial(options: DialOptions): Promise<Link> {
    if (!this.up) return Promise.reject(this.#crashed());
    const local = formatAddress(this.name, this.#dialPort++);
    return new Promise((resolve, reject) => {
      const giveUp = () => dial.fail(dialGivenUp(options.host, options.port));
      const dial = new MemoryDial(this, local, options, this.#surroundings, (outcome) => {
        this.#dials.delete(dial);
        options.signal?.removeEventListener("abort", giveUp);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
      options.signal?.addEventListener("abort", giveUp);
      this.#dials.add(dial);
      dial.start();
    });
  }

  /** The listener on `port`. */
  listener(port: number): ListenOptions | undefined {
    return this.#listeners.get(port);
  }

  /** Creates one end of a connection on this host. */
  link(local: string, remote: string, identity: PeerIdentity, lane: MemoryLane): MemoryLink {
    const { clock, enter, hosts, socketBuffer, trace } = this.#surroundings;
    const onEnd = (link: MemoryLink) => void this.#links.delete(link);
    const answers = () => hosts.get(this.name)?.up ?? false;
    const own = { clock, enter, answers, socketBuffer, trace, onEnd };
    const validUntil = Math.min(endOf(this.identity), endOf(identity));
    const link = new MemoryLink({ local, remote, identity, validUntil, lane, ...own });
    this.#links.add(link);
    return link;
  }

  /** Connections that have not ended at this end. */
  get openLinks(): number {
    return this.#links.size;
  }

  /** Discards everything on this host. */
  crash(silently: boolean): void {
    this.up = false;
    this.silent = silently;
    this.#listeners.clear();
    for (const link of [...this.#links]) link.vanish(silently);
    for (const dial of [...this.#dials]) dial.fail(this.#crashed());
  }

  /** Resets the connections to a host. */
  breakOff(other: string, inMidstream: boolean): void {
    for (const link of [...this.#links]) {
      if (parseAddress(link.remote).host === other) link.breakOff(inMidstream);
    }
  }

  #crashed(): TransportError {
    return new TransportError("networkFailure", `the simulated host ${this.name} has crashed`, {
      value: this.name,
      remedy: "ask the network for the host again, as a restart would",
    });
  }
}

/** One attempt to connect. */
class MemoryDial {
  readonly #host: MemoryHost;
  readonly #local: string;
  readonly #remote: string;
  readonly #options: DialOptions;
  readonly #target: string;
  readonly #surroundings: MemorySurroundings;
  readonly #forward: MemoryLane;
  readonly #backward: MemoryLane;
  #settle: ((outcome: Link | Error) => void) | undefined;
  #near: MemoryLink | undefined;
  #cancelTimer: () => void = () => {};

  constructor(
    host: MemoryHost,
    local: string,
    options: DialOptions,
    surroundings: MemorySurroundings,
    settle: (outcome: Link | Error) => void,
  ) {
    this.#host = host;
    this.#local = local;
    this.#options = options;
    this.#surroundings = surroundings;
    this.#settle = settle;
    this.#target = loopback(options.host) ? host.name : options.host;
    this.#remote = formatAddress(this.#target, options.port);
    this.#forward = surroundings.lane(host.name, this.#target);
    this.#backward = surroundings.lane(this.#target, host.name);
  }

  start(): void {
    const { host, port, timeout } = this.#options;
    this.#surroundings.trace(this.#local, this.#remote, "dial");
    const timer = this.#surroundings.clock.schedule(timeout, () => {
      this.fail(dialTimedOut(host, port, timeout, "connecting"));
    });
    this.#cancelTimer = () => timer.cancel();
    this.#forward.send(() => this.#arrive());
  }

  /** The attempt is over; a far end that exists already is closed. */
  fail(error: Error): void {
    this.#finish(error);
    this.#near?.destroy();
  }

  /** The request to connect has reached the target. */
  #arrive(): void {
    if (this.#settle === undefined) return;
    const target = this.#surroundings.hosts.get(this.#target);
    if (target?.silent) return;
    const listener = target?.listener(this.#options.port);
    if (target === undefined || listener === undefined) {
      this.#surroundings.trace(this.#remote, this.#local, "refuse");
      const { host, port } = this.#options;
      const refused = simulatedFault("ECONNREFUSED");
      this.#backward.send(() => this.#finish(dialFailed(host, port, refused)));
      return;
    }
    // It becomes a link at once: nothing is left to cut.
    if (listener.admit?.(this.#local, () => {}) === false) {
      this.#surroundings.trace(this.#remote, this.#local, "reject");
      this.#backward.send(() => this.#finish(connectionLost(this.#remote)));
      return;
    }
    this.#surroundings.trace(this.#remote, this.#local, "accept");
    const far = target.link(this.#remote, this.#local, this.#host.identity, this.#backward);
    const near = this.#host.link(this.#local, this.#remote, target.identity, this.#forward);
    MemoryLink.join(near, far);
    // Until the owner has it: the far end may go down at once.
    near.onClose = (error) => this.#finish(error ?? connectionLost(this.#remote));
    this.#near = near;
    // Before anything that the target sends.
    this.#backward.send(() => this.#accepted(near));
    listener.onLink(far);
  }

  #accepted(near: MemoryLink): void {
    if (this.#settle === undefined) return;
    const { identity } = near;
    const { serverName } = this.#options;
    if (identity.kind === "plain" || coversHost(identity.hosts, serverName)) {
      return this.#finish(near);
    }
    near.destroy();
    this.#finish(
      new TransportError(
        "wrongServerName",
        `the certificate of ${this.#remote} does not cover the host ${serverName}`,
        { value: serverName, remedy: "dial a host that the certificate names" },
      ),
    );
  }

  #finish(outcome: Link | Error): void {
    const settle = this.#settle;
    this.#settle = undefined;
    this.#cancelTimer();
    settle?.(outcome);
  }
}

/** When a certificate expires; those of many simulations do not. */
function endOf(identity: PeerIdentity): number {
  return identity.kind === "plain" || identity.notAfter === 0 ? Infinity : identity.notAfter;
}

/** An error as the system would report it. */
function simulatedFault(code: "EADDRINUSE" | "ECONNREFUSED"): Error {
  return Object.assign(new Error("simulated"), { code });
}

function loopback(host: string): boolean {
  return host === "localhost" || host === "127.0.0.1" || host === "::1";
}
