import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { AskLimit } from "../actor/ref/sent_message.ts";
import type { TopologyMember } from "../cluster/gateway/topology.ts";
import type { LostContents, RefResolver } from "../remoting/remoting_options.ts";
import type { Runtime } from "../runtime/runtime.ts";

/**
 * Takes what a node has sent. `deadline`: when the asker of the message gives up, on the clock of the
 * runtime; undefined: never.
 */
export type ClientHandler = (from: string, message: unknown, deadline?: number) => void;

/** The client, as one of its extensions sees it. */
export interface ClientContext {
  /** This client's address, `"client:<id>"`. */
  readonly address: string;
  /** The actors of this client. */
  readonly system: ActorSystem;
  /** Clock, random numbers, log. */
  readonly runtime: Pick<Runtime, "clock" | "random" | "logger" | "telemetry">;
  /** The nodes that the client is subscribed to. */
  contacts(): readonly string[];
  /** The members that are up, as the latest topology says. */
  members(): readonly TopologyMember[];
  /** The member that leads, as the latest topology says. */
  leader(): string | undefined;
  /** Whether a node is in the cluster. */
  isPresent(address: string): boolean;
  /** The incarnation of a node that is in the cluster; 0 if it is not known. */
  incarnationOf(address: string): number;
  /** Whether a node is in the cluster and messages may be sent to it. */
  isUsable(address: string): boolean;
  /** Takes messages that nodes send to a reserved path. */
  handle(path: string, handler: ClientHandler): void;
  /**
   * Takes back messages for reserved paths that begin with `prefix` and were certainly not read at
   * `to`, oldest first. False: it is not taken, and lost. `contents`: what the dead letter says then.
   */
  handleUndelivered(
    prefix: string,
    handler: (to: string, message: unknown, path: string, deadline?: number) => boolean,
    contents?: LostContents,
  ): void;
  /** Makes the references that arrive and point to reserved paths that begin with `prefix`. */
  resolveRefs(prefix: string, resolve: RefResolver): void;
  /** Takes messages that nodes send to reserved paths that begin with `prefix`. */
  handleMissing(
    prefix: string,
    handler: (message: unknown, path: string, deadline?: number) => void,
  ): void;
  /**
   * Keeps references from leading to a path where nodes listen. With `own`, a message that is lost
   * there is no dead letter: the extension repeats what matters.
   */
  reserve(path: string, options?: { readonly own?: boolean }): void;
  /** Sends data to a reserved path at a node. */
  send(to: string, path: string, message: unknown, deadline?: AskLimit): void;
  /** Counts and publishes a message that is lost before it was sent; `details` is for its asker. */
  deadLetter(
    reason: DeadLetterReason,
    target: string,
    message: unknown,
    details?: string,
  ): void;
}

/** A part of a client that uses what an extension of the nodes offers, such as sharding. */
export interface ClientExtension {
  /** That of the nodes' extension. */
  readonly name: string;
  /** The client has started connecting. */
  install(client: ClientContext): void;
  /** Which nodes are present or usable has changed. */
  onNodesChanged(): void;
  /** A node has left the cluster, or has restarted with a new incarnation. */
  onNodeGone(address: string): void;
  /** No node of the cluster is one of those before: the cluster may be another. */
  onClusterReplaced(): void;
  /** The connection to a node is lost. */
  onConnectionLost(address: string): void;
  /** Whether messages for `target` are sent to nodes. */
  sends(target: ActorRef<never>): boolean;
  /** Called four times a second. */
  tick(): void;
  /** The client closes. */
  close(): void;
}
