/**
 * How a node distinguishes a peer whose event loop is stalled from a crashed one: each node has a
 * stall responder that answers while the event loop does not run. On a real machine that is a
 * thread with a separate port; a simulation has its own implementation.
 *
 * @module
 */
import type { TlsMaterial } from "./network.ts";

/** Starts the responder of this node and probes those of other nodes. */
export interface StallProbe {
  /** Rejects if it is unavailable; the node then runs without it. */
  serve(options: StallResponderOptions): Promise<StallResponder>;
  /** Never rejects. */
  ask(request: StallRequest): Promise<StallAnswer>;
}

/** Options of a responder. */
export interface StallResponderOptions {
  /** Interface to bind. */
  readonly host: string;
  /** Port to bind; 0 lets the system choose. */
  readonly port: number;
  /** If set, only nodes with a certificate of our authority are answered. */
  readonly tls?: TlsMaterial;
  /** Incarnation of the node, part of each answer. */
  readonly incarnation: number;
  /** Called at most once, when the responder has failed. */
  readonly onEnd: (reason: string) => void;
}

/** A running responder. */
export interface StallResponder {
  /** The port that is bound. */
  readonly port: number;
  /** The event loop runs: to be called at least every 250 milliseconds. */
  beat(): void;
  /** Ends it; resolves when the port is free. */
  close(): Promise<void>;
}

/** A probe of the responder of another node. */
export interface StallRequest {
  /** Host to connect to (after any address map). */
  readonly host: string;
  /** Port to connect to (after any address map). */
  readonly port: number;
  /** The host that the certificate must name (before any address map). */
  readonly serverName: string;
  /** If set: mutual TLS. */
  readonly tls?: TlsMaterial;
  /** The expected incarnation of the node. */
  readonly incarnation: number;
  /** Timeout of the whole probe, milliseconds. */
  readonly timeout: number;
}

/** The result of a probe. */
export interface StallAnswer {
  /**
   * `alive`: its event loop ran within the last second. `gone`: the connection is refused, or
   * another incarnation answers. `unknown`: no answer.
   */
  readonly outcome: "alive" | "stalled" | "gone" | "unknown";
  /** How long ago its event loop ran last, milliseconds; 0 for `gone` and `unknown`. */
  readonly ms: number;
}
