import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { StatusError } from "../actor/errors.ts";
import { LocalRef } from "../actor/ref/local_ref.ts";
import { checkOptions, resolveOptions } from "../options/check_options.ts";
import { eventSourcedTable, snapshotsTable } from "../options/tables/persistence_tables.ts";
import { failureOfRecovery, failureOfWrite } from "./ask_failures.ts";
import { DirectJournal, directJournalOf } from "./direct_journal.ts";
import { DurableLog } from "./durable_log.ts";
import { type DurablePlace, placeOf } from "./durable_place.ts";
import { Effect, type EffectAction, Effects, type Effects as EffectsOf } from "./effect.ts";
import { PersistenceError } from "./errors.ts";
import type { AppendResult, Journal, NewEvent } from "./journal.ts";
import { OutputGate } from "./output_gate.ts";
import { checkedId } from "./persistence_id.ts";
import { Recovery } from "./recovery.ts";
import { recoveryTurnsOf } from "./recovery_turns.ts";
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
    context: ActorContext<C>,
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
 * earlier ones are deleted.
 */
export function durable<C, E, S>(
  definition: EventSourced<C, E, S>,
  needed: NeededEvents,
): Behavior<C> {
  if (definition.id !== undefined) checkedId(definition.id);
  const kind: DurableKind<C, E, S> = {
    definition,
    needed,
    form: new StoredForm<E, S>(definition.schema),
    snapshots: definition.snapshots &&
      resolveOptions(snapshotsTable, definition.snapshots) as Required<SnapshotOptions>,
  };
  return Behaviors.setup<C>((context) => {
    const direct = directJournalOf(context as never);
    return direct === undefined ? start(context, kind) : startDirectly(context, kind, direct);
  });
}

/** Which events make the state. */
export type NeededEvents = "all" | "last";

/** What all actors of one behaviour share. */
interface DurableKind<C, E, S> {
  readonly definition: EventSourced<C, E, S>;
  readonly needed: NeededEvents;
  readonly form: StoredForm<E, S>;
  readonly snapshots: Required<SnapshotOptions> | undefined;
}

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
      return (await recover(context, kind, place)).behavior();
    } finally {
      turns.leave();
    }
  } catch (error) {
    const failure = failureOfRecovery(error);
    const { self } = context;
    if (failure !== undefined && self instanceof LocalRef) self.loseWaitingAsks(failure);
    throw error;
  }
}

/** Reads what is stored. */
async function recover<C, E, S>(
  context: ActorContext<C>,
  kind: DurableKind<C, E, S>,
  place: DurablePlace,
): Promise<Incarnation<C, E, S>> {
  const { id, journal } = place;
  const { needed } = kind;
  const { epoch, lastSeq } = await journal.open(id, context.epoch || undefined);
  const recovery = recoveryOf(kind, id);
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
  recovery.end(lastSeq);
  return new Incarnation(context, kind, place, epoch, recovery.state, lastSeq, saved);
}

function recoveryOf<C, E, S>(
  { form, definition: { initial, onEvent } }: DurableKind<C, E, S>,
  id: string,
): Recovery<E, S> {
  return new Recovery<E, S>(id, initial, {
    readEvent: (payload, version) => form.readEvent(payload, version),
    readState: (payload, version) => form.readState(payload, version),
    apply: onEvent,
  });
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
  const recovery = recoveryOf(kind, id);
  if (needed === "last" && lastSeq > 0) recovery.startAt(lastSeq);
  for (const event of events) if (event.seq > recovery.seq) recovery.next(event);
  const place = { id, journal };
  const incarnation = new Incarnation(context, kind, place, 1, recovery.state, lastSeq, 0);
  journal.attach(id, () => incarnation.state);
  return incarnation.behavior();
}

/** An action, with the state after its command. */
interface HeldAction<S> {
  readonly action: EffectAction<S>;
  readonly state: S;
  /** The command. */
  readonly command: unknown;
}

/** A state that is to be saved once its events are durable. */
interface DueSnapshot<S> {
  readonly seq: number;
  readonly state: S;
}

