import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { LocalRef } from "../actor/ref/local_ref.ts";
import { checkOptions, resolveOptions } from "../options/check_options.ts";
import { eventSourcedTable, snapshotsTable } from "../options/tables/persistence_tables.ts";
import { DurableLog } from "./durable_log.ts";
import { Effect, type EffectAction, Effects, type Effects as EffectsOf } from "./effect.ts";
import { PersistenceError } from "./errors.ts";
import type { AppendResult, Journal, NewEvent } from "./journal.ts";
import { noteDefinition } from "./made_definitions.ts";
import { OutputGate } from "./output_gate.ts";
import { checkedId } from "./persistence_id.ts";
import { Recovery } from "./recovery.ts";
import { type SchemaOptions, StoredForm } from "./schema.ts";

/** When states are saved, so that recovery need not read all events. */
export interface SnapshotOptions {
  /** Events after which the state is saved. Default 100. */
  readonly every?: number;
  /** Snapshots that are kept; the older ones serve when the newest is corrupt. Default 2. */
  readonly keep?: number;
  /** Whether events before the oldest kept snapshot are deleted. Default false. */
  readonly deleteEvents?: boolean;
}

/** A kind of actor whose state is made of stored events. */
export interface EventSourced<C, E, S> {
  /** See {@linkcode persistenceId}. Of an entity: `persistenceId("account", id)`. */
  readonly id: string;
  /** Where events are stored. */
  readonly journal: Journal;
  /** The state before the first event. Never changed. */
  readonly initial: S;
  /**
   * Decides what follows from a command. Changes nothing, and tells nobody: it returns an effect.
   * `effect` begins one.
   */
  readonly onCommand: (
    context: ActorContext<C>,
    state: S,
    command: C,
    effect: EffectsOf<E, S>,
  ) => Effect<E, S> | Promise<Effect<E, S>>;
  /** Applies an event: pure, also used in recovery. Returns a new state. */
  readonly onEvent: (state: S, event: E) => S;
  /** When states are saved. Default: never. */
  readonly snapshots?: SnapshotOptions;
  /** Versions of what is stored. */
  readonly schema?: SchemaOptions;
}

/**
 * An actor whose state is made of stored events (event sourcing). It recovers before its first
 * command, and after each restart. While events are on their way to the store it handles the next
 * commands, on the state that it will have; what they say is held back until it is durable.
 *
 * If events cannot be stored, the actor fails with a {@linkcode PersistenceError}, and what was held
 * back is dropped; under `Behaviors.supervise` it restarts, and recovers what is stored.
 *
 * @example
 * ```ts
 * import { type ActorRef, ActorSystem } from "@casty/casty";
 * import { eventSourced, memoryJournal, persistenceId } from "@casty/casty/persistence";
 *
 * type Command =
 *   | { type: "deposit"; amount: number; replyTo: ActorRef<number> }
 *   | { type: "get"; replyTo: ActorRef<number> };
 * type Event = { type: "deposited"; amount: number };
 *
 * const journal = memoryJournal();
 * const account = () =>
 *   eventSourced<Command, Event, number>({
 *     id: persistenceId("account", "alice"),
 *     journal,
 *     initial: 0,
 *     onCommand: (_context, balance, command, effect) =>
 *       command.type === "deposit"
 *         ? effect.persist({ type: "deposited", amount: command.amount })
 *           .thenReply(command.replyTo, (after) => after)
 *         : effect.reply(command.replyTo, balance),
 *     onEvent: (balance, { amount }) => balance + amount,
 *   });
 *
 * await using system = new ActorSystem();
 * const first = system.spawn(account(), "first");
 * await system.ask(first, (replyTo) => ({ type: "deposit", amount: 5, replyTo }));
 * await system.stop(first);
 * const second = system.spawn(account(), "second");
 * console.assert(await system.ask(second, (replyTo) => ({ type: "get", replyTo })) === 5);
 * ```
 */
export function eventSourced<C, E, S>(definition: EventSourced<C, E, S>): Behavior<C> {
  checkOptions(eventSourcedTable, definition);
  return durable(definition, "all");
}

/**
 * @internal `needed`: `last`: an event is a whole state, so that recovery reads the last one only, and
 * earlier ones are deleted.
 */
export function durable<C, E, S>(
  definition: EventSourced<C, E, S>,
  needed: NeededEvents,
): Behavior<C> {
  checkedId(definition.id);
  noteDefinition(definition, needed);
  return Behaviors.setup<C>(async (context) => {
    const incarnation = await recover(context, definition, needed);
    return Behaviors.receive<C>((_context, message) => incarnation.handle(message));
  });
}

