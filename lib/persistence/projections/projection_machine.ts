/**
 * One worker of a projection: reads a page of events, has them handled, saves the offsets; retries,
 * skips or stops when a handler fails; is paused, resumed and set back. Pure: it is told what has
 * happened, and answers what to do next, one thing at a time.
 *
 * @module
 */
import { backoffDelay, type BackoffOptions } from "../../runtime/backoff.ts";
import { rules } from "../../runtime/rules.ts";
import type { Offsets } from "./offset_rows.ts";

/** What the machine needs to know of an event. */
export interface PlacedEvent {
  readonly slice: number;
  readonly position: bigint;
  /** Milliseconds since 1970 at its writer. */
  readonly at: number;
}

/** What never changes. */
export interface MachineSettings {
  /** Whether handling and saving are one transaction. */
  readonly transactional: boolean;
  /** Repetitions of a handler that fails, after which the event is skipped or the worker stops. */
  readonly retries: number;
  readonly afterRetries: "skip" | "stop";
  /** Between attempts, of handlers and of the stores. */
  readonly backoff: BackoffOptions;
  /** Milliseconds between two looks for events when none are announced. */
  readonly pollInterval: number;
}

/** Why nothing is done for a while. */
export type WaitReason = "events" | "handler" | "store" | "paused" | "stopped";

/** What is to be done; its end is the next input. */
export type MachineEffect<E> =
  | { readonly type: "open" }
  | { readonly type: "read"; readonly after: Offsets }
  | {
    readonly type: "handle";
    /** At least one. */
    readonly events: readonly E[];
    /** To be saved with them, if that is one transaction. */
    readonly offsets: Offsets;
    /** Whether they may have been handled before. */
    readonly redelivered: boolean;
  }
  | {
    readonly type: "save";
    readonly offsets: Offsets;
    /** The event that is passed over, because its handler has failed too often. */
    readonly skipped?: E;
  }
  /** `delay` is Infinity: until something is told. A wait that is under way ends. */
  | { readonly type: "wait"; readonly delay: number; readonly reason: WaitReason };

/** What has happened. */
export type MachineInput<E> =
  | { readonly type: "start" }
  | {
    readonly type: "opened";
    readonly offsets: Offsets;
    readonly paused: boolean;
    /** Whether a worker was there before, which may have handled more than it has saved. */
    readonly opened: boolean;
  }
  | {
    readonly type: "read";
    readonly events: readonly E[];
    readonly next: Offsets;
    /** Whether there may be more behind it. */
    readonly isFull: boolean;
  }
  | { readonly type: "handled" }
  /** `index`: which event it was; undefined: the handler has had all at once. */
  | { readonly type: "handlerFailed"; readonly index: number | undefined; readonly error: unknown }
  | { readonly type: "saved" }
  /** Reading, opening or saving has failed, or the store in the middle of handling. */
  | { readonly type: "storeFailed"; readonly error: unknown }
  /** The wait is over. */
  | { readonly type: "waited" }
  /** There may be events. */
  | { readonly type: "appended" }
  /** It was paused, resumed or set back, or is to try again. */
  | { readonly type: "changed" };

/** What somebody is told who asks. */
export interface MachineStatus {
  /** What it does, or waits for. */
  readonly state: "opening" | "running" | "waiting" | "retrying" | "paused" | "stopped";
  /** Events that were handled since it has started. */
  readonly handled: number;
  /** Events that were skipped since then. */
  readonly skipped: number;
  /** Writer's time of the oldest event that was read and not handled. */
  readonly oldest: number | undefined;
  /** Events that were read and are not handled. */
  readonly pending: number;
  /** Where it is. */
  readonly offsets: Offsets;
  /** Why it retries or has stopped. */
  readonly error: unknown;
}

/** How often offsets are saved that have moved past events of others only, milliseconds. */
const saveInterval = 10_000;
/** How often a paused worker looks whether it still is, if nobody tells it, milliseconds. */
const pauseCheck = 30_000;
/**
 * The shortest time between two looks for events, if the first has found all: a fiftieth of the poll
 * interval. While many write, a worker reads pages instead of single events.
 */
const shortestPoll = 1 / 50;

/** See the module's text. */
export class ProjectionMachine<E extends PlacedEvent> {
  readonly #settings: MachineSettings;
  /** Up to where events are handled; saved, or to be saved by the effect that is under way. */
  #offsets: Offsets = new Map();
  /** What the effect under way will make of them. */
  #nextOffsets: Offsets = new Map();
  /** Read, and not handled, in order. */
  #pending: readonly E[] = [];
  /** Where the page of the pending events ends. */
  #pageEnd: Offsets = new Map();
  /** There may be more behind it. */
  #isPageFull = false;
  /** When it was last asked for events. */
  #readAt = -Infinity;
  /** How many of the pending events the effect under way is about. */
  #taken = 0;
  /** How many are handled one by one, because one of them has failed. */
  #singles = 0;
  /** Of the first pending event. */
  #attempts = 0;
  /** The pending events are the first since it has opened: an earlier worker may have handled them. */
  #mayRepeat = false;
  /** The event after those that are being saved has failed. */
  #isFailing = false;
  /** The event that is being saved was not handled. */
  #isSkipping = false;
  #doing: "nothing" | "open" | "read" | "handle" | "save" | WaitReason = "nothing";
  #error: unknown = undefined;
  #storeFailures = 0;
  #emptyReads = 0;
  #savedAt = -Infinity;
  #wasAppended = false;
  #hasChanged = false;
  #handled = 0;
  #skipped = 0;

