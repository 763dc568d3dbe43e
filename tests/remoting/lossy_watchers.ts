import { assert, assertEquals } from "@std/assert";
import { parseWatchMessage, type WatchMessage } from "../../lib/remoting/watch_protocol.ts";
import type { WatchEffect } from "../../lib/remoting/peer_watches.ts";
import type { WatchEvent } from "../../lib/remoting/watch_event.ts";
import { WatchTable } from "../../lib/remoting/watch_table.ts";

/** Whose table: `a` watches actors of `b`. */
type Side = "a" | "b";

interface Frame {
  readonly from: Side;
  /** The incarnation of the sender. */
  readonly incarnation: number;
  readonly message: WatchMessage;
}

interface Watch {
  readonly path: string;
  readonly uid: number;
  takenBack: boolean;
  fired: string | undefined;
}

const address = { a: "a:1", b: "b:1" } as const;

/** Two tables, actors that start and stop, and a link that loses, duplicates and reorders. */
export class LossyWatchers {
  #now = 0;
  readonly #limits;
  #tables: Record<Side, WatchTable>;
  readonly #incarnations = { a: 1, b: 1 };
  readonly #frames: Frame[] = [];
  /** The uid of the actor at a path of `b`. */
  readonly #living = new Map<string, number>();
  #lastUid = 0;
  /** What `b` observes, by id of the watch. */
  readonly #observed = new Map<number, { path: string; uid: number }>();
  /** By id; of the current incarnation of `a`. */
  readonly watches = new Map<number, Watch>();
  #lastId = 0;

  /** Whether `b` has not heard yet that `a` takes part. */
  readonly #strange: boolean;

  constructor(
    strange = false,
    limits = {
      maxWatchesPerPeer: 1_000,
      maxWatchesPerIdentity: 1_000,
      minRetry: 500,
      maxRetry: 2_000,
    },
  ) {
    this.#limits = limits;
    this.#strange = strange;
    this.#tables = { a: new WatchTable(limits), b: new WatchTable(limits) };
    this.#step("a", this.#members("a"));
    this.#step("b", this.#members("b"));
  }

  get frames(): number {
    return this.#frames.length;
  }

  /** Types of the messages under way. */
  get underWay(): string[] {
    return this.#frames.map(({ message }) => message.type);
  }

  get settled(): boolean {
    return !this.#tables.a.unsettled && !this.#tables.b.unsettled;
  }

  get observed(): number {
    return this.#observed.size;
  }

