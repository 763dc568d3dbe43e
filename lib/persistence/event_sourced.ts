import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { Signal } from "../actor/behavior/signal.ts";
import { ActorError, type StatusError } from "../actor/errors.ts";
import { labelOf } from "../actor/ref/actor_label.ts";
import {
  Delivery,
  InternalMessage,
  Peek,
  type PeekedEvent,
  Wake,
} from "../actor/ref/internal_message.ts";
import { LocalRef } from "../actor/ref/local_ref.ts";
import { OwnWork } from "../actor/ref/own_work.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import { checkOptions, resolveOptions } from "../options/check_options.ts";
import { eventSourcedTable, snapshotsTable } from "../options/tables/persistence_tables.ts";
import { rules } from "../runtime/rules.ts";
import type { TraceContext } from "../runtime/trace_context.ts";
import type { Codec } from "../wire/codec.ts";
import { failureOfRecovery, failureOfWrite } from "./ask_failures.ts";
import { type EntryRequest, Metadata } from "./metadata.ts";
import { type MetadataHost, MetadataKeeper } from "./metadata_keeper.ts";
import { metadataSections } from "./metadata_sections.ts";
import { type OutboxOptions, outboxOptions } from "./delivery/outbox_options.ts";
import { CommandContext, type DurableContext } from "./durable_context.ts";
import { DirectJournal, directJournalOf } from "./direct_journal.ts";
import { DurableLog } from "./durable_log.ts";
import {
  type DurableRecovery,
  type NeededEvents,
  type RecoveredKind,
  recoveryOf,
} from "./durable_recovery.ts";
import { type DurablePlace, isWoken, placeOf } from "./durable_place.ts";
import {
  Effect,
  type EffectAction,
  Effects,
  type Effects as EffectsOf,
  type StashEffect,
} from "./effect.ts";
import { PersistenceError } from "./errors.ts";
import type { AppendResult, Journal, NewEvent } from "./journal.ts";
import { noteDefinition } from "./made_definitions.ts";
import { OutputGate } from "./output_gate.ts";
import { type OutputReports, outputReportsOf } from "./output_reports.ts";
import { checkedId } from "./persistence_id.ts";
import { recoveryTurnsOf } from "./recovery_turns.ts";
import { closeReminders, DurableReminders } from "./reminders/durable_reminders.ts";
import type { ReminderSet } from "./reminders/reminder_set.ts";
import type { DueReminder } from "./reminders/reminders.ts";
import { StoreTelemetry } from "./store_telemetry.ts";
import { storeBehind } from "./warm_log.ts";
import { recoverWarm } from "./warm_recovery.ts";
import { type SchemaOptions, StoredForm, withMetadata } from "./schema.ts";

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
  /** See {@linkcode persistenceId}. All actors but entities need one. Default: of an entity: its type and id. */
  readonly id?: string;
  /**
   * Where events are stored. Default: that of the entity type, or of the node or system: see
   * `Behaviors.sharded(..., { journal })` and `persistence: { journal }`.
   */
  readonly journal?: Journal;
  /** The state before the first event. Never changed. */
  readonly initial: S;
  /**
   * Decides what follows from a command. Changes nothing, and tells nobody: it returns an effect.
   * `effect` begins one.
   */
  readonly onCommand: (
    context: DurableContext<C>,
    state: S,
    command: C,
    effect: EffectsOf<E, S>,
  ) => Effect<E, S> | Promise<Effect<E, S>>;
  /** Applies an event: pure, also used in recovery. Returns a new state. */
  readonly onEvent: (state: S, event: E) => S;
  /** When states are saved. Default: never. */
  readonly snapshots?: SnapshotOptions;
  /** Versions and validators of what is stored. */
  readonly schema?: SchemaOptions<E, S>;
  /**
   * What waits until the events of a command are durable. `"output"`: what the actor says; meanwhile it
   * handles the next commands on the state that it will have. `"command"`: the next command as well, so
   * that each is decided on durable state, and takes a write of its own. Default `"output"`.
   */
  readonly gate?: "output" | "command";
  /** How the messages of `thenSend` are delivered. */
  readonly outbox?: OutboxOptions;
  /** Reminders that an actor may have at once. Default 1 000. */
  readonly maxReminders?: number;
}

