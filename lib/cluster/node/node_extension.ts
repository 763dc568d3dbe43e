import type { ActorSystem } from "../../actor/system/actor_system.ts";
import type { Behavior } from "../../actor/behavior/behavior.ts";
import type { DeadLetterReason } from "../../actor/services/dead_letter.ts";
import type { ActorRef } from "../../actor/ref/ref.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { RefResolver } from "../../remoting/remoting_options.ts";
import type { PeerIdentity } from "../../runtime/network.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { TransportLimits } from "../../transport/base/limits.ts";
import type { ExtensionBehavior } from "./extension_behavior.ts";
import type { ExtensionKey } from "./extension_key.ts";

/** Parts of the node's runtime that an extension may use: only the node opens connections. */
export type ExtensionRuntime = Omit<Runtime, "network" | "stallProbe" | "resolver" | "inbound">;

/** The sender of a message, as its connection has proved it. */
export interface ExtensionPeer {
  /** A client never becomes a member. */
  readonly role: "node" | "client";
  /** `"host:port"`, or `"client:<id>"`. */
  readonly address: string;
  /** The label from the peer's own configuration. */
  readonly nodeId: string;
  /** Distinguishes incarnations at one address: a later one has a higher number. */
  readonly incarnation: number;
  /** The node that forwards for this client and vouches for it. Default: it is connected itself. */
  readonly via?: string;
  /** The identity in its certificate. Undefined: this node itself has sent the message. */
  readonly identity: PeerIdentity | undefined;
}

/**
 * Handles messages that arrive at a reserved path. An error that it throws is logged. `deadline`: when
 * the asker of the message gives up, on the clock of the runtime; undefined: nobody waits for an answer,
 * or the sender has not said.
 */
export type ExtensionHandler = (peer: ExtensionPeer, message: unknown, deadline?: number) => void;

/**
 * Starts what an {@linkcode ExtensionBehavior} describes and returns a reference to it. Throws if
 * it cannot start; `name` is the argument of `spawn`.
 */
export type KindSpawner = (
  behavior: ExtensionBehavior<never>,
  name: string | undefined,
) => ActorRef<never>;

/**
 * One node, as an extension sees it. Valid from `install` on, for as long as the node runs.
 *
 * Reserved paths begin with `/_`. No reference leads to one: only extensions write there, with
 * `send`. Paths under `/_cluster/` travel on the control lane, which never waits behind messages of
 * users; all others travel on the user lane, in order with them.
 */
