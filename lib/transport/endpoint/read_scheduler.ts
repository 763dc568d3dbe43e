import type { Clock, Timer } from "../../runtime/clock.ts";
import { accountOf, type Peer } from "../base/peer.ts";
import type { TransportLimits } from "../base/limits.ts";
import { WorkBudget } from "../base/work_budget.ts";
import {
  type ReadTurns,
  turnTime,
  turnValues,
  type WaitingReader,
} from "../connection/read_turns.ts";

/**
 * Iterations of the event loop between two turns of clients, if others were read lately. An ask takes
 * some 10 of them, from the socket over decryption to the reply: with a turn of 2 ms in each it would
 * take 20 ms.
 */
const iterationsBetween = 16;
/** Milliseconds in which a peer that was read counts as one that others would delay. */
const lately = 1_000;

/** Milliseconds between two turns of a peer that has not used up the first. */
const turnPause = 2 * turnTime;

/**
 * Values after which the clock is read: reading it costs as much as some values. The slowest values (keys
 * that collide in the engine) take some 10 us each.
 */
const timedValues = 128;

/** A node may have so many times as much decoded as a client: it carries what its clients send. */
const nodeFactor = 8;

/**
 * A client whose values take longer than others do gets fewer of them: turns in a row take at most this
 * share of the time of the event loop.
 */
const clientShare = 0.5;

/**
 * Shares the event loop between peers. What a peer sends is read at once while it is little; a peer
 * whose messages take longer than a turn waits in a queue, from which one peer a time has its turn,
 * with I/O and timers in between. Peers whose budget for a second is used up wait until it is filled
 * again: nothing that they send is read or acknowledged meanwhile.
 *
 * A peer is the holder of a certificate, on one lane: more connections give it no more turns, and
 * bulk of a node does not delay its heartbeats.
 */
export class ReadScheduler {
  readonly #clock: Clock;
  readonly #limits: TransportLimits;
  readonly #shares = new Map<string, PeerShare>();
  /** Keys of shares without a connection. */
  readonly #left = new Set<string>();
  /** Peers with a connection that waits for a turn, the one that has waited longest first. */
  readonly #queue = new Set<PeerShare>();
  #scheduled = false;
  /** The peer that was read at once the last time, and the other one before it; when that was. */
  #latest: PeerShare | undefined;
  #latestAt = -Infinity;
  #earlierAt = -Infinity;

  constructor(clock: Clock, limits: TransportLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** The turns of a connection. To be given back with {@linkcode ReadScheduler.release}. */
  turnsOf(peer: Peer): ReadTurns {
    const key = keyOf(peer);
    let share = this.#shares.get(key);
    if (share === undefined) {
      this.#forgetPaid();
      const { maxValueRate, maxInflateRate } = this.#limits;
      const factor = peer.role === "node" ? nodeFactor : 1;
      const rates = { values: factor * maxValueRate, inflated: factor * maxInflateRate };
      const budget = new WorkBudget(rates, this.#clock.now());
      // A turn that takes a millisecond counts as at least so many values.
      const valuesOfTime = peer.role === "node" ? 0 : maxValueRate / 1_000 / clientShare;
      share = new PeerShare(this.#clock, budget, valuesOfTime, {
        enqueue: (ready) => this.#enqueue(ready),
        onRead: (reader, now) => this.#onRead(reader, now),
      });
      this.#shares.set(key, share);
    }
    this.#left.delete(key);
    share.connections++;
    return share;
  }

  /** A connection of the peer has ended. */
  release(peer: Peer): void {
    const key = keyOf(peer);
    const share = this.#shares.get(key);
    if (share !== undefined && --share.connections === 0) this.#left.add(key);
  }

  /** A peer that reconnects must not find a full budget: a share stays until its debt is paid. */
  #forgetPaid(): void {
    for (const key of this.#left) {
      if (this.#shares.get(key)!.owed() > 0) continue;
      this.#shares.delete(key);
      this.#left.delete(key);
    }
  }

  #enqueue(share: PeerShare): void {
    this.#queue.add(share);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.size === 0) return;
    this.#scheduled = true;
    const [next] = this.#queue;
    this.#await(this.#delaysOthers(next!) ? iterationsBetween : 1);
  }

  /** The next turn begins after so many iterations of the event loop. */
  #await(iterations: number): void {
    this.#clock.yield(iterations === 1 ? this.#turn : () => this.#await(iterations - 1));
  }

  /** Nodes carry what their clients send, and have many turns. */
  #delaysOthers(share: PeerShare): boolean {
    if (!share.isClient) return false;
    const otherAt = this.#latest === share ? this.#earlierAt : this.#latestAt;
    return this.#clock.now() - otherAt < lately;
  }

  #onRead(share: PeerShare, now: number): void {
    if (this.#latest !== share) this.#earlierAt = this.#latestAt;
    this.#latest = share;
    this.#latestAt = now;
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    const [share] = this.#queue;
    if (share === undefined) return;
    this.#queue.delete(share);
    try {
      share.takeTurn();
    } finally {
      this.#schedule();
    }
  };
}