class Incarnation<C, E, S> {
  readonly #context: ActorContext<C>;
  readonly #kind: DurableKind<C, E, S>;
  readonly #place: DurablePlace;
  readonly #epoch: number;
  readonly #gate: OutputGate<HeldAction<S>>;
  readonly #log: DurableLog;
  #state: S;
  #snapshotAt: number;
  #due: DueSnapshot<S> | undefined = undefined;
  #saving = false;
  /** Numbers of the snapshots of this incarnation that are kept; undefined: none. */
  #kept: readonly number[] | undefined;

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
    this.#place = place;
    this.#epoch = epoch;
    this.#state = state;
    this.#gate = new OutputGate(lastSeq);
    this.#log = new DurableLog(place.id, epoch, lastSeq);
    this.#snapshotAt = snapshotAt;
    this.#kept = snapshotAt > 0 ? [snapshotAt] : undefined;
  }

  /** The state with all events, durable or not. */
  get state(): S {
    return this.#state;
  }

  behavior(): Behavior<C> {
    return Behaviors.receive<C>((_context, message) => this.handle(message));
  }

  handle(command: C): Behavior<C> | Promise<Behavior<C>> {
    if (this.#log.hasFailed) return this.#restart(command);
    const { onCommand } = this.#kind.definition;
    const effect = onCommand(this.#context, this.#state, command, Effects);
    return effect instanceof Promise
      ? effect.then((effect) => this.#take(effect, command))
      : this.#take(effect, command);
  }

  /**
   * A write has failed, and a supervisor has said that the actor may go on: it may not, since its state has
   * what is not stored. The next incarnation gets the command.
   */
  #restart(command: C): Behavior<C> {
    this.#context.stash.add(command as never);
    return Behaviors.restart() as Behavior<C>;
  }

  #take(effect: Effect<E, S>, command: C): Behavior<C> | Promise<Behavior<C>> {
    if (!(effect instanceof Effect)) throw badEffect(this.#place.id, effect);
    const isWriting = effect.events.length > 0;
    if (isWriting) this.#persist(effect.events);
    let isStopped = false;
    for (const action of effect.actions) {
      const held = { action, state: this.#state, command };
      if (this.#gate.add(held)) isStopped = this.#run(held) || isStopped;
    }
    const { stashing } = effect;
    if (stashing === "stash") this.#context.stash.add(command as never);
    else if (stashing === "unstashAll") this.#context.stash.unstashAll();
    if (isStopped) return Behaviors.stopped() as Behavior<C>;
    if (isWriting && this.#isStrict) return this.#whenDurable();
    return (effect.isUnhandled ? Behaviors.unhandled() : Behaviors.same()) as Behavior<C>;
  }

  /** All or nothing: what cannot be written or applied fails the command, and changes nothing. */
  #persist(events: readonly E[]): void {
    const { definition: { onEvent }, form, needed, snapshots } = this.#kind;
    const at = this.#context.system.runtime.clock.wallTime();
    const stored: NewEvent[] = [];
    let state = this.#state;
    for (const event of events) {
      stored.push(form.writeEvent(event, at));
      state = onEvent(state, event);
    }
    this.#state = state;
    this.#gate.write(stored.length);
    this.#log.add(stored);
    const every = needed === "last" ? statesKept : snapshots?.every ?? Infinity;
    const seq = this.#gate.written;
    if (seq - this.#snapshotAt >= every) {
      this.#snapshotAt = seq;
      this.#due = { seq, state };
    }
    if (!this.#isStrict) this.#flush();
  }

  /** Whether the actor waits for each write. */
  get #isStrict(): boolean {
    const { gate } = this.#kind.definition;
    return gate === "command" && !(this.#place.journal instanceof DirectJournal);
  }

  #flush(): void {
    const entry = this.#log.next();
    if (entry === undefined) return;
    const { journal } = this.#place;
    if (journal instanceof DirectJournal) {
      this.#onAppended(journal.appendNow(entry));
      return;
    }
    (this.#context.self as unknown as LocalRef<C>).runWhen(
      journal.append([entry]),
      ([result]) => this.#onAppended(result!),
      (error) => this.#onFailed(this.#log.failed(error)),
    );
  }

  /** Appends what waits; the actor handles nothing meanwhile. */
  async #whenDurable(): Promise<Behavior<C>> {
    const { journal } = this.#place;
    let results: readonly AppendResult[];
    try {
      results = await journal.append([this.#log.next()!]);
    } catch (error) {
      return this.#onFailed(this.#log.failed(error));
    }
    return this.#onAppended(results[0]!);
  }

  #onAppended(result: AppendResult): Behavior<C> {
    const failure = this.#log.ended(result);
    if (failure !== undefined) return this.#onFailed(failure);
    // The next append begins before this one's replies: the store does not wait for callbacks.
    this.#flush();
    let isStopped = false;
    let failed: { readonly error: unknown } | undefined;
    for (const held of this.#gate.open(this.#log.durable)) {
      // What others wait for must not be lost with a callback that throws.
      try {
        isStopped = this.#run(held) || isStopped;
      } catch (error) {
        failed ??= { error };
      }
    }
    this.#saveDue();
    if (failed !== undefined) throw failed.error;
    return (isStopped ? Behaviors.stopped() : Behaviors.same()) as Behavior<C>;
  }

  /** Events were not stored: nobody hears of what was based on them. */
  #onFailed(failure: PersistenceError): never {
    this.#gate.fail();
    (this.#context.self as unknown as LocalRef<C>).failHandledAsks(failureOfWrite(failure));
    throw failure;
  }

  /** Returns whether the actor is to stop. */
  #run({ action, state, command }: HeldAction<S>): boolean {
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
    const { journal } = this.#place;
    if (journal instanceof DirectJournal) return journal.refused(command, rejection);
    const self = this.#context.self as unknown as LocalRef<C>;
    self.failAsk(command, { reason: "rejected", details: rejection.message, rejection });
  }

  /** Saves in the background: a snapshot that fails fails nothing. */
  #saveDue(): void {
    const due = this.#due;
    if (due === undefined || this.#saving || due.seq > this.#log.durable) return;
    this.#due = undefined;
    this.#saving = true;
    this.#save(due).catch((error) => {
      const { id } = this.#place;
      this.#context.log.warn("snapshot was not saved", { id, seq: due.seq, error });
    }).finally(() => this.#saving = false);
  }

  async #save({ seq, state }: DueSnapshot<S>): Promise<void> {
    const { id, journal } = this.#place;
    const { needed, form, snapshots } = this.#kind;
    if (needed === "last") return await journal.deleteEvents(id, seq - 1, this.#epoch);
    const { keep, deleteEvents } = snapshots!;
    const at = this.#context.system.runtime.clock.wallTime();
    const written = form.writeState(state, at);
    await journal.saveSnapshot(id, { seq, epoch: this.#epoch, ...written }, keep);
    const kept = this.#kept = [...this.#kept ?? [], seq].slice(-keep);
    // A corrupt snapshot is replaced by the one before it, which needs the events since.
    if (deleteEvents && kept.length === keep) {
      await journal.deleteEvents(id, kept[0]!, this.#epoch);
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