export interface ExtensionContext {
  /** This node's address, `"host:port"`. */
  readonly address: string;
  /** This node's label. */
  readonly nodeId: string;
  /** This node's roles. */
  readonly roles: readonly string[];
  /** Clock, random numbers, log. */
  readonly runtime: ExtensionRuntime;
  /** The actor system of the node: spawn, event stream, shutdown phases, receptionist. */
  readonly system: ActorSystem;
  /** Limits of the node's connections, and of what one peer may cause. */
  readonly limits: TransportLimits;
  /** This node's current view of the cluster; `onView` receives every later one. */
  readonly view: MembershipView;
  /**
   * Takes messages that members send to a reserved path; messages of clients, and of nodes that are
   * no members, are refused there. The first messages of a node that is joining wait for a moment.
   *
   * @throws {ClusterError} codes `badPath`, `pathTaken`.
   */
  handleNodes(path: string, handler: ExtensionHandler): void;
  /**
   * Handles messages that nodes and clients send to a reserved path; `peer.role` distinguishes
   * them.
   *
   * @throws {ClusterError} codes `badPath`, `pathTaken`.
   */
  handlePeers(path: string, handler: ExtensionHandler): void;
  /**
   * Takes messages that nodes and clients send to reserved paths of one part which begin with
   * `prefix`, as long as nothing else handles them; `path` is the whole one.
   *
   * @throws {ClusterError} code `badPath`.
   */
  handleMissing(
    prefix: string,
    handler: (peer: ExtensionPeer, message: unknown, path: string, deadline?: number) => void,
  ): void;
  /**
   * Takes back messages of this node for reserved paths of one part which begin with `prefix`, if
   * they were certainly not read at `to`: the connection was closed in order before, or there was
   * none. Oldest first. False: it is not taken, and becomes a dead letter: of the message and the path
   * that `contents` returns, by default of the whole message.
   *
   * @throws {ClusterError} code `badPath`.
   */
  handleUndelivered(
    prefix: string,
    handler: (to: string, message: unknown, path: string, deadline?: number) => boolean,
    contents?: (
      path: string,
      message: unknown,
    ) => { readonly path: string; readonly message: unknown; readonly place?: string } | undefined,
  ): void;
  /**
   * Makes the references that arrive in messages and point to reserved paths of one part which begin
   * with `prefix`: such a reference is no address of an actor, but names something of the extension.
   * A peer can send any number of them, and forge them. An address that arrives again from a node may
   * get the same reference, one of a client is made anew. Undefined: nothing can be sent to it.
   *
   * @throws {ClusterError} code `badPath`.
   */
  resolveRefs(prefix: string, resolve: RefResolver): void;
  /**
   * Keeps references from leading to a path where clients listen, so that no forged reference
   * makes this node write there. Without `grants` (default `true`), references in the messages that
   * are sent there do not permit a client to use them: for messages with values of clients, which may
   * be forged. With `own`, a message that is lost there is no dead letter: the extension repeats what
   * matters.
   *
   * @throws {ClusterError} code `badPath`.
   */
  reserve(path: string, options?: { readonly grants?: boolean; readonly own?: boolean }): void;
  /**
   * Sends data to a reserved path at a node or client; at most once, in order for each receiver and
   * lane. A message that cannot be sent is a dead letter. This node itself gets its message in a later
   * turn, as it is: never change it afterwards. `deadline`: when the asker of the message gives up, on
   * the clock of the runtime, or how many milliseconds it waits from now; then it is a dead letter
   * (`expired`). The receiver is told.
   */
  send(
    to: string,
    path: string,
    message: unknown,
    deadline?: number | { readonly remaining: number },
  ): void;
  /**
   * Spawns behaviours of a kind: `system.spawn` hands them over.
   *
   * @throws {ClusterError} code `duplicateKind`.
   */
  registerKind(kind: string, spawn: KindSpawner): void;
  /**
   * Starts a system actor: its name begins with `_`, and it stops after the actors of users.
   *
   * @throws {ActorError} codes `badName`, `duplicateName`, `systemStopped`.
   */
  spawnSystem<M>(behavior: Behavior<M>, name: string): ActorRef<M>;
  /**
   * Counts and publishes a message that is lost before it reached a mailbox. If it was an ask, the
   * asker is told the reason, and `details`: plain text, of which 1 024 characters are sent.
   */
  deadLetter(
    reason: DeadLetterReason,
    target: string,
    message: unknown,
    details?: string,
  ): void;
  /**
   * Gives users an object: `system.extension(key)`.
   *
   * @throws {ClusterError} code `duplicateExtension`: the key has one.
   */
  expose<T>(key: ExtensionKey<T>, api: T): void;
  /**
   * The value that another extension exposes. Available in `install` for those named in `requires`.
   *
   * @throws {ClusterError} code `unknownExtension`.
   */
  extension<T>(key: ExtensionKey<T>): T;
}

/** Whether an extension works at this node. */
export interface ExtensionHealth {
  /** Whether it works. */
  readonly healthy: boolean;
  /** Why not, in one sentence. */
  readonly reason?: string;
  /** Numbers and texts worth showing, by stable names. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

/**
 * A part of a node on top of the cluster, such as sharding. One instance serves one node. See
 * `docs/extensions.md`.
 *
 * An extension that throws is logged with its name. Only `install` ends the start of the node.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 * import { extensionKey, type NodeExtension } from "@casty/casty/extension";
 *
 * const Uptime = extensionKey<{ milliseconds(): number }>("uptime");
 * const uptime = (): NodeExtension => ({
 *   name: "uptime",
 *   install({ runtime: { clock }, expose }) {
 *     const startedAt = clock.now();
 *     expose(Uptime, { milliseconds: () => clock.now() - startedAt });
 *   },
 * });
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 *   extensions: [uptime],
 * });
 * console.assert(system.extension(Uptime).milliseconds() >= 0);
 * ```
 */
export interface NodeExtension {
  /** Unique at the node: 1 to 64 letters, digits, `_` and `-`, beginning with a letter. */
  readonly name: string;
  /** Names of extensions that are installed before this one, and leave after it. Default: none. */
  readonly requires?: readonly string[];
  /** Topics that {@linkcode NodeExtension.explain} can explain. Default: the name. */
  readonly topics?: readonly string[];
  /**
   * Connections are open, and the node has not joined yet. Synchronous: no message arrives at a
   * node that is half installed.
   */
  install(node: ExtensionContext): void;
  /** The node's view of the cluster has changed. */
  onView?(view: MembershipView): void;
  /**
   * The node is about to leave: stop what other nodes may run only after it has stopped here.
   * Called after `beforeLeave` of the extensions that require this one has ended. All have
   * `leaveTimeout` together.
   */
  beforeLeave?(): void | Promise<void>;
  /** The node is no longer a member, or did not start: cancel timers, release resources. */
  afterLeave?(): void;
  /** Why things are as they are, in sentences for people. Never empty. */
  explain?(topic: string): readonly string[];
  /** Whether it works here now. */
  health?(): ExtensionHealth;
}

/** Creates the extension of one node; called once for each node, before its port is opened. */
export type NodeExtensionFactory = () => NodeExtension;