/**
 * An actor whose state is made of stored events (event sourcing). It recovers before its first
 * command, and after each restart. While events are on their way to the store it handles the next
 * commands, on the state that it will have; what they say is held back until it is durable.
 *
 * If events cannot be stored, the actor fails with a {@linkcode PersistenceError}, and what was held
 * back is dropped: asks that it has not answered fail with the reason `notPersisted`, or
 * `storeUnavailable`. Under `Behaviors.supervise` it restarts, and recovers what is stored. If it cannot
 * recover, asks that wait for it fail as well (`notRecovered`, `storeUnavailable`).
 *
 * @throws {OptionError}
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
 * earlier ones are deleted. `copyState`: of a state that events change in place, what a snapshot saves.
 */
export function durable<C, E, S>(
  definition: EventSourced<C, E, S>,
  needed: NeededEvents,
  copyState?: (state: S) => S,
): Behavior<C> {
  if (definition.id !== undefined) checkedId(definition.id);
  const kind: DurableKind<C, E, S> = {
    definition,
    needed,
    copyState,
    form: definition.schema === undefined ? plainForm : new StoredForm<E, S>(definition.schema),
    snapshots: definition.snapshots &&
      resolveOptions(snapshotsTable, definition.snapshots) as Required<SnapshotOptions>,
  };
  const behavior = Behaviors.setup<C>((context) => {
    const direct = directJournalOf(context as never);
    return direct === undefined ? start(context, kind) : startDirectly(context, kind, direct);
  });
  noteDefinition(definition, needed, behavior, kind);
  return behavior;
}

/** What all actors of one behaviour share. */
interface DurableKind<C, E, S> extends RecoveredKind<E, S> {
  readonly definition: EventSourced<C, E, S>;
  readonly copyState: ((state: S) => S) | undefined;
  readonly snapshots: Required<SnapshotOptions> | undefined;
}

/** Of all actors without a schema. */
// deno-lint-ignore no-explicit-any -- it writes and reads any data
const plainForm = new StoredForm<any, any>();

/** Earlier states are deleted after so many. */
const statesKept = 100;

/** Recovers the actor when it is its turn. */
async function start<C, E, S>(
  context: ActorContext<C>,
  kind: DurableKind<C, E, S>,
): Promise<Behavior<C>> {
  try {
    const place = placeOf(context as never, kind.definition);
    const turns = recoveryTurnsOf(context.system, place.journal);
    await turns.enter();
    try {
      // It would take its log from an actor that has it by now.
      if (isStopped(context)) throw stoppedMeanwhile(context);
      const { clock, telemetry } = context.system.runtime;
      const read = () => recover(context, kind, place);
      const measured = StoreTelemetry.of(telemetry);
      const incarnation = await (measured?.recovery(clock, read) ?? read());
      if (context.self instanceof LocalRef) context.self.takeInternalMessages();
      return incarnation.behavior();
    } finally {
      turns.leave();
    }
  } catch (error) {
    const failure = failureOfRecovery(error);
    const { self } = context;
    // Its successor handles what waits: that is no failure.
    const isReplaced = error instanceof PersistenceError && error.code === "fenced";
    if (isReplaced && self instanceof LocalRef && self.isEnding) {
      return Behaviors.stopped() as Behavior<C>;
    }
    if (failure !== undefined && self instanceof LocalRef && rules.unrecoveredActorsRefuseAsks) {
      self.loseWaitingAsks(failure);
    }
    throw error;
  }
}

/** Whether it was not waited for any more. */
function isStopped<C>({ self }: ActorContext<C>): boolean {
  return self instanceof LocalRef && self.stopped;
}

function stoppedMeanwhile<C>({ self: { path } }: ActorContext<C>): ActorError {
  return new ActorError("actorStopped", `${path} was stopped before it could recover`, {
    value: path,
  });
}