/** Which events make the state. */
export type NeededEvents = "all" | "last";

/** Earlier states are deleted after so many. */
const statesKept = 100;

/** Reads what is stored. */
async function recover<C, E, S>(
  context: ActorContext<C>,
  definition: EventSourced<C, E, S>,
  needed: NeededEvents,
): Promise<Incarnation<C, E, S>> {
  const { id, journal, initial, onEvent } = definition;
  const { clock } = context.system.runtime;
  const form = new StoredForm<E, S>(definition.schema ?? {}, () => clock.now());
  const { epoch, lastSeq } = await journal.open(id, context.epoch || undefined);
  const reader = {
    readEvent: (payload: Uint8Array, version: number) => form.readEvent(payload, version),
    readState: (payload: Uint8Array, version: number) => form.readState(payload, version),
    apply: onEvent,
  };
  const recovery = new Recovery<E, S>(id, initial, reader);
  if (needed === "last" && lastSeq > 0) recovery.startAt(lastSeq);
  let snapshot = needed === "all" ? await journal.loadSnapshot(id) : undefined;
  while (snapshot !== undefined) {
    const refused = recovery.useSnapshot(snapshot);
    if (refused === undefined) break;
    context.log.warn("snapshot is skipped", { id, seq: snapshot.seq, error: refused });
    snapshot = await journal.loadSnapshot(id, snapshot.seq - 1);
  }
  const saved = recovery.seq;
  for await (const event of journal.read(id, { from: saved + 1, to: lastSeq })) {
    recovery.next(event);
  }
  if (recovery.seq !== lastSeq) {
    throw new PersistenceError(
      "missingEvent",
      `${id}: event ${recovery.seq + 1} is missing; ${lastSeq} were stored`,
      {
        value: recovery.seq + 1,
        place: { id, seq: recovery.seq + 1 },
        remedy: "restore the store from a backup, or find out who has changed it",
      },
    );
  }
  const { state } = recovery;
  return new Incarnation(context, definition, needed, form, epoch, state, lastSeq, saved);
}

/** What an incarnation tells itself. */
interface Appended {
  readonly incarnation: object;
  readonly result?: AppendResult;
  readonly error?: unknown;
}

/** An action, with the state after its command. */
interface HeldAction<S> {
  readonly action: EffectAction<S>;
  readonly state: S;
}

/** A state that is to be saved once its events are durable. */
interface DueSnapshot<S> {
  readonly seq: number;
  readonly state: S;
}

class Incarnation<C, E, S> {
  readonly #context: ActorContext<C>;
  readonly #definition: EventSourced<C, E, S>;
  readonly #needed: NeededEvents;
  readonly #form: StoredForm<E, S>;
  readonly #epoch: number;
  readonly #gate: OutputGate<HeldAction<S>>;
  readonly #log: DurableLog;
  readonly #snapshots: Required<SnapshotOptions> | undefined;
  #state: S;
  #snapshotAt: number;
  #due: DueSnapshot<S> | undefined;
  #saving = false;
  /** Numbers of the snapshots of this incarnation that are kept. */
  #kept: number[];

  constructor(
    context: ActorContext<C>,
    definition: EventSourced<C, E, S>,
    needed: NeededEvents,
    form: StoredForm<E, S>,
    epoch: number,
    state: S,
    lastSeq: number,
    snapshotAt: number,
  ) {
    this.#context = context;
    this.#definition = definition;
    this.#needed = needed;
    this.#form = form;
    this.#epoch = epoch;
    this.#state = state;
    this.#gate = new OutputGate(lastSeq);
    this.#log = new DurableLog(definition.id, epoch, lastSeq);
    this.#snapshotAt = snapshotAt;
    this.#kept = snapshotAt > 0 ? [snapshotAt] : [];
    this.#snapshots = definition.snapshots &&
      resolveOptions(snapshotsTable, definition.snapshots) as Required<SnapshotOptions>;
  }