  constructor(settings: MachineSettings) {
    this.#settings = settings;
  }

  /** Events that were handled since it has started. */
  get handled(): number {
    return this.#handled;
  }

  /** Events that were skipped since then. */
  get skipped(): number {
    return this.#skipped;
  }

  /** See {@linkcode MachineStatus}. */
  get status(): MachineStatus {
    return {
      state: this.#state(),
      handled: this.#handled,
      skipped: this.#skipped,
      oldest: this.#pending[0]?.at,
      pending: this.#pending.length,
      offsets: this.#offsets,
      error: this.#error,
    };
  }

  #state(): MachineStatus["state"] {
    switch (this.#doing) {
      case "nothing":
      case "open":
        return "opening";
      case "events":
        return "waiting";
      case "handler":
      case "store":
        return "retrying";
      case "paused":
      case "stopped":
        return this.#doing;
      default:
        // An event that has failed is being tried again.
        return this.#error === undefined ? "running" : "retrying";
    }
  }

  /**
   * @param now milliseconds of a clock that never goes back.
   * @param random in [0, 1).
   * @returns what to do; undefined: what is under way goes on.
   */
  next(input: MachineInput<E>, now: number, random: number): MachineEffect<E> | undefined {
    switch (input.type) {
      case "start":
        return this.#open();
      case "appended":
        return this.#onAppended(now);
      case "changed":
        this.#hasChanged = true;
        return this.#isWaiting() ? this.#open() : undefined;
      case "waited":
        return this.#onWaited(now);
      case "storeFailed":
        return this.#onStoreFailed(input.error, random);
      case "opened":
        return this.#onOpened(input.offsets, input.paused, input.opened, now);
      case "read":
        return this.#onRead(input, now, random);
      case "handled":
        return this.#settings.transactional
          ? this.#onDone(now, random)
          : this.#save(this.#nextOffsets);
      case "saved":
        return this.#onDone(now, random);
      case "handlerFailed":
        return this.#onHandlerFailed(input.index, input.error, random);
    }
  }

  #isWaiting(): boolean {
    switch (this.#doing) {
      case "events":
      case "handler":
      case "store":
      case "paused":
      case "stopped":
        return true;
      default:
        return false;
    }
  }

  #open(): MachineEffect<E> {
    this.#doing = "open";
    this.#hasChanged = false;
    return { type: "open" };
  }

  #onOpened(
    offsets: Offsets,
    paused: boolean,
    opened: boolean,
    now: number,
  ): MachineEffect<E> {
    this.#offsets = offsets;
    this.#pending = [];
    this.#taken = 0;
    this.#singles = 0;
    this.#attempts = 0;
    this.#isFailing = false;
    this.#isSkipping = false;
    this.#error = undefined;
    this.#savedAt = now;
    this.#mayRepeat = opened && rules.firstEventsMayRepeat;
    if (this.#hasChanged) return this.#open();
    return paused ? this.#wait("paused", pauseCheck) : this.#read(now);
  }

  #read(now: number): MachineEffect<E> {
    this.#doing = "read";
    this.#wasAppended = false;
    this.#readAt = now;
    return { type: "read", after: this.#offsets };
  }

  #onRead(
    { events, next, isFull }: Extract<MachineInput<E>, { readonly type: "read" }>,
    now: number,
    random: number,
  ): MachineEffect<E> {
    if (this.#hasChanged) return this.#open();
    this.#error = undefined;
    this.#isPageFull = isFull;
    if (events.length > 0) {
      this.#emptyReads = 0;
      this.#pending = events;
      this.#pageEnd = next;
      return this.#handle();
    }
    this.#offsets = next;
    this.#mayRepeat = false;
    this.#storeFailures = 0;
    return now - this.#savedAt >= saveInterval ? this.#save(next) : this.#await(now, random);
  }

  /** All was read: soon again after an announcement, because a commit can be seen later than that. */
  #await(now: number, random: number): MachineEffect<E> {
    if (this.#isPageFull) return this.#read(now);
    if (this.#wasAppended) return this.#readSoon(now);
    const max = this.#settings.pollInterval;
    const delay = backoffDelay({ min: max * shortestPoll, max }, this.#emptyReads++, random);
    return this.#wait("events", delay);
  }

  #onAppended(now: number): MachineEffect<E> | undefined {
    // The first announcement has shortened the wait.
    const isKnown = this.#wasAppended;
    this.#wasAppended = true;
    return this.#doing === "events" && !isKnown ? this.#readSoon(now) : undefined;
  }

  #readSoon(now: number): MachineEffect<E> {
    this.#emptyReads = 0;
    const delay = this.#readAt + this.#settings.pollInterval * shortestPoll - now;
    return delay > 0 ? this.#wait("events", delay) : this.#read(now);
  }

  #wait(reason: WaitReason, delay: number): MachineEffect<E> {
    this.#doing = reason;
    return { type: "wait", delay, reason };
  }

  #onWaited(now: number): MachineEffect<E> | undefined {
    switch (this.#doing) {
      case "events":
        return this.#read(now);
      case "handler":
        return this.#handle();
      case "store":
        return rules.faultsReloadOffsets ? this.#open() : this.#read(now);
      case "paused":
        return this.#open();
      default:
        return undefined;
    }
  }

  /** The next pending events: all, unless one of them has failed. */
  #handle(): MachineEffect<E> {
    return this.#handleFirst(this.#singles > 0 ? 1 : this.#pending.length);
  }

  #handleFirst(count: number): MachineEffect<E> {
    this.#doing = "handle";
    const events = count === this.#pending.length ? this.#pending : this.#pending.slice(0, count);
    this.#take(count);
    const redelivered = !this.#settings.transactional && (this.#mayRepeat || this.#singles > 0);
    return { type: "handle", events, offsets: this.#nextOffsets, redelivered };
  }

  /** `#nextOffsets` are those after so many pending events. */
  #take(count: number): void {
    this.#taken = count;
    if (count === this.#pending.length) {
      this.#nextOffsets = this.#pageEnd;
      return;
    }
    const offsets = new Map(this.#offsets);
    for (let index = 0; index < count; index++) {
      const { slice, position } = this.#pending[index]!;
      offsets.set(slice, position);
    }
    this.#nextOffsets = offsets;
  }

  #save(offsets: Offsets, skipped?: E): MachineEffect<E> {
    this.#doing = "save";
    this.#nextOffsets = offsets;
    return { type: "save", offsets, ...(skipped !== undefined && { skipped }) };
  }

  /** What was taken is handled, or skipped, and saved. */
  #onDone(now: number, random: number): MachineEffect<E> {
    const taken = this.#taken;
    this.#taken = 0;
    if (this.#isSkipping) this.#skipped += taken;
    else this.#handled += taken;
    this.#isSkipping = false;
    this.#offsets = this.#nextOffsets;
    this.#savedAt = now;
    this.#storeFailures = 0;
    this.#pending = this.#pending.slice(taken);
    this.#singles = Math.max(0, this.#singles - taken);
    if (this.#pending.length === 0) this.#mayRepeat = false;
    if (this.#hasChanged) return this.#open();
    if (this.#isFailing) {
      this.#isFailing = false;
      return this.#retry(random);
    }
    this.#attempts = 0;
    this.#error = undefined;
    if (this.#pending.length > 0) return this.#handle();
    return this.#await(now, random);
  }

  #onHandlerFailed(
    index: number | undefined,
    error: unknown,
    random: number,
  ): MachineEffect<E> | undefined {
    this.#error = error;
    if (index === undefined && this.#taken > 1) {
      // It is found by handling them one by one.
      this.#singles = this.#taken;
      if (this.#hasChanged) return this.#open();
      return this.#handle();
    }
    const failed = index ?? 0;
    if (failed > 0) {
      this.#attempts = 0;
      // Those before it are handled, and have to be saved; or are handled again without it.
      if (this.#settings.transactional) {
        if (this.#hasChanged) return this.#open();
        this.#singles = failed + 1;
        return this.#handleFirst(failed);
      }
      this.#take(failed);
      this.#isFailing = true;
      this.#singles = failed + 1;
      return this.#save(this.#nextOffsets);
    }
    if (this.#hasChanged) return this.#open();
    return this.#retry(random);
  }

  /** The first pending event has failed. */
  #retry(random: number): MachineEffect<E> {
    const { retries, afterRetries, backoff } = this.#settings;
    this.#singles = Math.max(this.#singles, 1);
    if (this.#attempts < retries) {
      return this.#wait("handler", backoffDelay(backoff, this.#attempts++, random));
    }
    if (afterRetries === "stop") return this.#wait("stopped", Infinity);
    this.#isSkipping = true;
    this.#take(1);
    return this.#save(this.#nextOffsets, this.#pending[0]);
  }

  /** What is stored decides where it goes on. */
  #onStoreFailed(error: unknown, random: number): MachineEffect<E> {
    this.#error = error;
    this.#pending = [];
    if (this.#hasChanged) return this.#open();
    return this.#wait("store", backoffDelay(this.#settings.backoff, this.#storeFailures++, random));
  }
}
