import { PeerNumberMap } from "../runtime/hash_key.ts";
import { localActorOf, type RemoteWatch, type WatchHost } from "../actor/ref/local_ref.ts";
import { ActorError } from "../actor/errors.ts";
import type { SystemInternals } from "../actor/system/system_internals.ts";
import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { PeerLog } from "./peer_log.ts";
import { accountOf, type Peer } from "../transport/base/peer.ts";
import type { WatchEffect } from "./peer_watches.ts";
import { defaultWatchLimits, type WatchEvent, type WatchLimits } from "./watch_event.ts";
import { parseWatchMessage, type WatchMessage } from "./watch_protocol.ts";
import { WatchTable } from "./watch_table.ts";

/** Milliseconds between two checks for repetitions. */
const tickInterval = 250;

/** Dependencies of a {@linkcode RemoteWatcher}. */
export interface RemoteWatcherPort {
  readonly internals: SystemInternals;
  readonly clock: Clock;
  readonly peerLog: PeerLog;
  /** Sends on the user lane; best effort. */
  send(to: string, message: WatchMessage): void;
  /** Whether the peer may know of an actor at the path. */
  mayReach(peer: Peer, path: string): boolean;
  /** An actor here watches one of a client that is not connected: `onClientGone` has to follow. */
  expectClient(address: string): void;
}

/** A watch of an actor here. */
interface Watch {
  readonly watcher: Ref<unknown>;
  readonly target: Ref<never>;
}

/**
 * Lets actors watch actors of other systems: carries the {@linkcode WatchTable}, which decides.
 */
