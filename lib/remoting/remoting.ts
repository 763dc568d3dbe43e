/**
 * The bridge between actors and the transport: a message told to a {@linkcode RemoteRef} is encoded
 * here, and bytes from a peer are decoded into a message for an actor, or for the part of the system
 * that handles the path.
 *
 * @module
 */
import type { ActorSystem } from "../actor/system/actor_system.ts";
import { askPath, wholePath } from "../actor/ref/reply_path.ts";
import { senderOf } from "../actor/ref/message_sender.ts";
import { type AskLimit, type SentMessage, sentMessage } from "../actor/ref/sent_message.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import { internalsOf, type SystemInternals } from "../actor/system/system_internals.ts";
import { TemporaryRef } from "../actor/ref/local_ref.ts";
import { type AskFailure, type HeldAsk, releaseAsk } from "../actor/ref/held_ask.ts";
import { Ref, type RefAddress } from "../actor/ref/ref.ts";
import { clusterDefaults } from "../options/tables/cluster_tables.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import type { TraceContext } from "../runtime/trace_context.ts";
import type { InboundFilter } from "../runtime/runtime.ts";
import { rules } from "../runtime/rules.ts";
import {
  accountOf,
  type ClientPeer,
  type Lane,
  type NodePeer,
  type Peer,
  replicationPath,
} from "../transport/base/peer.ts";
import type { SendRefusal } from "../transport/connection/connection.ts";
import type { PeerConnection } from "../transport/connection/peer_connection.ts";
import { transportLimits } from "../transport/base/limits.ts";
import type { LongRead } from "../transport/connection/read_turns.ts";
import { Endpoint } from "../transport/endpoint/endpoint.ts";
import { TlsConfig } from "../transport/tls/tls_config.ts";
import { Codec } from "../wire/codec.ts";
import {
  decodeEnvelope,
  decodeEnvelopeHeader,
  encodeEnvelope,
  type Envelope,
  type EnvelopeHeader,
  withoutDeadline,
} from "../wire/envelope.ts";
import { WireError } from "../wire/errors.ts";
import { copyOf, release } from "../wire/memory.ts";
import type { NumberedPaths } from "../wire/interned_paths.ts";
import { SerializerScan } from "../wire/serializer_registry.ts";
import { abortedAskPath, AbortedAsks } from "./aborted_asks.ts";
import { type DroppedMessage, DroppedMessages } from "./dropped_messages.ts";
import { HeldAsks } from "./held_asks.ts";
import { decodeInTurn, LongMessage, ReadWith, shortBody } from "./long_message.ts";
import { ClientPresence } from "./client_presence.ts";
import { Grants } from "./grants.ts";
import { internalForm } from "./internal_form.ts";
import { lostAskPath, LostAsks, maxReportedAsks } from "./lost_asks.ts";
import {
  type AroundPart,
  keptBytesOf,
  PassedMessage,
  type PassedPart,
  passedPartOf,
  withoutPart,
} from "./passed_message.ts";
import { PeerLog } from "./peer_log.ts";
import { rejectedPath, Rejections } from "./rejections.ts";
import {
  type LostContents,
  messageLimits,
  type MissingHandler,
  type NodeHandler,
  type PeerHandler,
  type RefResolver,
  type RemotingOptions,
  type UndeliveredHandler,
} from "./remoting_options.ts";
import { RefTable } from "./ref_table.ts";
import { RemotingTelemetry } from "./remoting_telemetry.ts";
import { maxRemoteWait, RemoteAsks, RemoteReplyRef } from "./remote_asks.ts";
import { RemoteRef } from "./remote_ref.ts";
import { RemoteWatcher } from "./remote_watcher.ts";
import { Relay, relayedPath, relayPath } from "./relay.ts";
import { ReplyScan } from "./reply_scan.ts";
import { Serialization } from "./serialization.ts";
import { watchPath } from "./watch_protocol.ts";
import { withdrawalPath } from "./withdrawal_protocol.ts";

export type {
  NodeHandler,
  PeerHandler,
  RemotingOptions,
  UndeliveredHandler,
} from "./remoting_options.ts";

/** Paths of the bridge itself and of copies of shards: a message that is lost there is no loss of a user. */
const ownPaths: readonly string[] = [
  watchPath,
  lostAskPath,
  abortedAskPath,
  rejectedPath,
  withdrawalPath,
  replicationPath,
];

/** A message that was not delivered, and the reply references in it. */
interface Dropped {
  readonly path: string;
  readonly message: unknown;
  readonly replyRefs: readonly Ref<unknown>[];
  readonly deadline: number | undefined;
}

interface LostMessage extends DroppedMessage {
  readonly reason: SendRefusal;
}

/** See the module's text. One per system. */
export class Remoting {
  readonly #internals: SystemInternals;
  readonly #logger: Logger;
  readonly #codec: Codec;
  readonly #serialization: Serialization;
  /** Whether no value shows the memory of the message that it came in. */
  readonly #copiesBinaries: boolean;
  readonly #peerLog: PeerLog;
  readonly #nodeHandlers = new Map<string, NodeHandler>();
  readonly #peerHandlers = new Map<string, PeerHandler>();
  /** Whether one of their paths does not begin with `"/_"`: else messages to actors need no look there. */
  #handlesPlainPaths = false;
  /** For paths that begin so and have no handler of their own. */
  readonly #missing = new Map<string, MissingHandler>();
  /** For messages to paths that begin so. */
  readonly #undelivered = new Map<string, UndeliveredHandler>();
  readonly #lostContents = new Map<string, LostContents>();
  readonly #grants = new Grants();
  readonly #admitsNode: RemotingOptions["admitsNode"];
  readonly #onForeignNode: RemotingOptions["onForeignNode"];
  /** Where nodes are heard that are not admitted. */
  readonly #openToNodes = new Set<string>();
  /** Of a node: which clients are gone. */
  readonly #clients: ClientPresence;
  #clientTimer: Timer | undefined;
  #closed = false;
  readonly #reserved = new Set<string>();
  /** What is lost there is no loss of a user. */
  readonly #own = new Set(ownPaths);
  /** Make the references to paths that begin so. */
  readonly #resolvers = new Map<string, RefResolver>();
  readonly #refs = new RefTable();
  /** When the latest message of a peer has arrived. */
  #arrivedAt = 0;
  /** The sender of what is decoded; undefined: this system. */
  #decodingFrom: Peer | undefined;
  /** Messages to these paths list references that are open to the client anyway, or closed. */
  readonly #withoutGrants = new Set<string>();
  #isExported: (path: string, peer: Peer) => boolean = () => false;
  /** Nodes take no reports of clients. */
  readonly #isNode: boolean;
  readonly #clock: Clock;
  /** How many messages of peers are being delivered: one in another if it was forwarded. */
  #delivering = 0;
  /** Values of what was forwarded in the message that is delivered, and was read at once. */
  #forwardedValues = 0;
  /** What was forwarded in the message that is delivered, and takes more turns. */
  #forwarded: LongRead | undefined;
  /** What of the message that is delivered may be passed on as it came. */
  #passed: PassedPart | undefined;
  /** The first reply references in the long message that is decoded. */
  #refsOfLong: Ref<unknown>[] | undefined;
  /** Address that the message which is being encoded is for, and its peer if it is a client. */
  #encodingFor = "";
  /** The path that it is for, and itself. */
  #encodingPath = "";
  #encodingMessage: unknown;
  #encodingPeer: Peer | undefined;
  readonly #mayReachNode: (address: string) => boolean;
  readonly #inbound: InboundFilter | undefined;
  readonly #onUndelivered: RemotingOptions["onUndelivered"];
  readonly #watcher: RemoteWatcher;
  readonly #lostAsks: LostAsks;
  readonly #rejections: Rejections;
  /** Messages that are lost, for clients and for nodes. */
  readonly #ofClients: DroppedMessages<LostMessage>;
  readonly #ofNodes: DroppedMessages<LostMessage>;
  /** Asks that clients are to answer. */
  readonly #heldAsks: HeldAsks;
  /** Whether the message that is being encoded has an ask that its client cannot hold as well. */
  #holdsTooMany = false;
  /** Asks of others that actors here have to answer. */
  readonly remoteAsks: RemoteAsks = new RemoteAsks((count) => {
    this.#internals.abortedAsks = count;
  });
  readonly #abortedAsks: AbortedAsks;
  /** The first reply reference in the message that was decoded last. */
  #replyInMessage: RemoteReplyRef | TemporaryRef | undefined;
  readonly #relay: Relay;
  /** Undefined where nothing is recorded. */
  readonly #telemetry: RemotingTelemetry | undefined;
  /** Reply references in the message that is decoded, if they are collected. */
  #replyRefs: Ref<unknown>[] | undefined;
  /** The members of the last `onMembers`. */
  #alive: readonly string[] = [];
  #leaving: ReadonlySet<string> = new Set();
  #endpoint: Endpoint | undefined;

