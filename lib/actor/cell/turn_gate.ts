import type { Clock, Timer } from "../../runtime/clock.ts";
import { readClocks } from "../../runtime/clock_reading.ts";

/** Why a gate has closed. */
export type GateClosing =
  /** Its time has ended. */
  | "ended"
  /** Wall time has run ahead: the machine was suspended, and no other clock has seen that. */
  | "clockJumped"
  /** Its owner has closed it. */
  | "closed";

/** Is told when a gate opens and closes; not for each extension of its time. */
export interface GateListener {
  /** It is open now; `closedFor` milliseconds it was closed, and `parked` actors wait for a turn. */
  onOpened?(closedFor: number, parked: number): void;
  /** It is closed now. May be called in the turn of any actor: do little. */
  onClosed?(why: GateClosing): void;
  /** The machine was suspended, whether the gate was open or not: no time from before counts. */
  onClockJump?(): void;
}

/** An actor that waits at a closed gate. */
export interface Parkable {
  /** Its gate is open: it gets its turn. */
  resume(): void;
}

/**
 * Milliseconds by which wall time may run ahead of monotonic time since the gate was extended last.
 * The time that others wait until a lease has ended includes them, with the drift of all clocks.
 */
const maxClockJump = 50;

/**
 * Lets the entities of a node have their turns only while the node may run them, that is, up to a
 * time that has to be extended again and again. Beyond it they are suspended: mailboxes, timers and
 * state are kept, and no handler runs. They go on in order when the time is extended.
 *
 * Closed at first. There is one for each system: all that it owns, it owns by one lease.
 *
 * A process that stood still does not notice that by itself. So the dispatcher looks at the clock
 * when it begins to drain its queue, and then after each 128 messages. Those, and what is left of
 * the turn at hand, are the most that an entity handles after its time has ended: 256 messages.
 */
export class TurnGate {
  /** Whether the entities are suspended, as of the last look. */
  closed = true;
  readonly #clock: Clock;
  readonly #parked = new Set<Parkable>();
  readonly #listeners = new Set<GateListener>();
  #until = -Infinity;
  /** Wall time less monotonic time when its time was extended last. */
  #offset: number;
  #jumps = 0;
  #closedAt: number;
  #openedAt = 0;
  /** Milliseconds that it was open, without the present time. */
  #openBefore = 0;
  #timer: Timer | undefined;

  /** Closed. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#closedAt = clock.now();
    this.#offset = this.#readOffset();
  }

  /** When its time ends, by the clock of its system. */
  get until(): number {
    return this.#until;
  }

  /** Whether a look now would find it closed. Changes nothing. */
  get isClosedNow(): boolean {
    const now = this.#clock.now();
    return this.closed || now >= this.#until || this.#hasJumped(now);
  }

  /** How many actors wait. */
  get parked(): number {
    return this.#parked.size;
  }

  /**
   * Milliseconds that it has been open in all: the time that counts for entities, which are not idle
   * or late while they are suspended.
   */
  get openTime(): number {
    if (this.closed) return this.#openBefore;
    return this.#openBefore + Math.min(this.#clock.now(), this.#until) - this.#openedAt;
  }

  /** Calls `listener` from now on. Returns a function that ends that. */
  listen(listener: GateListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The entities may run up to `until`; an earlier time than before changes nothing, and neither does
   * one that was computed before the machine was suspended.
   */
  extend(until: number): void {
    const jumps = this.#jumps;
    const now = this.look();
    if (jumps !== this.#jumps || until <= this.#until || until <= now) return;
    this.#until = until;
    this.#offset = this.#readOffset();
    if (this.#timer === undefined) this.#watch(now);
    if (this.closed) this.#open(now);
  }

  /** The entities are suspended from now on. */
  close(): void {
    const now = this.look();
    this.#until = -Infinity;
    if (!this.closed) this.#close(now, "closed");
  }

  /** Its system has stopped: closed for good. */
  end(): void {
    this.#listeners.clear();
    this.close();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Closes it if its time has ended. Returns the time. */
  look(): number {
    const now = this.#clock.now();
    const jumped = this.#hasJumped(now);
    if (!this.closed && now >= this.#until) this.#close(now, "ended");
    if (jumped) this.#onJump(now);
    else if (this.closed) this.#offset = this.#readOffset();
    return now;
  }

  /** Keeps an actor until the gate opens. */
  park(actor: Parkable): void {
    this.#parked.add(actor);
  }

  /** Whether the actor waits; it does not any more. */
  unpark(actor: Parkable): boolean {
    return this.#parked.delete(actor);
  }

  #hasJumped(now: number): boolean {
    if (this.#clock.wallTime() - now - this.#offset <= maxClockJump) return false;
    // The process may have been preempted since `now` was read.
    return this.#readOffset() - this.#offset > maxClockJump;
  }

  #readOffset(): number {
    const { now, wallTime } = readClocks(this.#clock);
    return wallTime - now;
  }

  #open(now: number): void {
    this.closed = false;
    this.#openedAt = now;
    const waiting = [...this.#parked];
    this.#parked.clear();
    for (const actor of waiting) actor.resume();
    for (const { onOpened } of this.#listeners) onOpened?.(now - this.#closedAt, waiting.length);
  }

  #onJump(now: number): void {
    this.#jumps++;
    this.#offset = this.#readOffset();
    this.#until = -Infinity;
    if (!this.closed) this.#close(now, "clockJumped");
    for (const { onClockJump } of this.#listeners) onClockJump?.();
  }

  #close(now: number, why: GateClosing): void {
    const end = why === "ended" ? this.#until : now;
    this.#openBefore += Math.max(0, end - this.#openedAt);
    this.closed = true;
    this.#closedAt = end;
    for (const { onClosed } of this.#listeners) onClosed?.(why);
  }

  /** Notices the end in a system where nothing else happens. */
  #watch(now: number): void {
    this.#timer = this.#clock.schedule(this.#until - now, () => {
      this.#timer = undefined;
      const later = this.look();
      if (!this.closed) this.#watch(later);
    });
  }
}
