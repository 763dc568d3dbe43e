/**
 * How a client stands to its cluster:
 *
 * - `connecting`: no node has answered yet.
 * - `connected`: it hears from as many nodes as it wants to, or from all there are.
 * - `degraded`: it hears from fewer, so the next loss is a gap. Everything works.
 * - `reconnecting`: it hears from none, and goes on with what it knows while it tries.
 * - `closed`: it was closed.
 */
export type ClientState = "connecting" | "connected" | "degraded" | "reconnecting" | "closed";

/** The client's state has changed. Published on the client's event stream. */
export interface ClientStateChanged {
  /** Names the event. */
  readonly type: "clientState";
  /** What it is from now on. */
  readonly state: ClientState;
  /** What it was. */
  readonly previous: ClientState;
  /** The nodes that the client listens to. */
  readonly contacts: readonly string[];
  /** What went wrong last, if that is why. */
  readonly reason: string | undefined;
}

/** Whether messages are sent to a node has changed. Published on the client's event stream. */
export interface ClientNodeChanged {
  /** Names the event. */
  readonly type: "clientNode";
  /** The node, `"host:port"`. */
  readonly address: string;
  /** False: nothing is sent there until a connection was found again. */
  readonly usable: boolean;
  /** Why not. */
  readonly reason: string | undefined;
}
