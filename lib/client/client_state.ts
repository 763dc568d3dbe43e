import type { ActorEvent } from "../actor/services/event_stream.ts";
import type { TlsEvent } from "../runtime/tls_event.ts";

/**
 * The state of a client:
 *
 * - `connecting`: no node has answered yet.
 * - `connected`: it hears from two nodes, or from the only one.
 * - `degraded`: it hears from one of several. All operations work.
 * - `reconnecting`: it is subscribed to none, and uses the latest topology while it reconnects.
 * - `closed`: it was closed.
 */
export type ClientState = "connecting" | "connected" | "degraded" | "reconnecting" | "closed";

/** The client's state has changed. Published on the client's event stream. */
export interface ClientStateChanged {
  /** Names the event. */
  readonly type: "clientState";
  /** The new state. */
  readonly state: ClientState;
  /** The state before. */
  readonly previous: ClientState;
  /** The nodes that the client is subscribed to. */
  readonly contacts: readonly string[];
  /** The latest failure, if that is the cause. */
  readonly reason: string | undefined;
}

/** Whether the client sends to a node has changed. Published on the client's event stream. */
export interface ClientNodeChanged {
  /** Names the event. */
  readonly type: "clientNode";
  /** The node, `"host:port"`. */
  readonly address: string;
  /** False: the client sends nothing there until a probe has connected. */
  readonly usable: boolean;
  /** The failure, if it is not usable. */
  readonly reason: string | undefined;
}

/**
 * A connection to a node has failed for a reason that another attempt does not mend: one of the two
 * ends does not accept the other, or what listens there is no node. The client tries again all the
 * same, since the other end may be configured anew. Published on the client's event stream, once for
 * each node and reason until the node is connected.
 */
export interface ClientConnectionRejected {
  /** Names the event. */
  readonly type: "connectionRejected";
  /** The node, `"host:port"`. */
  readonly address: string;
  /** Stable; a code of `TransportError` or `TlsConfigError`, or that of the node's refusal. */
  readonly code: string;
  /** A sentence. */
  readonly reason: string;
}

/** Events that a client publishes. */
export type ClientEvent =
  | ActorEvent
  | ClientStateChanged
  | ClientNodeChanged
  | ClientConnectionRejected
  | TlsEvent;