/** Reads what is stored. */
async function recover<C, E, S>(
  context: ActorContext<C>,
  kind: DurableKind<C, E, S>,
  place: DurablePlace,
): Promise<Incarnation<C, E, S>> {
  const { id, journal } = place;
  const { epoch, lastSeq } = await journal.open(id, context.epoch || undefined);
  const warm = kind.needed === "all" ? await recoverWarm<E, S>(place, lastSeq) : undefined;
  if (warm !== undefined) {
    const { recovery: { state }, metadataOf, savedAt } = warm;
    const incarnation = new Incarnation(context, kind, place, epoch, state, lastSeq, savedAt);
    if (!isStopped(context)) incarnation.startMetadata(metadataOf());
    return incarnation;
  }
  for (let snapshotAt = 0;;) {
    const read = await readLog(context, kind, place, lastSeq);
    const { saved, error } = read;
    if (error === undefined) {
      const { recovery: { state }, metadataOf } = read;
      const incarnation = new Incarnation(context, kind, place, epoch, state, lastSeq, saved);
      // One that was stopped meanwhile says nothing.
      if (!isStopped(context)) incarnation.startMetadata(metadataOf());
      return incarnation;
    }
    // An earlier incarnation of the same epoch may have saved a snapshot, and deleted the events before it.
    const isMissing = error instanceof PersistenceError && error.code === "missingEvent";
    const newest = isMissing ? await journal.loadSnapshot(id) : undefined;
    if (newest === undefined || newest.seq <= Math.max(saved, snapshotAt)) throw error;
    snapshotAt = newest.seq;
  }
}

/** What was read of a log; `saved`: the last event in the snapshot. */
interface ReadLog<E, S> extends DurableRecovery<E, S> {
  readonly saved: number;
  readonly error?: unknown;
}

/** Reads the newest snapshot that can be used, and the events after it. */
async function readLog<C, E, S>(
  context: ActorContext<C>,
  kind: DurableKind<C, E, S>,
  { id, journal }: DurablePlace,
  lastSeq: number,
): Promise<ReadLog<E, S>> {
  const { needed } = kind;
  const { recovery, metadataOf } = recoveryOf(kind, id);
  if (needed === "last" && lastSeq > 0) recovery.startAt(lastSeq);
  let snapshot = needed === "all" ? await journal.loadSnapshot(id) : undefined;
  while (snapshot !== undefined) {
    const refused = recovery.useSnapshot(snapshot);
    if (refused === undefined) break;
    context.log.warn("snapshot is skipped", { id, seq: snapshot.seq, error: refused });
    snapshot = await journal.loadSnapshot(id, snapshot.seq - 1);
  }
  const saved = recovery.seq;
  try {
    for await (const event of journal.read(id, { from: saved + 1, to: lastSeq })) {
      recovery.next(event);
    }
    recovery.end(lastSeq);
  } catch (error) {
    return { recovery, metadataOf, saved, error };
  }
  return { recovery, metadataOf, saved };
}

/** The same without a store, and at once. */
function startDirectly<C, E, S>(
  context: ActorContext<C>,
  plain: DurableKind<C, E, S>,
  journal: DirectJournal,
): Behavior<C> {
  const { definition, needed, form } = plain;
  const kind = {
    ...plain,
    definition: journal.observed(definition as never, needed, form as never),
  } as typeof plain;
  const { id = context.entityId || context.self.path } = definition;
  const events = journal.stored;
  const lastSeq = events.length;
  const { recovery, metadataOf } = recoveryOf(kind, id);
  if (needed === "last" && lastSeq > 0) recovery.startAt(lastSeq);
  for (const event of events) if (event.seq > recovery.seq) recovery.next(event);
  const place = { id, journal };
  const incarnation = new Incarnation(context, kind, place, 1, recovery.state, lastSeq, 0);
  incarnation.startMetadata(metadataOf());
  journal.attach(id, () => incarnation.state);
  return incarnation.behavior();
}

/** An action, with the state after its command. */
interface HeldAction<S> {
  readonly action: EffectAction<S>;
  readonly state: S;
  /** The command. */
  readonly command: unknown;
  /** Where the command belongs to; absent: nowhere. */
  readonly trace?: TraceContext;
}

/** A state that is to be saved once its events are durable. */
interface DueSnapshot<S> {
  readonly seq: number;
  readonly state: S;
  readonly metadata: Uint8Array | undefined;
}

/** What has become of an append. */
type AppendOutcome =
  | { readonly result: AppendResult; readonly error?: undefined }
  | { readonly error: unknown; readonly result?: undefined };

/** Events on their way to the store, and what waits for them. */
class Writes<S> {
  readonly gate: OutputGate<HeldAction<S>>;
  readonly log: DurableLog;
  /** The append that is under way. */
  append: Promise<AppendOutcome> | undefined = undefined;

  constructor(id: string, epoch: number, lastSeq: number) {
    this.gate = new OutputGate(lastSeq);
    this.log = new DurableLog(id, epoch, lastSeq);
  }
}

/** When the state was saved, and is to be saved next. */
class SavedStates<S> {
  /** The number of the last event in the last snapshot, whether it is saved already or not. */
  at: number;
  due: DueSnapshot<S> | undefined = undefined;
  isSaving = false;
  /** Numbers of the snapshots of this incarnation that are kept. */
  kept: readonly number[];