  spawn(path: string): void {
    if (!this.#living.has(path)) this.#living.set(path, ++this.#lastUid);
  }

  /** Watches the actor at the path, or the last one there. */
  watch(path: string): number {
    const id = ++this.#lastId;
    const uid = this.#living.get(path) ?? 1_000_000;
    this.watches.set(id, { path, uid, takenBack: false, fired: undefined });
    this.#step("a", { type: "watch", node: address.b, id, path, uid });
    return id;
  }

  unwatch(id: number): void {
    const watch = this.watches.get(id);
    if (watch === undefined) return;
    watch.takenBack = true;
    this.#step("a", { type: "unwatch", node: address.b, id });
  }

  kill(path: string, reason: "stopped" | "failed" = "stopped"): void {
    const uid = this.#living.get(path);
    if (uid === undefined) return;
    this.#living.delete(path);
    for (const [id, target] of [...this.#observed]) {
      if (target.path !== path || target.uid !== uid) continue;
      this.#observed.delete(id);
      this.#step("b", { type: "ended", watcher: address.a, id, reason });
    }
  }

  /** Delivers a frame; keeps it to deliver it again if `twice`. */
  deliver(index: number, twice = false): void {
    const frame = this.#frames[index % Math.max(1, this.#frames.length)];
    if (frame === undefined) return;
    if (!twice) this.#frames.splice(this.#frames.indexOf(frame), 1);
    const to = frame.from === "a" ? "b" : "a";
    const from = address[frame.from];
    const { incarnation } = frame;
    const message = parseWatchMessage(structuredClone(frame.message));
    assert(message !== undefined, "a message that its own parser refuses");
    if (message.type !== "watch") {
      return this.#step(to, { type: "received", from, incarnation, message });
    }
    const items = message.items.map((item) => ({
      ...item,
      present: to === "b" && this.#living.get(item.path) === item.uid,
    }));
    this.#step(to, { type: "requested", from, incarnation, session: message.session, items });
  }

  lose(index: number): void {
    if (this.#frames.length > 0) this.#frames.splice(index % this.#frames.length, 1);
  }

  advance(duration: number): void {
    this.#now += duration;
    this.#step("a", { type: "tick" });
    this.#step("b", { type: "tick" });
  }

  /**
   * The connection ends, and there is a new one. Old frames may still come out of the old one. `a`
   * may take the new one for the old one's successor, and not see that it has ended.
   */
  reconnect(smoothly = false): void {
    if (!smoothly) this.#step("a", { type: "peerDown", peer: address.b });
    this.#step("b", { type: "peerDown", peer: address.a });
    this.#step("a", { type: "peerUp", peer: address.b, incarnation: this.#incarnations.b });
    this.#step("b", { type: "peerUp", peer: address.a, incarnation: this.#incarnations.a });
  }

  /** The process of one side dies, and a new one takes its address. */
  restart(side: Side): void {
    this.#incarnations[side]++;
    this.#tables[side] = new WatchTable(this.#limits);
    if (side === "b") {
      this.#living.clear();
      this.#observed.clear();
    } else {
      this.watches.clear();
    }
    this.#step(side, this.#members(side));
    this.reconnect();
  }

  /** Nothing is lost any more: everything comes to rest, and is as it must be, to the last end. */
  finish(): void {
    this.#rest();
    for (const path of [...this.#living.keys()]) this.kill(path);
    this.#rest();
    assertEquals(this.#observed.size, 0, "a stopped actor is observed");
  }

  #rest(): void {
    for (let round = 0; this.frames > 0 || !this.settled; round++) {
      assert(round < 200, `it does not come to rest: ${this.underWay.slice(0, 10)}`);
      for (let count = this.frames; count > 0; count--) this.deliver(0);
      this.advance(1_000);
    }
    const observed = [...this.#observed.keys()];
    for (const [id, { path, uid, takenBack, fired }] of this.watches) {
      const runs = this.#living.get(path) === uid;
      if (runs) assertEquals(fired, undefined, `watch ${id} fired, and ${path} runs`);
      else if (!takenBack) assert(fired !== undefined, `watch ${id} of ${path} did not fire`);
      if (runs && !takenBack) assert(observed.includes(id), `watch ${id} is not observed`);
    }
  }

  #members(side: Side): WatchEvent {
    const alive = new Map<string, number>([[address.b, this.#incarnations.b]]);
    if (side === "a" || !this.#strange) alive.set(address.a, this.#incarnations.a);
    return { type: "members", alive };
  }

  #step(side: Side, event: WatchEvent): void {
    for (const effect of this.#tables[side].step(event, this.#now)) this.#carryOut(side, effect);
  }

  #carryOut(side: Side, effect: WatchEffect): void {
    switch (effect.type) {
      case "send":
        this.#frames.push({
          from: side,
          incarnation: this.#incarnations[side],
          message: effect.message,
        });
        break;
      case "fire": {
        const watch = this.watches.get(effect.id)!;
        assert(!watch.takenBack, `watch ${effect.id} fires although it was taken back`);
        assertEquals(watch.fired, undefined, `watch ${effect.id} fires twice`);
        assert(
          this.#living.get(watch.path) !== watch.uid || effect.reason === "nodeDown",
          `watch ${effect.id} fires too early`,
        );
        watch.fired = effect.reason;
        break;
      }
      case "observe":
        assert(!this.#observed.has(effect.id), "observed twice");
        this.#observed.set(effect.id, { path: effect.path, uid: effect.uid });
        break;
      case "release":
        // Also said of what has stopped meanwhile, by the shell's own account.
        this.#observed.delete(effect.id);
        break;
      case "expect":
      case "refuse":
        break;
    }
  }
}