function keyOf(peer: Peer): string {
  return `${peer.lane} ${accountOf(peer)}`;
}

/** What a {@linkcode PeerShare} tells its scheduler. */
interface ShareOwner {
  /** It has a turn to take. */
  enqueue(share: PeerShare): void;
  /** It is read at once. */
  onRead(share: PeerShare, now: number): void;
}

/** What one peer may use of the event loop. */
class PeerShare implements ReadTurns {
  /** Open connections of the peer. */
  connections = 0;
  readonly #clock: Clock;
  readonly #budget: WorkBudget;
  readonly #valuesOfTime: number;
  readonly #owner: ShareOwner;
  /** Connections with something to read, the one that has waited longest first. */
  readonly #waiting = new Set<WaitingReader>();
  /**
   * The one of them that has decoded a part of a message. It reads on first: otherwise a peer with many
   * connections would have as many half-decoded messages in memory.
   */
  #inMessage: WaitingReader | undefined;
  /** When the turn began, and the values and the time that it has taken. */
  #began = -Infinity;
  #values = 0;
  #time = 0;
  /** Since when the turn is under way without a look at other sockets, or its time was counted last. */
  #since = -Infinity;
  /** Work since the clock was read last. */
  #uncharged = 0;
  /** The turn is used up: the next one comes from the queue. */
  #over = false;
  #queued = false;
  #timer: Timer | undefined;

  constructor(
    clock: Clock,
    budget: WorkBudget,
    valuesOfTime: number,
    owner: ShareOwner,
  ) {
    this.#clock = clock;
    this.#budget = budget;
    this.#valuesOfTime = valuesOfTime;
    this.#owner = owner;
  }

  /** Whether it is that of a client, whose turns take a limited share of the time. */
  get isClient(): boolean {
    return this.#valuesOfTime > 0;
  }

  begin(now: number): boolean {
    if (this.#over || this.#waiting.size > 0) return false;
    this.#owner.onRead(this, now);
    if (now - this.#began >= turnPause) this.#start(now);
    // Between what arrives separately, the event loop is free for others: that is no time of the turn.
    this.#since = now;
    return true;
  }

  spend(values: number, inflated: number): boolean {
    this.#values += values;
    this.#uncharged += values;
    if (this.#over) return false;
    if (inflated === 0 && this.#uncharged < timedValues) return true;
    const now = this.#clock.now();
    this.#time += now - this.#since;
    this.#since = now;
    this.#over = this.#owed(now, inflated) > 0 || this.#time >= turnTime ||
      this.#values >= turnValues;
    return !this.#over;
  }

  wait(reader: WaitingReader): void {
    this.#waiting.add(reader);
    if (reader.inMessage === true) this.#inMessage = reader;
    this.#queueUp();
  }

  leave(reader: WaitingReader): void {
    this.#waiting.delete(reader);
    if (this.#inMessage === reader) this.#inMessage = undefined;
    if (this.#waiting.size > 0 || this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#queued = false;
  }

  /** Milliseconds until the peer's debt is paid. */
  owed(): number {
    return this.#owed(this.#clock.now(), 0);
  }

  /** One of the connections that wait reads on. */
  takeTurn(): void {
    this.#queued = false;
    this.#start(this.#clock.now());
    const [longest] = this.#waiting;
    const reader = this.#inMessage ?? longest;
    if (reader === undefined) return;
    this.#inMessage = undefined;
    this.#waiting.delete(reader);
    try {
      reader.proceed();
    } finally {
      this.#chargeTime();
      if (this.#waiting.size > 0) this.#queueUp();
    }
  }

  /** A turn of a few values may have taken as long as one of many. */
  #chargeTime(): void {
    if (this.#valuesOfTime === 0) return;
    const values = (this.#clock.now() - this.#began) * this.#valuesOfTime;
    this.#uncharged += Math.max(0, values - this.#values);
  }

  #start(now: number): void {
    this.#began = now;
    this.#since = now;
    this.#values = 0;
    this.#time = 0;
    this.#over = false;
  }

  #queueUp(): void {
    if (this.#queued) return;
    this.#queued = true;
    const delay = this.owed();
    if (delay === 0) return this.#owner.enqueue(this);
    this.#timer = this.#clock.schedule(delay, () => {
      this.#timer = undefined;
      this.#owner.enqueue(this);
    });
  }

  #owed(now: number, inflated: number): number {
    this.#budget.charge(this.#uncharged, inflated);
    this.#uncharged = 0;
    return this.#budget.delay(now);
  }
}
