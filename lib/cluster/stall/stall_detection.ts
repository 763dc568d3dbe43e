import { withDefaults } from "../../options/check_options.ts";
import { clusterDefaults, membershipTimingDefaults } from "../../options/tables/cluster_tables.ts";
import { formatAddress, parseAddress } from "../../runtime/address.ts";
import type { TlsMaterial } from "../../runtime/network.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { StallAnswer, StallProbe, StallResponder } from "../../runtime/stall_probe.ts";
import { type AddressMap, addressMapper } from "../../transport/base/address_map.ts";
import { TransportError } from "../../transport/base/errors.ts";
import { rules } from "../../runtime/rules.ts";
import { systemNetwork } from "../../transport/system_network.ts";
import type { ClusterOptions } from "../node/cluster_options.ts";
import { systemStallProbe } from "./system_stall_probe.ts";

/** Minimum timeout of a stall probe, milliseconds: a handshake and a response. */
const minTimeout = 2_000;

/** Options of stall detection. */
export interface StallDetectionOptions {
  /** Interface to bind. */
  readonly host: string;
  /** Port to bind; 0 lets the system choose. */
  readonly port: number;
  readonly tls?: TlsMaterial;
  readonly addressMap?: AddressMap;
  /** Timeout of a probe, milliseconds. */
  readonly timeout: number;
  /** Called with the port of the responder; undefined: it has ended. */
  readonly onPort: (port: number | undefined) => void;
}

/**
 * Lets other nodes detect a stall of this node, and detects theirs. If it is unavailable (no
 * threads, no permission), the node works without it; then a stall looks like a crash to others.
 */
export class StallDetection {
  readonly #runtime: Runtime;
  readonly #probe: StallProbe | undefined;
  readonly #options: StallDetectionOptions;
  readonly #map: (address: string) => string;
  #responder: StallResponder | undefined;
  #starting: Promise<void> = Promise.resolve();
  #closed = false;

  /** A runtime with a simulated network provides its own probe. */
  constructor(runtime: Runtime, options: StallDetectionOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#map = addressMapper(options.addressMap);
    const isReal = runtime.network === systemNetwork;
    this.#probe = runtime.stallProbe ?? (isReal ? systemStallProbe : undefined);
  }

  /** Starts the responder in the background. */
  start(incarnation: number): void {
    const probe = this.#probe;
    if (probe === undefined) return;
    this.#starting = this.#starting.then(() => this.#open(probe, incarnation));
  }

  /** Signals that the event loop runs. */
  beat(): void {
    this.#responder?.beat();
  }

  /** Probes the responder of a member. Never rejects. */
  async ask(address: string, incarnation: number, port: number): Promise<StallAnswer> {
    const unknown: StallAnswer = { outcome: "unknown", ms: 0 };
    if (this.#probe === undefined || this.#closed) return unknown;
    const { host: serverName } = parseAddress(address);
    let target: { host: string; port: number };
    try {
      target = parseAddress(this.#map(formatAddress(serverName, port)));
    } catch {
      return unknown;
    }
    const { tls, timeout } = this.#options;
    return await this.#probe.ask({
      ...target,
      serverName,
      incarnation,
      timeout,
      ...(tls && { tls }),
    });
  }

  /**
   * Whether the host of a member refuses connections to its main port and to its stall port. False
   * where `addressMap` leads elsewhere: what refuses may be the other end of a tunnel. Never rejects.
   */
  async portsRefuse(address: string, incarnation: number, stallPort: number): Promise<boolean> {
    const { host } = parseAddress(address);
    if (rules.mappedAddressesProveNothing) {
      if (this.#isMapped(address) || this.#isMapped(formatAddress(host, stallPort))) return false;
    }
    // The stall port first: a running node sees no connection to its main port that says nothing.
    const { outcome } = await this.ask(address, incarnation, stallPort);
    return outcome === "gone" && !this.#closed && await this.#isRefused(address);
  }

  #isMapped(address: string): boolean {
    try {
      return this.#map(address) !== address;
    } catch {
      return true;
    }
  }

  async #isRefused(address: string): Promise<boolean> {
    try {
      const { host, port } = parseAddress(this.#map(address));
      const { timeout } = this.#options;
      const link = await this.#runtime.network.dial({ host, port, serverName: host, timeout });
      link.destroy();
      return false;
    } catch (error) {
      return error instanceof TransportError && error.code === "connectionRefused";
    }
  }

  /** Ends the responder, including one that is starting. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#starting;
    await this.#responder?.close();
  }

  async #open(probe: StallProbe, incarnation: number): Promise<void> {
    const { host, port, tls, onPort } = this.#options;
    await this.#responder?.close();
    this.#responder = undefined;
    if (this.#closed) return;
    try {
      const responder = await probe.serve({
        host,
        port,
        incarnation,
        ...(tls && { tls }),
        onEnd: (reason) => this.#onEnd(reason),
      });
      this.#responder = responder;
      responder.beat();
      onPort(responder.port);
    } catch (error) {
      this.#without(error instanceof Error ? error.message : String(error));
    }
  }

  #onEnd(reason: string): void {
    this.#responder = undefined;
    this.#options.onPort(undefined);
    this.#without(reason);
  }

  #without(reason: string): void {
    this.#runtime.logger.log(
      "warn",
      "cluster",
      "stall detection is unavailable: other nodes see a stall of this node as a crash",
      { reason, remedy: "allow the thread to be loaded, or set stallDetection to false" },
    );
  }
}

/** Creates stall detection from the options of a node. */
export function stallDetectionOf(
  runtime: Runtime,
  options: ClusterOptions,
  onPort: (port: number | undefined) => void,
): StallDetection {
  const { host, bindHost = host, tls, addressMap } = options;
  const { stallPort: port } = withDefaults(clusterDefaults, options);
  const { heartbeatInterval } = withDefaults(membershipTimingDefaults, options.membership);
  return new StallDetection(runtime, {
    host: bindHost,
    port,
    timeout: Math.max(minTimeout, 2 * heartbeatInterval),
    onPort,
    ...(tls && { tls }),
    ...(addressMap && { addressMap }),
  });
}
