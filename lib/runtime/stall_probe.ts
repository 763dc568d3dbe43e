/**
 * How nodes tell a peer whose event loop stands still from one that is gone: each has a responder
 * that answers although the event loop does not run. On a real machine that is a thread of its own
 * with a port of its own; a simulation says what it likes.
 *
 * @module
 */
import type { TlsMaterial } from "./network.ts";

/** Starts the responder of this node, and asks those of others. */
export interface StallProbe {
  /** Rejects where this is not possible: the node then runs without. */
  serve(options: StallResponderOptions): Promise<StallResponder>;
  /** Never rejects. */
  ask(question: StallQuestion): Promise<StallAnswer>;
}

/** What a responder is to do. */
export interface StallResponderOptions {
  /** Interface to bind. */
  readonly host: string;
  /** Port to bind; 0 lets the system choose. */
  readonly port: number;
  /** With it, only nodes with a certificate of our authority are answered. */
  readonly tls?: TlsMaterial;
  /** The node's incarnation, which the answers carry. */
  readonly incarnation: number;
  /** Called at most once, when it has ended by itself. */
  readonly onEnd: (reason: string) => void;
}

/** A responder that runs. */
export interface StallResponder {
  /** The port that is bound. */
  readonly port: number;
  /** The event loop runs: to be called at least every 250 milliseconds. */
  beat(): void;
  /** Ends it; resolves when the port is free. */
  close(): Promise<void>;
}

/** Whom to ask. */
export interface StallQuestion {
  /** Host to connect to (after any address map). */
  readonly host: string;
  /** Port to connect to (after any address map). */
  readonly port: number;
  /** The host that the certificate must name (before any address map). */
  readonly serverName: string;
  /** With it: mutual TLS. */
  readonly tls?: TlsMaterial;
  /** The life of the node that is meant. */
  readonly incarnation: number;
  /** Milliseconds for everything together. */
  readonly timeout: number;
}

/** What became known. */
export interface StallAnswer {
  /**
   * `alive`: its event loop ran within the last second. `gone`: nobody listens, or another life of
   * the node does. `unknown`: no answer.
   */
  readonly outcome: "alive" | "stalled" | "gone" | "unknown";
  /** How long ago its event loop ran last, milliseconds; 0 for `gone` and `unknown`. */
  readonly ms: number;
}