  private constructor(system: ActorSystem, options: RemotingOptions) {
    this.#mayReachNode = options.mayReach ?? (() => true);
    this.#isNode = options.role === "node";
    this.#admitsNode = options.admitsNode;
    this.#onForeignNode = options.onForeignNode;
    this.#onUndelivered = options.onUndelivered;
    this.#clock = options.runtime.clock;
    this.#inbound = options.runtime.inbound;
    this.#internals = internalsOf(system);
    this.#internals.refTo = (address) => this.refTo(address);
    this.#logger = system.runtime.logger;
    this.#telemetry = RemotingTelemetry.of(system, () => this.#endpoint?.queues() ?? []);
    const { tls } = options;
    if (tls instanceof TlsConfig) this.#telemetry?.setCertificate("own", tls.notAfter);
    this.#peerLog = new PeerLog(this.#internals.limitedLog);
    this.#serialization = new Serialization(
      options.serializers,
      this.#peerLog,
      this.#internals.limitedLog,
    );
    const { registry } = this.#serialization;
    const limits = transportLimits(options.limits);
    this.#copiesBinaries = limits.binaries === "copy";
    this.#codec = new Codec({
      now: () => options.runtime.clock.now(),
      resolve: (address) => this.#resolve(address),
      onRefEncoded: (ref) => this.#onRefEncoded(ref),
      limits: messageLimits(limits),
      binaries: limits.binaries,
      shortReplies: true,
      ...(registry && { serializers: registry }),
      internal: internalForm,
    });
    const common = {
      internals: this.#internals,
      clock: options.runtime.clock,
      peerLog: this.#peerLog,
      mayReach: (peer: Peer, path: string) => this.#mayReach(peer, path),
    };
    const { maxWatchesPerPeer, maxWatchesPerIdentity } = limits;
    const { clientTimeout = clusterDefaults.clientTimeout } = options;
    this.#heldAsks = new HeldAsks(limits.maxAsksPerIdentity);
    this.#internals.limitedLog.maxLinesPerIdentity = limits.maxLogLinesPerIdentity;
    this.#clients = new ClientPresence(clientTimeout);
    this.#watcher = new RemoteWatcher(
      {
        ...common,
        send: (to, message) => this.send(to, watchPath, 0, message),
        expectClient: (address) => this.#expectClient(address),
      },
      { maxWatchesPerPeer, maxWatchesPerIdentity },
    );
    this.#lostAsks = new LostAsks({
      ...common,
      send: (to, message) => this.send(to, lostAskPath, 0, message),
    });
    this.#abortedAsks = new AbortedAsks({
      ...common,
      held: this.remoteAsks,
      routed: this.#lostAsks.routed,
      send: (to, message) => {
        if (this.endpoint.peerAt(to, "user")?.abortedAsks) {
          this.send(to, abortedAskPath, 0, message);
        }
      },
    });
    this.#rejections = new Rejections({
      ...common,
      send: (to, message) => this.send(to, rejectedPath, 0, message),
    });
    const dropped = {
      clock: this.#clock,
      read: (lost: LostMessage) => this.#readDropped(lost),
      giveUp: ({ to, reason }: LostMessage) => this.#internals.deadLetter(reason, to, undefined),
    };
    const maxBytes = limits.maxQueuedBytesPerIdentity;
    this.#ofClients = new DroppedMessages({ ...dropped, maxBytes });
    // The asks in them must fail.
    this.#ofNodes = new DroppedMessages({ ...dropped, maxBytes: Infinity });
    this.#relay = this.#makeRelay(options, limits.maxRoutesPerIdentity);
    this.handlePeers(watchPath, (peer, message) => this.#watcher.receive(peer, message));
    this.handlePeers(lostAskPath, (peer, note) => this.#lostAsks.receive(peer, note));
    this.handlePeers(abortedAskPath, (peer, report) => this.#abortedAsks.receive(peer, report));
    this.handleNodes(rejectedPath, (peer, report) => this.#rejections.receive(peer, report));
  }

  /** Opens the endpoint. From then on the system's references carry its address. */
  static async start(system: ActorSystem, options: RemotingOptions): Promise<Remoting> {
    const remoting = new Remoting(system, options);
    const { serializers: _, ...rest } = options;
    const endpoint = await Endpoint.start({
      ...rest,
      ...remoting.#serialization.endpointOptions(remoting.#codec),
      adapt: (peer, payload) => peer.deadlines ? payload : withoutDeadline(payload),
      onMessage: (peer, lane, bytes, start, end, paths, kept, arrivedAt) => {
        const read = remoting.#onMessage(peer, lane, bytes, start, end, paths, kept, arrivedAt);
        const forwarded = remoting.#takeForwardedValues(peer);
        return typeof read === "number" ? read + forwarded : read;
      },
      onRejected: (code) => remoting.#telemetry?.onFailedHandshake("rejected", code),
      onUnreachable: (failure) => {
        remoting.#telemetry?.onFailedHandshake("failed", failure.code);
        options.onUnreachable?.(failure);
      },
      onDropped: (to, _lane, payload, reason, unread) => {
        if (remoting.#isLost(to, payload, reason, unread)) {
          remoting.#droppedFor(to).add({ to, payload, reason });
        } else if (remoting.#onDropped(to, payload, reason, unread)) return;
        options.onUndelivered?.(to, reason);
      },
      onPeerUp: (peer, lane) => {
        remoting.#telemetry?.onPeerUp(peer, lane);
        if (peer.role === "client") remoting.#onClientUp(peer);
        else if (usesUserLane(peer, lane)) remoting.#onNodeUp(peer);
        options.onPeerUp?.(peer, lane);
      },
      onPeerDown: (peer, lane, reason, cut) => {
        remoting.#telemetry?.onPeerDown(peer, lane);
        if (peer.role === "client") remoting.#onClientDown(peer);
        else if (usesUserLane(peer, lane)) remoting.#watcher.onPeerDown(peer);
        if (usesUserLane(peer, lane)) remoting.#relay.onPeerDown(peer);
        options.onPeerDown?.(peer, lane, reason, cut);
      },
    });
    remoting.#endpoint = endpoint;
    remoting.#internals.nodeAddress = endpoint.address;
    remoting.#internals.remoteWatch = remoting.#watcher;
    remoting.#internals.replicates = (node) => remoting.#replicates(node);
    return remoting;
  }

  /** This system's address. */
  get address(): string {
    return this.endpoint.address;
  }

  /** The connections under the bridge. */
  get endpoint(): Endpoint {
    return this.#endpoint!;
  }

  /**
   * Passes messages of nodes to `path` to `handler` instead of an actor. Clients are refused, and
   * nodes that are not admitted unless the path is `open` to them.
   */
  handleNodes(path: string, handler: NodeHandler, { open = false } = {}): void {
    this.#nodeHandlers.set(path, handler);
    this.#handlesPlainPaths ||= !path.startsWith("/_");
    if (open) this.#openToNodes.add(path);
  }

  /** Passes messages of nodes and clients to `path` to `handler` instead of an actor. */
  handlePeers(path: string, handler: PeerHandler): void {
    this.#peerHandlers.set(path, handler);
    this.#handlesPlainPaths ||= !path.startsWith("/_");
  }

  /**
   * Gives what anybody sends to paths of one part that begin with `prefix`, and are not handled, to
   * `handler`.
   */
  handleMissing(prefix: string, handler: MissingHandler): void {
    this.#missing.set(prefix, handler);
  }

  #missingHandler(path: string): MissingHandler | undefined {
    return handlerOf(this.#missing, path);
  }

  /**
   * Gives messages of this system for paths of one part that begin with `prefix`, and that were
   * certainly not read at their node, to `handler`, oldest first. `contents`: what the dead letter of
   * one that is lost says.
   */
  handleUndelivered(prefix: string, handler: UndeliveredHandler, contents?: LostContents): void {
    this.#undelivered.set(prefix, handler);
    if (contents !== undefined) this.#lostContents.set(prefix, contents);
  }

  /** A message has not left this system, or has come back. False: nothing sends it again. */
  #takesBack(to: string, path: string, message: unknown, deadline?: number): boolean {
    return handlerOf(this.#undelivered, path)?.(to, message, path, deadline) ?? false;
  }

  /** Whether a handler takes what is sent to `path`. */
  isHandled(path: string): boolean {
    return this.#nodeHandlers.has(path) || this.#peerHandlers.has(path);
  }

  /**
   * Makes the references that arrive and point to paths of one part that begin with `prefix`, which
   * must be reserved.
   */
  resolveRefs(prefix: string, resolve: RefResolver): void {
    this.#resolvers.set(prefix, resolve);
  }

  /** A reference to an actor, of this system or another. */
  refTo(address: RefAddress): Ref<unknown> {
    const { node, path, uid } = address;
    return this.#localRef(node, path, uid) ?? this.#makeRef(address, undefined);
  }

  #localRef(node: string, path: string, uid: number): Ref<unknown> | undefined {
    if (node !== this.#internals.nodeAddress || this.#isReserved(path)) return undefined;
    return this.#internals.resolve(path, uid);
  }

  #resolverOf(path: string): RefResolver | undefined {
    return handlerOf(this.#resolvers, path);
  }

  #makeRef(address: RefAddress, from: Peer | undefined): Ref<unknown> {
    const { node, path, uid } = address;
    if (path.startsWith(askPath)) return new RemoteReplyRef(this, node, path, uid);
    const resolved = this.#resolverOf(path)?.(address, from);
    return resolved instanceof Ref ? resolved : new RemoteRef(this, node, path, uid);
  }

  /**
   * The members by address, and their incarnations; 0 for one that is not known. Actors of other
   * nodes count as gone; those that are in `leaving` before, and not in `downed`, have left in order.
   * Not to be called before this system is a member itself.
   */
  onMembers(
    alive: ReadonlyMap<string, number>,
    leaving: ReadonlySet<string> = new Set(),
    downed: ReadonlySet<string> = new Set(),
  ): void {
    this.#watcher.onMembers(alive);
    for (const node of this.#alive) {
      if (alive.has(node)) continue;
      const inOrder = this.#leaving.has(node) && !downed.has(node);
      this.#internals.failAsksTo(node, inOrder);
      this.#lostAsks.onRemoved(node, inOrder);
      this.remoteAsks.onRemoved(node);
    }
    this.#alive = [...alive.keys()];
    this.#leaving = leaving;
  }

  /** Of a client that sends everything through one node: sends through it what goes directly else. */
  sendThroughContact(to: string, path: string, message: unknown): void {
    this.#relay.send(to, encodeEnvelope(this.#codec, path, 0, message).slice());
  }

  /** Clients that are connected, directly or through another node. */
  clients(): Iterable<string> {
    return this.#clients.connected();
  }

  /** A client says that it has ended: what it has here ends at once. */
  endClient(address: string): void {
    this.#relay.onClosed(address);
    this.#onClientClosed(address);
  }

  #onClientClosed(address: string): void {
    this.#clients.onClosed(address);
    this.#endClients([address]);
  }

  #onNodeUp(peer: NodePeer): void {
    this.#watcher.onPeerUp(peer);
    // Of a client that sends everything through one node: it may be another than before.
    if (this.#relay.isClient) this.#watcher.onRerouted();
  }

  #onClientUp(peer: ClientPeer): void {
    const { address } = peer;
    const isOther = this.#clients.onConnected(address, accountOf(peer));
    if (isOther) this.#endClients([address]);
    this.#watcher.onPeerUp(peer);
  }

  /** It may come back: what it has here is kept for a time. */
  #onClientDown(peer: ClientPeer): void {
    // It has given up the asks whose replies would have come this way.
    this.remoteAsks.forget(peer);
    this.#lostAsks.routed.forget(peer);
    this.#watcher.onPeerDown(peer);
    this.#endClients(this.#clients.onDisconnected(peer.address, this.#clock.now()));
  }

  /** An actor here watches one of a client that is not connected. */
  #expectClient(address: string): void {
    // No client connects to another.
    if (!this.#isNode) return this.#endClients([address]);
    this.#endClients(this.#clients.expect(address, this.#clock.now()));
  }

  /** These clients are gone, and others may be in time. */
  #endClients(gone: readonly string[]): void {
    for (const address of gone) {
      this.#grants.revokeAll(address);
      this.#watcher.onClientGone(address);
      this.#internals.failAsksTo(address, false);
    }
    const at = this.#clients.nextAt;
    if (at === undefined || this.#clientTimer !== undefined || this.#closed) return;
    this.#clientTimer = this.#clock.schedule(Math.max(1, at - this.#clock.now()), () => {
      this.#clientTimer = undefined;
      this.#endClients(this.#clients.expire(this.#clock.now()));
    });
  }

  /**
   * No reference may point to the path: only the system itself sends there, with `send`. Without
   * `grants`, references in these messages do not permit a client to use them. With `own`, a message
   * that is lost there is no dead letter: the system repeats what matters.
   */
  reserve(
    path: string,
    { grants = true, own = false }: { readonly grants?: boolean; readonly own?: boolean } = {},
  ): void {
    this.#reserved.add(path);
    if (!grants) this.#withoutGrants.add(path);
    if (own) this.#own.add(path);
  }

  /**
   * Sends to the actor that a reference points to. A reference to a reserved path is forged: it
   * would make this node send messages there that the forger must not send. `sent`: the message with
   * what is known of it.
   */
  tell(node: string, path: string, uid: number, message: unknown, sent?: SentMessage): void {
    if (this.#isReserved(path)) {
      return this.#internals.deadLetter("unauthorized", node + path, message);
    }
    const remaining = sent === undefined ? Infinity : sent.remaining(this.#clock);
    this.#send(node, path, uid, message, remaining === Infinity ? undefined : remaining);
  }

  /** An actor here will not answer an ask of another system. */
  reportFailure(replyTo: RemoteReplyRef, asked: string, failure: AskFailure): void {
    this.#internals.onForeignAskLost?.(replyTo, asked, failure);
  }

  /**
   * Sends to an actor or a part of a system. An undeliverable message becomes a dead letter.
   * `deadline`: how long the asker of the message waits.
   */
  send(node: string, path: string, uid: number, message: unknown, deadline?: AskLimit): void {
    const remaining = typeof deadline === "number"
      ? deadline - this.#clock.now()
      : deadline?.remaining;
    this.#send(node, path, uid, message, remaining);
  }

  #send(
    node: string,
    path: string,
    uid: number,
    message: unknown,
    remaining: number | undefined,
  ): void {
    const { nodeAddress } = this.#internals;
    // Handlers of system paths take messages of verified peers only; this node never sends to itself.
    if (node === nodeAddress) {
      const isReply = path.startsWith(askPath);
      const kept = isReply ? message : sentMessage(message, undefined, this.#inTime(remaining));
      return void this.#internals.deliver(path, uid, kept);
    }
    if (remaining !== undefined && remaining <= 0) {
      return this.#lose("expired", node, path, message);
    }
    const lane = laneOf(path);
    const isClient = node.startsWith("client:");
    // A node of an earlier version would reject the connection.
    if (lane === "replication" && this.#replicates(node) !== true) {
      return this.#unsent(node, path, message, remaining);
    }
    const peer = isClient || this.#serialization.registry !== undefined
      ? this.endpoint.peerAt(node, lane) ?? this.#relay.peerOf(node)
      : undefined;
    // Nothing waits for a client that is not connected: a node cannot dial it.
    if (isClient ? peer === undefined : lane === "user" && !this.#mayReachNode(node)) {
      return this.#unsent(node, path, message, remaining);
    }
    const isRelayed = this.#relay.isNeeded(node, path);
    const isTimed = remaining !== undefined && !isRelayed && this.#mayTell(node, lane);
    const meter = this.#telemetry;
    const trace = meter === undefined ? undefined : this.#traceFor(meter, node, lane);
    const left = isTimed ? remaining : undefined;
    const passed = this.#passed;
    const around = passed && withoutPart(message, passed);
    const direct = isRelayed || isClient || meter !== undefined || passed !== undefined
      ? undefined
      : this.endpoint.writableTo(node, lane);
    let bytes: Uint8Array | true | undefined;
    try {
      bytes = this.#encode(node, path, uid, message, peer, trace, left, around, direct);
    } catch (error) {
      return this.#refuseMessage(peer, node, this.#contentsOf(path, message), error);
    }
    if (bytes === true) return;
    if (bytes === undefined) return this.#lose("queueFull", node, path, message);
    if (around === undefined) {
      return this.#transmit(node, lane, path, message, remaining, isRelayed, bytes, false);
    }
    const { at } = around.part;
    const kept = keptBytesOf(passed!);
    const passing = new PassedMessage(this.#clock, bytes, at, kept, (whole) => {
      this.#transmit(node, lane, path, message, remaining, isRelayed, whole, true);
    });
    this.#passOn(passing);
  }

  /**
   * The bytes of a message, without those of a part that is passed on. True: it was written to the
   * connection `direct`. Undefined: the client that it is for cannot hold the asks in it as well.
   */
  #encode(
    node: string,
    path: string,
    uid: number,
    message: unknown,
    peer: Peer | undefined,
    trace: TraceContext | undefined,
    remaining: number | undefined,
    around: AroundPart | undefined,
    direct: PeerConnection | undefined,
  ): Uint8Array | true | undefined {
    // A getter or serializer may send a message while it is encoded.
    const outer = this.#encodingFor;
    const outerPath = this.#encodingPath;
    const outerMessage = this.#encodingMessage;
    const outerPeer = this.#encodingPeer;
    try {
      this.#encodingFor = node;
      this.#encodingPath = path;
      this.#encodingMessage = message;
      this.#encodingPeer = this.#isNode && node.startsWith("client:") ? peer : undefined;
      if (around !== undefined) {
        for (const ref of this.#passed!.replyRefs) this.#onRefEncoded(ref as Ref<never>);
      }
      const readable = this.#serialization.towards(peer);
      if (direct !== undefined) {
        const isNumbered = !path.startsWith(askPath);
        const written = direct
          .encode(this.#codec, path, uid, message, isNumbered, readable, remaining);
        if (written !== false) return written;
      }
      const { message: outside, part } = around ?? { message, part: undefined };
      const bytes = encodeEnvelope(
        this.#codec,
        path,
        uid,
        outside,
        readable,
        trace,
        remaining,
        part,
      );
      return this.#holdsTooMany ? undefined : bytes;
    } finally {
      this.#encodingFor = outer;
      this.#encodingPath = outerPath;
      this.#encodingMessage = outerMessage;
      this.#encodingPeer = outerPeer;
      this.#holdsTooMany = false;
    }
  }

  /** Sends an encoded message. `given`: nobody else uses its memory. */
  #transmit(
    node: string,
    lane: Lane,
    path: string,
    message: unknown,
    remaining: number | undefined,
    isRelayed: boolean,
    bytes: Uint8Array,
    given: boolean,
  ): void {
    if (isRelayed) {
      if (this.#relay.send(node, given ? bytes : bytes.slice(), remaining)) return;
      return this.#unsent(node, path, message, remaining);
    }
    this.#telemetry?.sent(lane, bytes.length);
    // A one-off path is not worth a number.
    const numbered = path.startsWith(askPath) ? undefined : path;
    const refused = this.endpoint.trySend(node, lane, bytes, numbered, given);
    if (refused === undefined) {
      // What was taken was copied.
      return given ? undefined : this.#codec.releaseEncoded(bytes);
    }
    // Too much waits for the client already: its message is not decoded again to be lost.
    if (node.startsWith("client:") && refused === "queueFull") {
      if (!given) this.#codec.releaseEncoded(bytes);
      this.#lose(refused, node, path, message);
    } else if (given && this.#isLost(node, bytes, refused, true)) {
      this.#droppedFor(node).add({ to: node, payload: bytes, reason: refused });
    } else if (this.#onDropped(node, bytes, refused, true)) return;
    this.#onUndelivered?.(node, refused);
  }

  /** The time in so many milliseconds. */
  #inTime(remaining: number | undefined): number | undefined {
    return remaining === undefined ? undefined : this.#clock.now() + remaining;
  }

  /** There is no way to the node now. */
  #unsent(node: string, path: string, message: unknown, remaining: number | undefined): void {
    if (this.#takesBack(node, path, message, this.#inTime(remaining))) return;
    this.#lose("disconnected", node, path, message);
  }

  /** Whether a node knows the lane `replication`; undefined: it is not connected. */
  #replicates(node: string): boolean | undefined {
    return this.endpoint.peerAt(node, "control")?.replicates;
  }

  /** Whether the other end can read how long an asker waits, or may be able to. */
  #mayTell(node: string, lane: Lane): boolean {
    const peer = this.endpoint.peerAt(node, lane);
    return peer === undefined || peer.deadlines === true;
  }

  /** The active trace, if the other end can read it. */
  #traceFor(meter: RemotingTelemetry, node: string, lane: Lane): TraceContext | undefined {
    const trace = lane === "user" ? meter.active() : undefined;
    return trace !== undefined && this.endpoint.peerAt(node, lane)?.traces ? trace : undefined;
  }

  /** Closes the connections after flushing their queues. */
  async close(): Promise<void> {
    this.#rejections.flush();
    this.#watcher.close();
    this.#closed = true;
    this.#clientTimer?.cancel();
    this.#lostAsks.close();
    this.#abortedAsks.close();
    this.#telemetry?.close();
    await this.endpoint.close();
    await Promise.all([this.#ofClients.done(), this.#ofNodes.done()]);
  }

  #isReserved(path: string): boolean {
    return path.startsWith("/_") && !path.startsWith(askPath) &&
      (laneOf(path) === "control" || this.#reserved.has(path) || this.isHandled(path) ||
        this.#missingHandler(path) !== undefined);
  }

  /** The reference of an address that has arrived: one object, as long as it is alive. */
  #arrivedRef(address: RefAddress): Ref<unknown> {
    const { node, path, uid } = address;
    const from = this.#decodingFrom;
    // A reply reference knows the message that it has arrived in.
    if (path.startsWith(askPath)) {
      return this.#localRef(node, path, uid) ?? this.#makeRef(address, from);
    }
    // What a client names must not be what a node may use, nor the other way round.
    const isShared = from?.role !== "client" || this.#resolverOf(path) === undefined;
    if (!isShared) return this.#makeRef(address, from);
    const known = this.#localRef(node, path, uid) ?? this.#refs.find(node, path, uid);
    if (known !== undefined) return known;
    const ref = this.#makeRef(address, from);
    this.#refs.add(node, path, uid, ref, from);
    return ref;
  }

  #resolve(address: RefAddress): Ref<unknown> {
    const ref = this.#arrivedRef(address);
    // A reply reference has come back: its message was returned, or was not delivered.
    if (ref instanceof TemporaryRef) {
      ref.holder = undefined;
      if (ref.isReply) this.#replyInMessage ??= ref;
    } else if (ref.isReply && !(this.#replyInMessage instanceof RemoteReplyRef)) {
      // Before one of this system: who asks now is more than what came back with it.
      this.#replyInMessage = ref as RemoteReplyRef;
    }
    const refs = this.#refsOfLong;
    if (refs !== undefined && refs.length < maxReportedAsks && ref.path.startsWith(askPath)) {
      refs.push(ref);
    }
    if (this.#replyRefs !== undefined && ref.path.startsWith(askPath)) this.#replyRefs.push(ref);
    return ref;
  }

  /** Returns the values that were decoded, or how to read on. */
  #onMessage(
    peer: Peer,
    lane: Lane,
    bytes: Uint8Array,
    start: number,
    end: number,
    paths: NumberedPaths | undefined,
    kept: boolean,
    arrivedAt: number,
    relayed?: number,
  ): number | LongRead {
    try {
      const { maxPath } = this.#codec.limits;
      const header = decodeEnvelopeHeader(bytes, start, end, maxPath, paths, true);
      const { path, uid, bodyStart, remaining = relayed } = header;
      const deadline = remaining === undefined ? undefined : arrivedAt + remaining;
      this.#arrivedAt = arrivedAt;
      if (peer.role !== "node" && !this.#mayReach(peer, wholePath(path, uid))) {
        const whole = wholePath(path, uid);
        this.#internals.deadLetter("unauthorized", whole, undefined);
        return this.#refuseAsk(peer, whole, bytes, bodyStart, end);
      }
      if (end - bodyStart >= shortBody) {
        const isOfTransport = paths !== undefined;
        return this.#readLong(
          peer,
          lane,
          header,
          bytes,
          start,
          end,
          kept,
          isOfTransport,
          deadline,
        );
      }
      const reviver = this.#serialization.reviverOf(peer);
      this.#decodingFrom = peer;
      let message: unknown;
      try {
        this.#replyInMessage = undefined;
        message = this.#codec.decode(bytes, bodyStart, end, reviver, kept);
      } catch (error) {
        let { values } = this.#codec;
        const body = bytes.subarray(bodyStart, end);
        const scan = this.#refuseInbound(peer, lane, wholePath(path, uid), body, error);
        while (scan !== undefined && !scan.done) values += scan.step();
        return values;
      }
      const { values } = this.#codec;
      return this.#receive(peer, lane, header, end - start, message, deadline) ?? values;
    } catch (error) {
      this.#onInboundError(peer, lane, error);
      return this.#codec.values;
    }
  }

  /** A message that a node has forwarded: it is read before the next of that node. */
  #onForwarded(peer: Peer, envelope: Uint8Array, remaining: number | undefined): void {
    const { length } = envelope;
    const now = this.#clock.now();
    const read = this.#onMessage(
      peer,
      "user",
      envelope,
      0,
      length,
      undefined,
      true,
      now,
      remaining,
    );
    if (typeof read === "number") this.#forwardedValues += read;
    else this.#passOn(read);
  }

  /**
   * Values of messages that a client has had forwarded to its contact itself, since the last call. Those that
   * a node has forwarded for a client do not count for the node: a client could have it wait.
   */
  #takeForwardedValues(peer: Peer): number {
    const values = this.#forwardedValues;
    if (values === 0) return 0;
    this.#forwardedValues = 0;
    return peer.role === "client" ? values : 0;
  }

  /** What comes of the message that is delivered takes more turns: before the next of its peer. */
  #passOn(read: LongRead): void {
    if (this.#delivering > 0 && this.#forwarded === undefined) this.#forwarded = read;
    else while (!read.done) read.step();
  }

  /** Reads a message in steps, the first at once. `isOfTransport`: no value has the memory of the bytes. */
  #readLong(
    peer: Peer,
    lane: Lane,
    header: EnvelopeHeader,
    bytes: Uint8Array,
    start: number,
    end: number,
    kept: boolean,
    isOfTransport: boolean,
    deadline: number | undefined,
  ): number | LongRead {
    const { bodyStart } = header;
    const path = wholePath(header.path, header.uid);
    const size = end - start;
    // Binaries may show the memory of the message otherwise.
    const isReleased = kept && isOfTransport && this.#copiesBinaries;
    const reviver = this.#serialization.reviverOf(peer);
    let body = bytes.subarray(bodyStart, end);
    const decoder = this.#codec.decodeInSteps(body, 0, body.length, reviver, kept);
    // A scan after a first step that has failed comes later than this call.
    let owned = kept;
    const replyRefs: Ref<unknown>[] = [];
    const onDecoded = (message: unknown) => {
      this.#refsOfLong = undefined;
      const passed = passedPartOf(decoder, body, owned, replyRefs);
      this.#codec.giveBack(decoder);
      return this.#receive(peer, lane, header, size, message, deadline, passed);
    };
    const onError = (error: unknown) => {
      if (!owned) body = copyOf(body, 0, body.length);
      owned = true;
      return this.#refuseInbound(peer, lane, path, body, error);
    };
    // The first step is taken here: most messages are whole then, and need nothing that reads on.
    const outer = this.#refsOfLong;
    this.#refsOfLong = replyRefs;
    this.#replyInMessage = undefined;
    this.#decodingFrom = peer;
    // Whole or refused.
    let isOver = true;
    let values = 0;
    let next: LongRead | undefined;
    try {
      const whole = decodeInTurn(decoder, this.#clock);
      isOver = whole !== undefined;
      // Later it may be decoding another message.
      values = decoder.work;
      if (whole !== undefined) next = onDecoded(whole[0]);
    } catch (error) {
      if (values === 0) values = decoder.work;
      next = onError(error);
    } finally {
      this.#refsOfLong = outer;
    }
    if (isOver && next === undefined) {
      if (isReleased) release(bytes);
      return values;
    }
    const onStep = () => void (this.#decodingFrom = peer);
    const owner = { onStep, onDecoded, onError };
    const rest = new LongMessage(decoder, this.#clock, owner, values, next);
    const read = this.#findingReply(peer, replyRefs, rest, this.#replyInMessage);
    if (!isOver && !owned) {
      body = copyOf(body, 0, body.length);
      owned = true;
      decoder.keepBytes();
    }
    return isReleased ? releasing(read, bytes) : read;
  }

  /** Steps between which other messages may be decoded. */
  #findingReply(
    peer: Peer,
    replyRefs: Ref<unknown>[],
    read: LongRead,
    first: RemoteReplyRef | TemporaryRef | undefined,
  ): LongRead {
    let found = first;
    const step = (): number => {
      const outer = this.#refsOfLong;
      this.#refsOfLong = replyRefs;
      this.#replyInMessage = found;
      try {
        // The next message may be that of another peer: what was forwarded in this one counts here.
        return read.step() + this.#takeForwardedValues(peer);
      } finally {
        found = this.#replyInMessage;
        this.#refsOfLong = outer;
      }
    };
    return new ReadWith(read, step);
  }

  #collecting(replyRefs: Ref<unknown>[], read: () => void): void {
    const outer = this.#replyRefs;
    this.#replyRefs = replyRefs;
    try {
      read();
    } finally {
      this.#replyRefs = outer;
    }
  }

  /** Delivers a message; returns what was forwarded in it and takes more turns. */
  #receive(
    peer: Peer,
    lane: Lane,
    { path, uid, trace }: EnvelopeHeader,
    size: number,
    message: unknown,
    deadline: number | undefined,
    passed?: PassedPart,
  ): LongRead | undefined {
    this.#delivering++;
    const outer = this.#passed;
    this.#passed = passed;
    const ask = this.#replyInMessage;
    this.#replyInMessage = undefined;
    try {
      const meter = this.#telemetry;
      if (meter === undefined || !meter.received(lane, size)) {
        this.#deliver(peer, lane, path, uid, message, deadline, ask);
      } else {
        meter.within(trace, () => {
          this.#deliver(peer, lane, path, uid, message, deadline, ask);
        });
      }
    } finally {
      this.#delivering--;
      this.#passed = outer;
    }
    const forwarded = this.#forwarded;
    this.#forwarded = undefined;
    return forwarded;
  }

  #deliver(
    peer: Peer,
    lane: Lane,
    path: string,
    uid: number,
    message: unknown,
    deadline: number | undefined,
    ask: RemoteReplyRef | TemporaryRef | undefined,
  ): void {
    if (this.#inbound === undefined) {
      return this.#admit(peer, lane, path, uid, message, deadline, ask);
    }
    this.#inbound(peer.address, wholePath(path, uid), () => {
      this.#admit(peer, lane, path, uid, message, deadline, ask);
    });
  }

  /** A certificate proves a node, not a member: others speak to the parts that are open to them only. */
  #admit(
    peer: Peer,
    lane: Lane,
    path: string,
    uid: number,
    message: unknown,
    deadline: number | undefined,
    ask: RemoteReplyRef | TemporaryRef | undefined,
  ): void {
    if (
      peer.role === "client" || this.#admitsNode === undefined || this.#admitsNode(peer.address) ||
      this.#openToNodes.has(path)
    ) return this.#dispatchAsk(peer, lane, path, uid, message, deadline, ask);
    const deliver = () => this.#dispatchAsk(peer, lane, path, uid, message, deadline, ask);
    const refuse = () => {
      if (this.#own.has(path)) return;
      this.#internals.deadLetter("unauthorized", wholePath(path, uid), message);
    };
    if (this.#onForeignNode === undefined) return refuse();
    this.#onForeignNode(peer, wholePath(path, uid), message, deliver, refuse);
  }

  /** Passes a message on; if it is an ask, the actor that gets it has to answer. */
  #dispatchAsk(
    peer: Peer,
    lane: Lane,
    path: string,
    uid: number,
    message: unknown,
    deadline: number | undefined,
    ask: RemoteReplyRef | TemporaryRef | undefined,
  ): void {
    if (ask === undefined) return this.#dispatch(peer, lane, path, uid, message, deadline);
    const internals = this.#internals;
    const outer = internals.askAtHand;
    if (ask instanceof RemoteReplyRef) {
      ask.askedAt = wholePath(path, uid);
      if (deadline !== undefined) {
        ask.waitsUntil = Math.min(deadline, this.#arrivedAt + maxRemoteWait);
      }
      ask.from = peer;
      ask.via = viaOf(peer, ask);
      if (ask.via !== undefined) this.#onRoutedBack(ask, path);
      internals.askAtHand = ask;
    } else {
      // One of this system. What it is to entities, their region knows.
      if (peer.role !== "node" || path.startsWith("/_") || ask.heldAsk === undefined) {
        return this.#dispatch(peer, lane, path, uid, message, deadline);
      }
      this.#lostAsks.onReturned(ask, peer);
      internals.askAtHand = ask.heldAsk;
    }
    try {
      this.#dispatch(peer, lane, path, uid, message, deadline);
    } finally {
      internals.askAtHand = outer;
    }
  }

  /** An ask that a router here has passed on may have come back: what it did with it is over. */
  #onRoutedBack(ask: RemoteReplyRef, path: string): void {
    const isUnread = path.startsWith("/_") && handlerOf(this.#undelivered, path) === undefined;
    this.#lostAsks.routed.takeBack(ask, isUnread);
  }

  /** Passes a message to the handler of its path, or to the actor there. */
  #dispatch(
    peer: Peer,
    lane: Lane,
    path: string,
    uid: number,
    message: unknown,
    deadline: number | undefined,
  ): void {
    try {
      const isReply = path.startsWith(askPath);
      if (!isReply && (path.startsWith("/_") || this.#handlesPlainPaths)) {
        if (this.#handle(peer, path, message, deadline)) return;
      }
      const sender = peer.role === "client" && this.#isNode ? senderOf(peer) : undefined;
      // A reply has no use for them.
      const kept = isReply ? message : sentMessage(message, sender, deadline);
      const refused = this.#internals.deliver(path, uid, kept);
      if (refused === "mailboxFull" && this.#isNode) this.#rejections.add(peer, path);
    } catch (error) {
      this.#onInboundError(peer, lane, error);
    }
  }

  /** Passes a message to the handler of its path; false: there is none. */
  #handle(peer: Peer, path: string, message: unknown, deadline: number | undefined): boolean {
    const forPeers = this.#peerHandlers.get(path);
    if (forPeers !== undefined) forPeers(peer, message, deadline);
    else {
      const forNodes = peer.role === "node" ? this.#nodeHandlers.get(path) : undefined;
      if (forNodes !== undefined) forNodes(peer as NodePeer, message, deadline);
      else {
        const missing = this.#missingHandler(path);
        if (missing === undefined) return false;
        missing(peer, message, path, deadline);
      }
    }
    return true;
  }

  /**
   * A message cannot be decoded. If only a limit of this end or a user's serializer has refused it, the
   * connection stays, and the result finds the asks in it.
   */
  #refuseInbound(
    peer: Peer,
    lane: Lane,
    path: string,
    body: Uint8Array,
    error: unknown,
  ): LongRead | undefined {
    const reason = error instanceof WireError ? refusalOf(error) : undefined;
    if (reason === undefined) return void this.#onInboundError(peer, lane, error);
    const { message: details } = error as WireError;
    this.#serialization.logRefused(peer, path, error as WireError);
    this.#internals.deadLetter(reason, path, undefined);
    return new ReplyScan(body, this.#codec.limits.maxPath, this.#clock, {
      onFound: (replyRefs) => {
        for (const address of replyRefs) {
          const replyTo = this.#resolve(address);
          if (replyTo instanceof RemoteReplyRef) replyTo.via = viaOf(peer, replyTo);
          this.#internals.onForeignAskLost?.(replyTo, path, { reason, details });
        }
      },
      onError: (wrong) => this.#onInboundError(peer, lane, wrong),
    });
  }

  #reportLost(
    replyRefs: readonly Ref<unknown>[],
    path: string,
    reason: DeadLetterReason,
    details: string,
  ): void {
    for (const replyRef of replyRefs.slice(0, maxReportedAsks)) {
      this.#internals.onForeignAskLost?.(replyRef, path, { reason, details });
    }
  }

  /**
   * A client must not send to the path. If it asks, in a message that is read in no time, it is told;
   * and nobody else, since it could name any reply reference.
   */
  #refuseAsk(peer: Peer, path: string, bytes: Uint8Array, start: number, end: number): number {
    if (end - start >= shortBody) return 1;
    const replyRefs: Ref<unknown>[] = [];
    try {
      this.#collecting(replyRefs, () => {
        this.#codec.decode(bytes, start, end, new SerializerScan());
      });
    } catch {
      return 1;
    }
    const own = replyRefs.filter(({ node }) => node === peer.address);
    const details = "clients reach entities, services, and actors whose reference they were given";
    this.#reportLost(own, path, "unauthorized", details);
    return this.#codec.values;
  }

  #makeRelay({ relay }: RemotingOptions, maxRoutesPerIdentity: number): Relay {
    const made = new Relay({
      maxRoutesPerIdentity,
      self: () => this.address,
      send: (to, path, message) => this.send(to, path, 0, message),
      peerAt: (address) => this.endpoint.peerAt(address, "user"),
      mayReach: (node) => this.#mayReachNode(node),
      admits: (client) => this.endpoint.clientAddresses.admits(client),
      deliver: (peer, envelope, remaining) => this.#onForwarded(peer, envelope, remaining),
      onRoute: (peer, exists) => {
        if (exists) return this.#onClientUp(peer);
        if (this.endpoint.peerAt(peer.address, "user")) return; // A direct connection exists as well.
        this.#onClientDown(peer);
      },
      onClosed: (client) => this.#onClientClosed(client),
      ...relay,
    });
    this.handlePeers(relayPath, (peer, message) => made.forward(peer, message));
    if (relay !== undefined) this.handlePeers(relayedPath, (peer, it) => made.receive(peer, it));
    else this.handleNodes(relayedPath, (peer, message) => made.receive(peer, message));
    return made;
  }

  #onInboundError(peer: Peer, lane: Lane, error: unknown): void {
    if (!(error instanceof WireError)) {
      // A fault of this node: the peer keeps its connection.
      const fields = { error };
      const what = "the handler of a message threw";
      return this.#peerLog.add(peer, "error", what, fields, String(error));
    }
    const { code, message: reason } = error;
    const fields = { lane, code, reason };
    this.#peerLog.add(peer, "warn", "received a message that cannot be decoded", fields);
    // At once: a connection that is closed in order would still deliver more.
    this.endpoint.recheck(({ address }) => {
      return address === peer.address ? `unreadable message: ${code}` : undefined;
    });
  }

  /** Clients may send to actors at these paths. */
  exportWhere(isExported: (path: string, peer: Peer) => boolean): void {
    this.#isExported = isExported;
  }

  /** Members reach every actor; a client, exported actors and those it holds references to. */
  #mayReach(peer: Peer, path: string): boolean {
    return peer.role === "node" || this.#peerHandlers.has(path) ||
      this.#grants.allows(peer.address, path) || this.#isExported(path, peer) ||
      this.#missingHandler(path) !== undefined;
  }

  #onRefEncoded(ref: Ref<never>): void {
    if (ref instanceof TemporaryRef) {
      ref.holder = this.#encodingFor;
      const peer = this.#encodingPeer;
      if (peer !== undefined && !this.#heldAsks.hold(ref, peer)) this.#holdsTooMany = true;
    }
    // It is passed on: who gets it may answer, and a stop of the actor here means nothing.
    if (ref.isReply && ref.heldAsk !== undefined) this.#onAskPassedOn(ref.heldAsk);
    // The owner of an entity decides itself who may send to it.
    if (!ref.isActor) return;
    const isGranted = this.#encodingFor.startsWith("client:") &&
      ref.node === this.#internals.nodeAddress && !this.#withoutGrants.has(this.#encodingPath);
    if (isGranted) {
      this.#grants.grant(this.#encodingFor, ref.path);
    }
  }

  #onAskPassedOn(ask: HeldAsk): void {
    const isRouted = ask.heldBy?.forwards === true;
    releaseAsk(ask);
    if (!(ask instanceof RemoteReplyRef) || !rules.routersReportLostAsks) return;
    const { routed } = this.#lostAsks;
    if (!isRouted && !routed.isSentAgain(ask)) return;
    const now = this.#clock.now();
    routed.add(ask, this.#encodingFor, now, this.#encodingPath, this.#encodingMessage);
  }

  /** A message was not delivered. Returns whether it is sent again; otherwise it is lost. */
  #onDropped(
    to: string,
    payload: Uint8Array,
    reason: SendRefusal,
    unread: boolean,
    remaining?: number,
  ): boolean {
    const dropped = this.#decodeDropped(payload, remaining);
    if (dropped === undefined) {
      this.#internals.deadLetter(reason, to, undefined);
      return false;
    }
    const { path, message, replyRefs, deadline } = dropped;
    const relayed = path === relayPath ? this.#relay.unwrap(message) : undefined;
    if (relayed !== undefined) {
      // The contact has certainly not read it, and there is another: nothing is sent twice.
      const again = unread && reason === "disconnected" && this.#relay.contact !== to;
      if (again && this.#relay.send(relayed.to, relayed.envelope, relayed.remaining)) return true;
      return this.#onDropped(relayed.to, relayed.envelope, reason, unread, relayed.remaining);
    }
    if (unread && reason === "disconnected") {
      for (const ref of replyRefs) {
        if (ref instanceof RemoteReplyRef) this.#lostAsks.routed.takeBack(ref, true);
      }
      if (this.#takesBack(to, path, message, deadline)) return true;
    }
    this.#loseOf(reason, to, path, message, replyRefs);
    return false;
  }

  #droppedFor(to: string): DroppedMessages<LostMessage> {
    return to.startsWith("client:") ? this.#ofClients : this.#ofNodes;
  }

  /**
   * Whether nothing can become of a message that was not delivered. What may be sent again is sent at
   * once, so that it stays in order.
   */
  #isLost(to: string, payload: Uint8Array, reason: SendRefusal, unread: boolean): boolean {
    if (to.startsWith("client:")) return this.#isNode;
    try {
      const { path } = decodeEnvelopeHeader(
        payload,
        0,
        payload.length,
        this.#codec.limits.maxPath,
      );
      if (path === relayPath) return false;
      const mayBeTakenBack = unread && reason === "disconnected";
      return !mayBeTakenBack || handlerOf(this.#undelivered, path) === undefined;
    } catch {
      return false;
    }
  }

  #decodeDropped(payload: Uint8Array, relayed: number | undefined): Dropped | undefined {
    const replyRefs: Ref<unknown>[] = [];
    this.#decodingFrom = undefined;
    try {
      let envelope: Envelope | undefined;
      this.#collecting(replyRefs, () => {
        envelope = decodeEnvelope(this.#codec, payload, 0, payload.byteLength);
      });
      const { path, message, remaining = relayed } = envelope!;
      const deadline = remaining === undefined
        ? undefined
        : this.#deadlineOfUnsent(replyRefs, remaining);
      return { path, message, replyRefs, deadline };
    } catch {
      return undefined;
    }
  }

  /** A message was not delivered and is lost: the dead letter and the asks in it are told. */
  #readDropped({ to, payload, reason }: LostMessage): number | LongRead {
    let header: EnvelopeHeader;
    try {
      header = decodeEnvelopeHeader(payload, 0, payload.length, this.#codec.limits.maxPath);
    } catch {
      this.#internals.deadLetter(reason, to, undefined);
      return 1;
    }
    const { path, bodyStart } = header;
    const body = payload.subarray(bodyStart);
    const replyRefs: Ref<unknown>[] = [];
    const decoder = this.#codec.decodeInSteps(body, 0, body.length, this.#serialization.own);
    const read = new LongMessage(decoder, this.#clock, {
      onStep: () => void (this.#decodingFrom = undefined),
      onDecoded: (message) => {
        this.#loseOf(reason, to, path, message, replyRefs);
        return undefined;
      },
      onError: () => void this.#internals.deadLetter(reason, to, undefined),
    });
    return new ReadWith(read, () => {
      let values = 0;
      this.#collecting(replyRefs, () => values = read.step());
      return values;
    });
  }

  #loseOf(
    reason: DeadLetterReason,
    to: string,
    path: string,
    message: unknown,
    replyRefs: readonly Ref<unknown>[],
  ): void {
    this.#lose(reason, to, path, message);
    // A decoded message is a copy: the system would not recognise its own message.
    for (const { path: replyTo, uid } of replyRefs) {
      this.#internals.failAsk(replyTo, uid, path, { reason });
    }
  }

  /**
   * When the asker of a message gives up that has waited here: its ask knows, if it is one of this
   * system. `remaining`: what was left when it began to wait.
   */
  #deadlineOfUnsent(replyRefs: readonly Ref<unknown>[], remaining: number): number {
    const now = this.#clock.now();
    const pending = replyRefs.find((ref) => ref instanceof TemporaryRef);
    if (pending !== undefined) return pending.deadline ?? now + remaining;
    // One of this system that is not found: its ask is over.
    const isOver = replyRefs.some(({ node }) => node === this.#internals.nodeAddress);
    return isOver ? now : now + remaining;
  }

  #lose(reason: DeadLetterReason, to: string, path: string, message: unknown): void {
    if (this.#own.has(path)) return;
    const lost = this.#contentsOf(path, message);
    this.#internals.deadLetter(reason, to + lost.path, lost.message);
  }

  #contentsOf(path: string, message: unknown): ReturnType<LostContents> & object {
    return handlerOf(this.#lostContents, path)?.(path, message) ?? { path, message };
  }

  #refuseMessage(
    peer: Peer | undefined,
    node: string,
    { path, message, place = "message" }: ReturnType<LostContents> & object,
    error: unknown,
  ): void {
    const target = node + path;
    const tooLarge = error instanceof WireError && error.code === "tooLarge";
    const text = error instanceof Error ? error.message : String(error);
    // The user has sent the contents, and knows nothing of what is around them.
    const why = { details: text.replaceAll(place, "message"), cause: error };
    this.#internals.deadLetter(tooLarge ? "tooLarge" : "notSerializable", target, message, why);
    this.#serialization.logUnsent(peer, target, String(error), error);
  }
}