export class RemoteWatcher implements RemoteWatch {
  readonly #port: RemoteWatcherPort;
  readonly #table: WatchTable;
  readonly #limits: WatchLimits;
  #lastId = 0;
  /** Watches of actors here at other systems. */
  readonly #watches = new Map<number, Watch>();
  /** The same: ids by watcher, then by target. */
  readonly #ids = new Map<Ref<unknown>, Map<string, number>>();
  /** Undoes the observation of an actor here, by watcher's system, then by id. */
  readonly #observed = new Map<string, PeerNumberMap<() => void>>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(port: RemoteWatcherPort, limits: Partial<WatchLimits> = {}) {
    this.#port = port;
    this.#limits = { ...defaultWatchLimits, ...limits };
    this.#table = new WatchTable(this.#limits);
  }

  /**
   * Signals the watcher once when the target has terminated.
   *
   * @throws {ActorError} code `cannotWatch` for a target without an address, `tooManyWatches`
   * beyond `maxWatchesPerPeer`.
   */
  watch(watcher: Ref<unknown>, target: ActorRef<never>): void {
    if (!(target instanceof Ref) || target.node === "") throw cannotWatch(target);
    const own = target.node === this.#port.internals.nodeAddress;
    if (!own && !this.#table.hasRoom(target.node)) throw this.#tooMany(target);
    const id = ++this.#lastId;
    this.#remember(id, { watcher, target });
    const { node, path, uid } = target;
    if (own) this.#watchHere(id, path, uid);
    else this.#step({ type: "watch", node, id, path, uid });
  }

  /** The watcher has taken the watch back, or has stopped. */
  unwatch(watcher: Ref<unknown>, target: ActorRef<never>): void {
    if (!(target instanceof Ref)) return;
    const id = this.#ids.get(watcher)?.get(target.key);
    if (id === undefined) return;
    this.#forget(id);
    const { node } = target;
    if (node === this.#port.internals.nodeAddress) this.#release(node, id);
    else this.#step({ type: "unwatch", node, id });
  }

  /** Handles a message of a peer. */
  receive(peer: Peer, value: unknown): void {
    const message = parseWatchMessage(value);
    const { address: from, incarnation } = peer;
    if (message === undefined) {
      this.#port.peerLog.add(peer, "warn", "ignored a malformed watch message");
    } else if (message.type !== "watch") {
      this.#step({ type: "received", from, incarnation, message });
    } else {
      // A peer that may not send to an actor must not learn whether there is one.
      const items = message.items.map((item) => ({
        ...item,
        present: this.#port.mayReach(peer, item.path) && this.#find(item) !== undefined,
      }));
      const { session } = message;
      const { identity } = peer;
      const account = peer.role === "client" && identity.kind !== "plain"
        ? accountOf(peer)
        : undefined;
      this.#step({ type: "requested", from, account, incarnation, session, items });
    }
  }

  /** The members, and their incarnations; 0 for one that is not known. */
  onMembers(alive: ReadonlyMap<string, number>): void {
    this.#step({ type: "members", alive });
  }

  /** A connection for the user lane has opened. */
  onPeerUp({ address: peer, incarnation }: Peer): void {
    this.#step({ type: "peerUp", peer, incarnation });
  }

  /** It has closed. */
  onPeerDown({ address: peer }: Peer): void {
    this.#step({ type: "peerDown", peer });
  }

  /** A client has ended, or has not come back in time. */
  onClientGone(client: string): void {
    this.#step({ type: "clientGone", client });
  }

  /** Messages take another way to all peers. */
  onRerouted(): void {
    this.#step({ type: "rerouted" });
  }

  /** Stops all messages and signals. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#watches.clear();
    this.#ids.clear();
    for (const releases of this.#observed.values()) for (const [, stop] of releases) stop();
    this.#observed.clear();
  }

  #step(event: WatchEvent): void {
    if (this.#closed) return;
    const effects = this.#table.step(event, this.#port.clock.now());
    for (const effect of effects) this.#carryOut(effect);
    if (this.#table.unsettled && this.#timer === undefined) this.#scheduleTick();
  }

  #scheduleTick(): void {
    this.#timer = this.#port.clock.schedule(tickInterval, () => {
      this.#timer = undefined;
      this.#step({ type: "tick" });
    });
  }

  #carryOut(effect: WatchEffect): void {
    switch (effect.type) {
      case "send":
        return this.#port.send(effect.to, effect.message);
      case "fire": {
        const watch = this.#forget(effect.id);
        if (watch === undefined) return;
        return this.#port.internals.terminated(watch.watcher, watch.target, effect.reason);
      }
      case "observe":
        return this.#observe(effect.watcher, effect.id, this.#find(effect)!);
      case "release":
        return this.#release(effect.watcher, effect.id);
      case "expect":
        return this.#port.expectClient(effect.client);
      case "refuse":
        return this.#logRefusal(effect.watcher);
    }
  }

  /** Watches an actor of this system through a reference with an address. */
  #watchHere(id: number, path: string, uid: number): void {
    const { internals } = this.#port;
    const { watcher, target } = this.#watches.get(id)!;
    const actor = this.#find({ path, uid });
    if (actor === undefined) {
      this.#forget(id);
      return internals.terminated(watcher, target, "noSuchActor");
    }
    this.#keep(internals.nodeAddress, id, actor, () => {
      this.#forget(id);
      internals.terminated(watcher, target, actor.terminated.reason);
    });
  }

  #observe(watcher: string, id: number, actor: WatchHost): void {
    this.#keep(watcher, id, actor, () => {
      const reason = actor.terminated.reason === "failed" ? "failed" : "stopped";
      this.#step({ type: "ended", watcher, id, reason });
    });
  }

  #keep(watcher: string, id: number, actor: WatchHost, onStopped: () => void): void {
    let releases = this.#observed.get(watcher);
    if (releases === undefined) this.#observed.set(watcher, releases = new PeerNumberMap());
    releases.set(
      id,
      actor.whenStopped(() => {
        this.#drop(watcher, id);
        onStopped();
      }),
    );
  }

  #release(watcher: string, id: number): void {
    this.#drop(watcher, id)?.();
  }

  #drop(watcher: string, id: number): (() => void) | undefined {
    const releases = this.#observed.get(watcher);
    const release = releases?.get(id);
    releases?.delete(id);
    if (releases?.size === 0) this.#observed.delete(watcher);
    return release;
  }

  #find({ path, uid }: { readonly path: string; readonly uid: number }): WatchHost | undefined {
    return localActorOf(this.#port.internals.resolve(path, uid));
  }

  #remember(id: number, watch: Watch): void {
    this.#watches.set(id, watch);
    let ids = this.#ids.get(watch.watcher);
    if (ids === undefined) this.#ids.set(watch.watcher, ids = new Map());
    ids.set(watch.target.key, id);
  }

  #forget(id: number): Watch | undefined {
    const watch = this.#watches.get(id);
    if (watch === undefined) return undefined;
    this.#watches.delete(id);
    const ids = this.#ids.get(watch.watcher);
    ids?.delete(watch.target.key);
    if (ids?.size === 0) this.#ids.delete(watch.watcher);
    return watch;
  }

  #tooMany(target: Ref<never>): ActorError {
    const { maxWatchesPerPeer } = this.#limits;
    return new ActorError(
      "tooManyWatches",
      `${target} cannot be watched: ${maxWatchesPerPeer} actors of ${target.node} are already`,
      { value: maxWatchesPerPeer, remedy: "unwatch some of them, or raise maxWatchesPerPeer" },
    );
  }

  #logRefusal(peer: string): void {
    const { maxWatchesPerPeer, maxWatchesPerIdentity } = this.#limits;
    const message = "refused a watch: the peer has reached its limit";
    this.#port.internals.limitedLog.add("error", "remoting", message, {
      peer,
      maxWatchesPerPeer,
      maxWatchesPerIdentity,
    });
  }
}

function cannotWatch(target: ActorRef<never>): ActorError {
  return new ActorError("cannotWatch", `${target} cannot be watched: it has no address`, {
    value: target.path,
    remedy: "watch actors of this system or of other nodes",
  });
}