  /** `at`: the snapshot of the recovery; 0: there was none. */
  constructor(at: number) {
    this.at = at;
    this.kept = at > 0 ? [at] : [];
  }
}

/** One for all: a function of each would be kept by each. */
function onSignal<C>(context: ActorContext<C>, { type }: Signal): Behavior<C> {
  if (type === "postStop" || type === "preRestart") closeReminders(context);
  return Behaviors.same() as Behavior<C>;
}

/** An actor at rest has little more than its state: there may be hundreds of thousands. */
class Incarnation<C, E, S> implements MetadataHost {
  readonly #context: ActorContext<C>;
  readonly #kind: DurableKind<C, E, S>;
  readonly #journal: Journal;
  readonly id: string;
  readonly #epoch: number;
  #state: S;
  /** The last durable event, while nothing is written. */
  #lastSeq: number;
  /** Undefined: all is durable. */
  #writes: Writes<S> | undefined = undefined;
  /** Undefined if states are never saved. */
  readonly #saved: SavedStates<S> | undefined;
  /** Undefined outside of simulations. */
  readonly #reports: OutputReports | undefined;
  readonly #telemetry: StoreTelemetry | undefined;
  /** Made when there is something to keep. */
  #keeper: MetadataKeeper | undefined = undefined;
  /** Made with the first command, or for reminders. */
  #commands: CommandContext<C> | undefined = undefined;

  constructor(
    context: ActorContext<C>,
    kind: DurableKind<C, E, S>,
    place: DurablePlace,
    epoch: number,
    state: S,
    lastSeq: number,
    snapshotAt: number,
  ) {
    this.#context = context;
    this.#kind = kind;
    this.#journal = place.journal;
    this.id = place.id;
    this.#epoch = epoch;
    this.#state = state;
    this.#lastSeq = lastSeq;
    const saves = kind.needed === "last" || kind.snapshots !== undefined;
    this.#saved = saves ? new SavedStates(snapshotAt) : undefined;
    this.#reports = outputReportsOf(storeBehind(place.journal), place.id, lastSeq);
    this.#telemetry = StoreTelemetry.of(context.system.runtime.telemetry);
  }

  /** The state with all events, durable or not. */
  get state(): S {
    return this.#state;
  }

  behavior(): Behavior<C> {
    return Behaviors.receive<C>((_context, message) => this.handle(message), onSignal);
  }

  handle(message: C | InternalMessage): Behavior<C> | Promise<Behavior<C>> {
    if (this.#hasFailed) return this.#restart(message);
    if (message instanceof InternalMessage) return this.#onInternalMessage(message);
    return this.#command(message, undefined);
  }

  /** `delivery`: the message that it came in, if a durable actor has stored it. */
  #command(command: C, delivery: Delivery | undefined): Behavior<C> | Promise<Behavior<C>> {
    const effect = this.#decide(command);
    return effect instanceof Promise
      ? effect.then((effect) => this.#take(effect, command, delivery))
      : this.#take(effect, command, delivery);
  }

  #decide(command: C): Effect<E, S> | Promise<Effect<E, S>> {
    const { onCommand } = this.#kind.definition;
    const commands = this.#commands ??= new CommandContext(this.#context, this);
    commands.isDeciding = true;
    try {
      const effect = onCommand(commands, this.#state, command, Effects);
      return effect instanceof Promise ? effect.catch((error) => this.#undecided(error)) : effect;
    } catch (error) {
      return this.#undecided(error);
    }
  }

  /** The command has failed, and has changed nothing. */
  #undecided(error: unknown): never {
    const commands = this.#commands!;
    commands.isDeciding = false;
    commands.durableReminders?.failed();
    throw error;
  }

  /** A reminder is a command: the mark that it was handled is an entry beside its events. */
  #onReminder(reminder: DueReminder): Behavior<C> | Promise<Behavior<C>> {
    // As of a message: the next incarnation fires it again by itself.
    if (this.#hasFailed) return Behaviors.restart() as Behavior<C>;
    const due = this.#commands!.durableReminders!.begin(reminder);
    if (due === undefined) return Behaviors.same() as Behavior<C>;
    const run = () => this.#command(due.message as C, undefined);
    if (this.#telemetry === undefined) return run();
    return this.#telemetry.reminder(labelOf(this.#context.self.path), due.trace, run);
  }

  /**
   * A write has failed, and a supervisor has said that the actor may go on: it may not, since its state has
   * what is not stored. The next incarnation gets the command.
   */
  #restart(message: C | InternalMessage): Behavior<C> {
    this.#context.stash.add(message as never);
    return Behaviors.restart() as Behavior<C>;
  }

  #onInternalMessage(message: InternalMessage): Behavior<C> | Promise<Behavior<C>> {
    if (message instanceof Delivery) return this.#onDelivery(message);
    if (message instanceof Peek) {
      this.#show(message);
      return Behaviors.same() as Behavior<C>;
    }
    // One that is woken has begun to deliver when it recovered.
    if (!(message instanceof Wake)) this.#metadata.receive(message);
    return Behaviors.same() as Behavior<C>;
  }