  handle(message: C | Appended): Behavior<C> | Promise<Behavior<C>> {
    if (isAppended(message)) return this.#onAppended(message);
    const { onCommand } = this.#definition;
    const effect = onCommand(this.#context, this.#state, message, Effects);
    return effect instanceof Promise
      ? effect.then((effect) => this.#take(effect, message))
      : this.#take(effect, message);
  }

  #take(effect: Effect<E, S>, command: C): Behavior<C> {
    if (!(effect instanceof Effect)) throw badEffect(this.#definition.id, effect);
    if (effect.events.length > 0) this.#persist(effect.events);
    let isStopped = false;
    for (const action of effect.actions) {
      const held = { action, state: this.#state };
      if (this.#gate.add(held)) isStopped = this.#run(held) || isStopped;
    }
    const { stash } = this.#context;
    if (effect.stashing === "stash") stash.add(command as never);
    else if (effect.stashing === "unstashAll") stash.unstashAll();
    if (isStopped) return Behaviors.stopped();
    return effect.isUnhandled ? Behaviors.unhandled() : Behaviors.same();
  }

  /** All or nothing: what cannot be written or applied fails the command, and changes nothing. */
  #persist(events: readonly E[]): void {
    const { onEvent } = this.#definition;
    const at = this.#context.system.runtime.clock.wallTime();
    const stored: NewEvent[] = [];
    let state = this.#state;
    for (const event of events) {
      stored.push(this.#form.writeEvent(event, at));
      state = onEvent(state, event);
    }
    this.#state = state;
    this.#gate.write(events.length);
    this.#log.add(stored);
    const every = this.#needed === "last" ? statesKept : this.#snapshots?.every ?? Infinity;
    const seq = this.#gate.written;
    if (seq - this.#snapshotAt >= every) {
      this.#snapshotAt = seq;
      this.#due = { seq, state };
    }
    this.#flush();
  }

  #flush(): void {
    const entry = this.#log.next();
    if (entry === undefined) return;
    const self = this.#context.self as unknown as LocalRef<C>;
    self.tellOwnWhen(
      this.#definition.journal.append([entry]),
      ([result]): Appended => ({ incarnation: this, result: result! }),
      (error): Appended => ({ incarnation: this, error }),
    );
  }

  #onAppended({ incarnation, result, error }: Appended): Behavior<C> {
    // Of an incarnation before a restart: what it wrote was found by the recovery.
    if (incarnation !== this) return Behaviors.same();
    const failure = result === undefined ? this.#log.failed(error) : this.#log.ended(result);
    if (failure !== undefined) {
      this.#gate.fail();
      throw failure;
    }
    // The next append begins before this one's replies: the store does not wait for callbacks.
    this.#flush();
    let isStopped = false;
    for (const held of this.#gate.open(this.#log.durable)) isStopped = this.#run(held) || isStopped;
    this.#saveDue();
    return isStopped ? Behaviors.stopped() : Behaviors.same();
  }

  /** Returns whether the actor is to stop. */
  #run({ action, state }: HeldAction<S>): boolean {
    switch (action.type) {
      case "tell":
        action.to.tell(action.message(state) as never);
        return false;
      case "run":
        action.callback(state);
        return false;
      case "stop":
        return true;
    }
  }

  /** Saves in the background: a snapshot that fails fails nothing. */
  #saveDue(): void {
    const due = this.#due;
    if (due === undefined || this.#saving || due.seq > this.#log.durable) return;
    this.#due = undefined;
    this.#saving = true;
    this.#save(due).catch((error) => {
      const { id } = this.#definition;
      this.#context.log.warn("snapshot was not saved", { id, seq: due.seq, error });
    }).finally(() => this.#saving = false);
  }

  async #save({ seq, state }: DueSnapshot<S>): Promise<void> {
    const { id, journal } = this.#definition;
    if (this.#needed === "last") return await journal.deleteEvents(id, seq - 1, this.#epoch);
    const { keep, deleteEvents } = this.#snapshots!;
    const at = this.#context.system.runtime.clock.wallTime();
    const written = this.#form.writeState(state, at);
    await journal.saveSnapshot(id, { seq, epoch: this.#epoch, ...written }, keep);
    this.#kept = [...this.#kept, seq].slice(-keep);
    // A corrupt snapshot is replaced by the one before it, which needs the events since.
    if (deleteEvents && this.#kept.length === keep) {
      await journal.deleteEvents(id, this.#kept[0]!, this.#epoch);
    }
  }
}

function isAppended(message: unknown): message is Appended {
  return typeof message === "object" && message !== null &&
    (message as Partial<Appended>).incarnation instanceof Incarnation;
}

function badEffect(id: string, value: unknown): PersistenceError {
  return new PersistenceError("badEffect", `${id}: onCommand has returned no effect`, {
    value,
    place: { id },
    remedy: "return what `effect` makes, such as effect.none()",
  });
}
