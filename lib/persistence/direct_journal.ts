import type { Behavior } from "../actor/behavior/behavior.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { StatusError } from "../actor/errors.ts";
import type { Effect, Effects } from "./effect.ts";
import {
  type AppendEntry,
  type AppendResult,
  claimOf,
  type DueLog,
  type Journal,
  judgeAppend,
  type OpenedLog,
  type SlicePage,
  type StoredEvent,
  type StoredSnapshot,
} from "./journal.ts";
import type { DueReminder } from "./reminders/reminders.ts";
import type { StoredForm } from "./schema.ts";

/** The functions of a durable actor. */
export interface DurableFunctions {
  readonly initial: unknown;
  readonly onCommand: (
    context: never,
    state: unknown,
    command: never,
    effect: Effects<unknown, unknown>,
  ) => Effect<unknown, unknown> | Promise<Effect<unknown, unknown>>;
  readonly onEvent: (state: unknown, event: unknown) => unknown;
}

/** Handles a reminder, as a message is handled. */
export type ReminderRun = () => Behavior<never> | Promise<Behavior<never>>;

/** Sees what a durable actor does without a store. */
export interface DirectObserver {
  /** The actor recovers. Returns its functions as they are to be called. */
  onStart(
    functions: DurableFunctions,
    needed: "all" | "last",
    form: StoredForm<unknown, unknown>,
  ): DurableFunctions;
  /** It has recovered. */
  onRecovered(id: string, state: () => unknown): void;
  /** It has stored events. */
  onAppended(events: readonly StoredEvent[]): void;
  /** It has rejected a command. */
  onRefused(command: unknown, error: StatusError): void;
  /** A reminder is due, which `run` handles in the actor's turn. */
  onReminder(reminder: DueReminder, run: ReminderRun): void;
}

const journals = new WeakMap<ActorContext<never>, DirectJournal>();

/** The journal without a store for the behaviour that has this context. */
export function directJournalOf(context: ActorContext<never>): DirectJournal | undefined {
  return journals.get(context);
}

/**
 * Keeps the events of one actor, which appends and recovers at once, in the caller: for the behaviour
 * test kit, which runs behaviours without a system.
 */
export class DirectJournal implements Journal {
  readonly name = "direct";
  #stored: StoredEvent[] = [];
  readonly #observer: DirectObserver;

  /** Durable behaviours with this context use it, whatever journal they name. */
  constructor(context: ActorContext<never>, observer: DirectObserver) {
    this.#observer = observer;
    journals.set(context, this);
  }

  /** Stores what is there before the first start. */
  begin(stored: readonly StoredEvent[]): void {
    this.#stored = [...stored];
  }

  /** All events, the oldest first. */
  get stored(): readonly StoredEvent[] {
    return this.#stored;
  }

  /** The functions of an actor that recovers, as they are to be called. */
  observed(
    functions: DurableFunctions,
    needed: "all" | "last",
    form: StoredForm<never, never>,
  ): DurableFunctions {
    return this.#observer.onStart(functions, needed, form as StoredForm<unknown, unknown>);
  }

  /** It has recovered. */
  attach(id: string, state: () => unknown): void {
    this.#observer.onRecovered(id, state);
  }

  /** A command was rejected. */
  refused(command: unknown, error: StatusError): void {
    this.#observer.onRefused(command, error);
  }

  /** A reminder is due. */
  fire(reminder: DueReminder, run: ReminderRun): void {
    this.#observer.onReminder(reminder, run);
  }

  /** Appends at once. */
  appendNow(entry: AppendEntry): AppendResult {
    const lastSeq = this.#stored.length;
    const result = judgeAppend({ epoch: entry.epoch, lastSeq }, claimOf(entry));
    if (result.outcome !== "appended") return result;
    const events = entry.events.map((event, index) => ({
      ...event,
      seq: lastSeq + index + 1,
      epoch: entry.epoch,
    }));
    this.#stored.push(...events);
    this.#observer.onAppended(events);
    return result;
  }

  open(): Promise<OpenedLog> {
    return Promise.resolve({ epoch: 1, lastSeq: this.#stored.length });
  }

  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    return Promise.resolve(entries.map((entry) => this.appendNow(entry)));
  }

  async *read(): AsyncIterable<StoredEvent> {
    yield* this.#stored;
  }

  loadSnapshot(): Promise<StoredSnapshot | undefined> {
    return Promise.resolve(undefined);
  }

  // Every start replays all events.
  saveSnapshot(): Promise<void> {
    return Promise.resolve();
  }

  deleteEvents(): Promise<void> {
    return Promise.resolve();
  }

  delete(): Promise<void> {
    return Promise.resolve();
  }

  readSlices(): Promise<SlicePage> {
    return Promise.resolve({ events: [], next: new Map() });
  }

  readDue(): Promise<readonly DueLog[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
