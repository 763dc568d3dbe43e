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

/** Events that a client publishes. */
export type ClientEvent = ActorEvent | ClientStateChanged | ClientNodeChanged | TlsEvent;