  /** What a tool sees is what would be stored: nothing of a state leaves that has no such form. */
  #show({ show }: Peek): void {
    const { id } = this;
    const journal = this.#journal;
    const { form, copyState = (state: S) => state } = this.#kind;
    const seq = this.#writes?.log.durable ?? this.#lastSeq;
    try {
      show({
        id,
        seq,
        isWriting: this.#writes !== undefined,
        stored: form.writeState(copyState(this.#state), 0).payload,
        read: (stored) => form.readState(stored, form.version),
        events: async (count) => {
          const events: PeekedEvent[] = [];
          const from = Math.max(1, seq - count + 1);
          for await (const stored of seq === 0 ? [] : journal.read(id, { from, to: seq })) {
            if (stored.payload.length === 0) continue;
            const event = form.readEvent(stored.payload, stored.version);
            events.push({ seq: stored.seq, at: stored.at, event });
          }
          return events;
        },
      });
    } catch (error) {
      show(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #onDelivery(delivery: Delivery): Behavior<C> | Promise<Behavior<C>> {
    switch (this.#metadata.judge(delivery)) {
      case "next":
        return this.#command(delivery.payload as C, delivery);
      case "handled":
        this.#acknowledge(delivery);
        return Behaviors.same() as Behavior<C>;
      case "expired":
        delivery.acknowledge(delivery.number, "expired");
        return Behaviors.same() as Behavior<C>;
      case "early":
        return Behaviors.same() as Behavior<C>;
      case "fromFuture": {
        const { at, from } = delivery;
        const { path } = this.#context.self;
        const fields = { id: this.id, from, at };
        const text =
          "a message comes from the future and is not handled; check the clocks of nodes";
        internalsOf(this.#context.system).limitedLog.add("warn", path, text, fields);
        return Behaviors.same() as Behavior<C>;
      }
    }
  }

  /** The sender may forget what is durable, and nothing else. */
  #acknowledge(delivery: Delivery): void {
    const keeper = this.#metadata;
    // As of now: what is handled later may not be durable when this is.
    const number = keeper.handledOf(delivery);
    const acknowledge = () => keeper.acknowledge(delivery, number);
    const held = this.#decided({ type: "run", callback: acknowledge }, undefined);
    if (rules.acksFollowCommits && !this.#mayRun(held)) return;
    this.#run(held);
    keeper.sendAcks();
  }

  #take(
    effect: Effect<E, S>,
    command: C,
    delivery: Delivery | undefined,
  ): Behavior<C> | Promise<Behavior<C>> {
    const commands = this.#commands!;
    commands.isDeciding = false;
    if (!(effect instanceof Effect)) return this.#undecided(badEffect(this.id, effect));
    const { durableReminders: reminders } = commands;
    // What is kept for later is handled then.
    const handled = effect.stashing === "stash" ? undefined : delivery;
    const { events, requests } = reminders?.enter(effect) ?? effect;
    if (events.length > 0 || requests.length > 0 || handled !== undefined) {
      try {
        this.#persist(events, requests, handled);
      } catch (error) {
        this.#undecided(error);
      }
    }
    const isKeptReminder = reminders !== undefined && this.#onTaken(reminders, effect.stashing);
    let isStopped = false;
    for (const action of effect.actions) {
      const held = this.#decided(action, command);
      if (this.#mayRun(held)) isStopped = this.#run(held) || isStopped;
    }
    if (handled !== undefined) this.#acknowledge(handled);
    const { stash } = this.#context;
    if (isKeptReminder) return Behaviors.same() as Behavior<C>;
    if (effect.stashing === "stash") stash.add((delivery ?? command) as never);
    else if (effect.stashing === "unstashAll") stash.unstashAll();
    if (isStopped) return Behaviors.stopped() as Behavior<C>;
    const isStrict = this.#kind.definition.gate === "command";
    if (isStrict && this.#writes?.append !== undefined) return this.#whenDurable();
    return (effect.isUnhandled ? Behaviors.unhandled() : Behaviors.same()) as Behavior<C>;
  }

  /** Returns whether it was a reminder that is kept for later: it stays due, and is fired again. */
  #onTaken(reminders: DurableReminders, stashing: StashEffect): boolean {
    const taken = reminders.taken(stashing);
    if (taken === undefined) return false;
    if (taken === "kept") return true;
    const held = this.#decided({ type: "run", callback: taken }, undefined);
    if (this.#mayRun(held)) this.#run(held);
    return false;
  }

  /** All or nothing: what cannot be written or applied fails the command, and changes nothing. */
  #persist(
    events: readonly E[],
    requests: readonly EntryRequest<S>[] = [],
    handled: Delivery | undefined = undefined,
  ): void {
    const { definition: { onEvent }, form } = this.#kind;
    const at = this.#context.system.runtime.clock.wallTime();
    const stored: NewEvent[] = [];
    let state = this.#state;
    for (const event of events) {
      stored.push(form.writeEvent(event, at));
      state = onEvent(state, event);
    }
    if (requests.length > 0 || handled !== undefined || this.#keeper !== undefined) {
      this.#enter(stored, requests, handled, at, state);
    }
    if (stored.length === 0) return;
    this.#state = state;
    const writes = this.#writes ??= new Writes(this.id, this.#epoch, this.#lastSeq);
    this.#reports?.onEvents(stored);
    writes.gate.write(stored.length);
    writes.log.add(stored);
    if (this.#saved !== undefined) this.#planSave(this.#saved, writes.gate.written);
    this.#flush(writes);
  }

  #planSave(saved: SavedStates<S>, seq: number): void {
    const { copyState, form, needed, snapshots } = this.#kind;
    const every = needed === "last" ? statesKept : snapshots!.every;
    if (seq - saved.at < every) return;
    saved.at = seq;
    try {
      const state = copyState === undefined ? this.#state : copyState(this.#state);
      saved.due = { seq, state, metadata: this.#keeper?.metadata.save(form.codec) };
    } catch (error) {
      // Its events are on their way: the command has not failed.
      this.#context.log.warn("snapshot was not saved", { id: this.id, seq, error });
    }
  }

  /** Whether the store has failed, so that the state has what it has not. */
  get #hasFailed(): boolean {
    return this.#writes?.log.hasFailed === true && rules.failedWritesEndIncarnations;
  }

  /** An action that is based on the state as it is. */
  #decided(action: EffectAction<S>, command: unknown): HeldAction<S> {
    const trace = this.#telemetry?.active();
    const held = { action, state: this.#state, command, ...(trace && { trace }) };
    this.#reports?.onDecided(held);
    return held;
  }

  /** Whether an action may run now; otherwise it will when the events so far are durable. */
  #mayRun(held: HeldAction<S>): boolean {
    if (this.#writes === undefined || !rules.repliesFollowCommits) return true;
    return this.#writes.gate.add(held);
  }

  /** Adds entries of the metadata to the last of the events; to one of their own if there is none. */
  #enter(
    stored: NewEvent[],
    requests: readonly EntryRequest<S>[],
    handled: Delivery | undefined,
    at: number,
    state: S,
  ): void {
    const { definition: { initial }, form, needed } = this.#kind;
    const keeper = this.#metadata;
    const written = this.#writes?.gate.written ?? this.#lastSeq;
    const seq = written + Math.max(1, stored.length);
    const entries = keeper.entriesOf(requests, handled, seq, at, state);
    if (handled !== undefined) keeper.mark(handled);
    if (entries.length === 0 && !keeper.hasNoted && needed === "all") return;
    let metadata: Uint8Array | undefined = keeper.write(entries);
    keeper.apply(entries);
    if (needed === "last") metadata = this.#savedMetadata(keeper);
    // Of whole states the last one has to have all.
    const isStateKnown = needed === "all" || state === initial;
    const last = stored.pop() ??
      (isStateKnown ? form.writeNoEvent(at) : form.writeEvent(state as unknown as E, at));
    stored.push(withMetadata(last, metadata));
  }

  /** What was applied to it cannot be taken back: if it cannot be stored, the incarnation ends. */
  #savedMetadata({ metadata }: MetadataKeeper): Uint8Array | undefined {
    try {
      return metadata.save(this.#kind.form.codec);
    } catch (error) {
      (this.#writes ??= new Writes(this.id, this.#epoch, this.#lastSeq)).log.failed(error);
      throw error;
    }
  }

  get #metadata(): MetadataKeeper {
    return this.#keeper ??= new MetadataKeeper(this, new Metadata(metadataSections));
  }

  /** Goes on with metadata that was read. */
  startMetadata(metadata: Metadata | undefined): void {
    if (metadata === undefined) return;
    this.#keeper = new MetadataKeeper(this, metadata);
    this.#onDurable();
    if (metadata.existing("reminders") === undefined) return;
    const commands = this.#commands ??= new CommandContext(this.#context, this);
    commands.durableReminders = this.remindersOf(commands);
  }

  remindersOf(commands: CommandContext<C>): DurableReminders {
    const self = this.#context.self as unknown as LocalRef<C>;
    const { id } = this;
    const journal = this.#journal;
    return new DurableReminders({
      id,
      actor: self,
      context: this.#context,
      clock: this.#context.system.runtime.clock,
      maxReminders: this.#kind.definition.maxReminders ?? eventSourcedTable.defaults.maxReminders,
      isWoken: this.#context.entityId === "" || this.#isWoken,
      isDeciding: () => commands.isDeciding,
      trace: () => this.#telemetry?.activeParent(),
      reminders: () => this.#keeper?.metadata.existing("reminders") as ReminderSet | undefined,
      fire: (reminder) => {
        const run = () => this.#onReminder(reminder);
        if (journal instanceof DirectJournal) journal.fire(reminder, run as never);
        else self.runWhen(Promise.resolve(), run, run);
      },
    });
  }

  get #isWoken(): boolean {
    const place = { id: this.id, journal: this.#journal };
    return this.#journal instanceof DirectJournal || isWoken(this.context, place);
  }

  get context(): ActorContext<never> {
    return this.#context as unknown as ActorContext<never>;
  }

  get codec(): Codec {
    return this.#kind.form.codec;
  }

  get outbox(): Required<OutboxOptions> {
    return outboxOptions(this.#kind.definition.outbox);
  }

  get durable(): number {
    return this.#writes?.log.durable ?? this.#lastSeq;
  }

  onSent(seq: number): void {
    this.#reports?.onSent(seq);
  }

  writeNoted(): void {
    if (this.#keeper?.hasNoted === true && !this.#hasFailed) this.#persist([]);
  }

  later(key: string, delay: number, run: () => void): void {
    const work = new OwnWork(() => {
      run();
      return Behaviors.same();
    });
    this.#context.timers.startSingle(key, work as never, delay);
  }

  #flush(writes: Writes<S>): void {
    const next = writes.log.next();
    if (next === undefined) return;
    const wake = this.#keeper?.takeWake();
    // Of another actor nobody could start it, and it would be read as due again and again.
    const entry = wake?.wake === undefined || !this.#isWoken ? next : { ...next, ...wake };
    const journal = this.#journal;
    if (journal instanceof DirectJournal) {
      this.#onAppended(writes, journal.appendNow(entry));
      return;
    }
    const call = () => journal.append([entry]);
    const { clock } = this.#context.system.runtime;
    const append = (this.#telemetry?.append(clock, call) ?? call()).then(
      ([result]): AppendOutcome => ({ result: result! }),
      (error): AppendOutcome => ({ error }),
    );
    writes.append = append;
    const onOutcome = (outcome: AppendOutcome) => this.#onOutcome(append, outcome);
    (this.#context.self as unknown as LocalRef<C>).runWhen(append, onOutcome, onOutcome as never);
  }

  /** Waits until all events are durable; the actor handles nothing meanwhile. */
  async #whenDurable(): Promise<Behavior<C>> {
    let isStopped = false;
    for (;;) {
      const append = this.#writes?.append;
      if (append === undefined) break;
      const next = this.#onOutcome(append, await append);
      if (next.kind === "stopped") isStopped = true;
    }
    return (isStopped ? Behaviors.stopped() : Behaviors.same()) as Behavior<C>;
  }

  #onOutcome(append: Promise<AppendOutcome>, { result, error }: AppendOutcome): Behavior<C> {
    const writes = this.#writes;
    // A command that has waited for it has seen it.
    if (writes === undefined || append !== writes.append) return Behaviors.same() as Behavior<C>;
    writes.append = undefined;
    return result === undefined
      ? this.#onFailed(writes, writes.log.failed(error))
      : this.#onAppended(writes, result);
  }

  #onAppended(writes: Writes<S>, result: AppendResult): Behavior<C> {
    const { gate, log } = writes;
    const failure = log.ended(result);
    if (failure !== undefined) return this.#onFailed(writes, failure);
    // The next append begins before this one's replies: the store does not wait for callbacks.
    this.#flush(writes);
    let isStopped = false;
    let failed: { readonly error: unknown } | undefined;
    for (const held of gate.open(log.durable)) {
      // What others wait for must not be lost with a callback that throws.
      try {
        isStopped = this.#runLater(held) || isStopped;
      } catch (error) {
        failed ??= { error };
      }
    }
    this.#onDurable();
    if (this.#saved !== undefined) this.#saveDue(this.#saved);
    if (gate.written === log.durable) {
      this.#lastSeq = log.durable;
      this.#writes = undefined;
    }
    if (failed !== undefined) throw failed.error;
    return (isStopped ? Behaviors.stopped() : Behaviors.same()) as Behavior<C>;
  }

  /** A behaviour under test delivers nothing. */
  #onDurable(): void {
    if (!(this.#journal instanceof DirectJournal)) this.#keeper?.onDurable();
  }

  /** Events were not stored: nobody hears of what was based on them. */
  #onFailed({ gate }: Writes<S>, failure: PersistenceError): never {
    gate.fail();
    if (rules.failedWritesFailAsks) {
      (this.#context.self as unknown as LocalRef<C>).failHandledAsks(failureOfWrite(failure));
    }
    throw failure;
  }

  /** Returns whether the actor is to stop. */
  #runLater(held: HeldAction<S>): boolean {
    const run = () => this.#run(held);
    return this.#telemetry === undefined ? run() : this.#telemetry.within(held.trace, run);
  }

  #run(held: HeldAction<S>): boolean {
    this.#reports?.onOutput(held);
    const { action, state, command } = held;
    switch (action.type) {
      case "tell":
        action.to.tell(action.message(state) as never);
        return false;
      case "run":
        action.callback(state);
        return false;
      case "refuse":
        this.#refuse(action.error, command);
        return false;
      case "passivate":
        if (this.#context.entityId === "") return true;
        this.#context.passivate();
        return false;
      case "stop":
        return true;
    }
  }

  #refuse(rejection: StatusError, command: unknown): void {
    const journal = this.#journal;
    if (journal instanceof DirectJournal) return journal.refused(command, rejection);
    const self = this.#context.self as unknown as LocalRef<C>;
    self.failAsk(command, { reason: "rejected", details: rejection.message, rejection });
  }

  /** Saves in the background: a snapshot that fails fails nothing. */
  #saveDue(saved: SavedStates<S>): void {
    const { due } = saved;
    if (due === undefined || saved.isSaving || due.seq > this.durable) return;
    saved.due = undefined;
    saved.isSaving = true;
    this.#save(saved, due).catch((error) => {
      this.#context.log.warn("snapshot was not saved", { id: this.id, seq: due.seq, error });
    }).finally(() => saved.isSaving = false);
  }

  async #save(saved: SavedStates<S>, { seq, state, metadata }: DueSnapshot<S>): Promise<void> {
    const { id } = this;
    const journal = this.#journal;
    const { needed, form, snapshots } = this.#kind;
    if (needed === "last") return await journal.deleteEvents(id, seq - 1, this.#epoch);
    const { keep, deleteEvents } = snapshots!;
    const at = this.#context.system.runtime.clock.wallTime();
    const written = withMetadata(form.writeState(state, at), metadata);
    await journal.saveSnapshot(id, { seq, epoch: this.#epoch, ...written }, keep);
    saved.kept = [...saved.kept, seq].slice(-keep);
    // A corrupt snapshot is replaced by the one before it, which needs the events since.
    if (deleteEvents && saved.kept.length === keep) {
      await journal.deleteEvents(id, saved.kept[0]!, this.#epoch);
    }
  }
}

function badEffect(id: string, value: unknown): PersistenceError {
  return new PersistenceError("badEffect", `${id}: onCommand has returned no effect`, {
    value,
    place: { id },
    remedy: "return what `effect` makes, such as effect.none()",
  });
}