/** Whether a connection carries messages of users; a client has only one. */
function usesUserLane({ role }: Peer, lane: Lane): boolean {
  return role === "client" || lane === "user";
}

/** Gives back the memory of a message once it is read. */
function releasing(read: LongRead, bytes: Uint8Array): LongRead {
  return new ReadWith(read, () => {
    const values = read.step();
    if (read.done) release(bytes);
    return values;
  });
}

/** The node that has sent an ask of another. */
function viaOf(peer: Peer, { node }: RefAddress): NodePeer | undefined {
  return peer.role === "node" && peer.address !== node ? peer : undefined;
}

/** The handler of the prefix of a path of one part; what is below such a path is an actor. */
function handlerOf<T>(handlers: ReadonlyMap<string, T>, path: string): T | undefined {
  if (!path.startsWith("/_") || path.includes("/", 1)) return undefined;
  for (const [prefix, handler] of handlers) if (path.startsWith(prefix)) return handler;
  return undefined;
}

/**
 * Membership and coordination never wait behind messages of users, and neither waits behind the logs of
 * shards.
 */
function laneOf(path: string): Lane {
  if (!path.startsWith("/_cluster")) return "user";
  return path === replicationPath ? "replication" : "control";
}

/**
 * Why a message is refused although its bytes are valid: a limit of this end is lower than the sender's,
 * or a serializer does not take the data. Undefined: the bytes are not valid.
 */
function refusalOf({ code }: WireError): DeadLetterReason | undefined {
  if (code === "undecodable") return "notSerializable";
  return code === "tooLarge" || code === "tooDeep" ? "tooLarge" : undefined;
}
