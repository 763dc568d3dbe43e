import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import { Delivery, HouseMessage, Wake } from "../actor/ref/house_message.ts";
import { LocalRef } from "../actor/ref/local_ref.ts";
import { checkOptions, resolveOptions } from "../options/check_options.ts";
import { eventSourcedTable, snapshotsTable } from "../options/tables/persistence_tables.ts";
import { rules } from "../runtime/rules.ts";
import type { Codec } from "../wire/codec.ts";
import { Book, type EntryRequest } from "./book.ts";
import { type BookHost, BookKeeper } from "./book_keeper.ts";
import { bookSections } from "./book_sections.ts";
import { type OutboxOptions, outboxOptions } from "./delivery/outbox_options.ts";
import { CommandContext, type DurableContext } from "./durable_context.ts";
import { DurableLog } from "./durable_log.ts";
import { Effect, type EffectAction, Effects, type Effects as EffectsOf } from "./effect.ts";
import { PersistenceError } from "./errors.ts";
import type { AppendResult, Journal, NewEvent } from "./journal.ts";
import { OutputGate } from "./output_gate.ts";
import { checkedId } from "./persistence_id.ts";
import { Recovery } from "./recovery.ts";
import { DurableReminders } from "./reminders/durable_reminders.ts";
import type { ReminderSet } from "./reminders/reminder_set.ts";
import type { DueReminder, Reminders } from "./reminders/reminders.ts";
import { type SchemaOptions, StoredForm, withBook } from "./schema.ts";

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
    context: DurableContext<C>,
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
  return Behaviors.setup<C>(async (context) => {
    const incarnation = await recover(context, definition, needed);
    if (context.self instanceof LocalRef) context.self.takeHouseMessages();
    return Behaviors.receive<C>(
      (_context, message) => incarnation.handle(message),
      (_context, { type }) => {
        if (type === "postStop" || type === "preRestart") incarnation.end();
        return Behaviors.same();
      },
    );
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
  let book: Book | undefined;
  const loadBook = (bytes: Uint8Array | undefined): void => {
    book = undefined;
    if (bytes !== undefined) (book = new Book(bookSections)).load(bytes, form.codec);
  };
  const reader = {
    // The event of a whole state comes with the whole book.
    readBook: (bytes: Uint8Array): void => {
      if (needed === "last") loadBook(bytes);
      else (book ??= new Book(bookSections)).read(bytes, form.codec);
    },
    loadBook,
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
  const incarnation = new Incarnation(
    context,
    definition,
    needed,
    form,
    epoch,
    state,
    lastSeq,
    saved,
  );
  if (book !== undefined) incarnation.startBook(book);
  return incarnation;
}

/** What an incarnation tells itself. */
interface Appended {
  readonly incarnation: object;
  readonly result?: AppendResult;
  readonly error?: unknown;
  /** Work whose time has come. */
  readonly run?: () => void;
  /** A reminder that is due. */
  readonly reminder?: DueReminder;
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
  readonly book: Uint8Array | undefined;
}

class Incarnation<C, E, S> implements BookHost {
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
  /** Made when there is something to keep. */
  #keeper: BookKeeper | undefined = undefined;
  /** Made with the first command. */
  #commandContext: CommandContext<C> | undefined = undefined;
  /** Made when there are reminders. */
  #reminders: DurableReminders | undefined = undefined;
  /** Whether a command is being decided. */
  #isDeciding = false;

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

  handle(message: C | Appended | HouseMessage): Behavior<C> | Promise<Behavior<C>> {
    if (isAppended(message)) return this.#onOwn(message);
    if (message instanceof HouseMessage) return this.#onHouseMessage(message);
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
    const { onCommand } = this.#definition;
    const context = this.#commandContext ??= new CommandContext(this.#context, this);
    this.#isDeciding = true;
    try {
      const effect = onCommand(context, this.#state, command, Effects);
      return effect instanceof Promise ? effect.catch((error) => this.#undecided(error)) : effect;
    } catch (error) {
      return this.#undecided(error);
    }
  }

  #undecided(error: unknown): never {
    this.#isDeciding = false;
    this.#reminders?.failed();
    throw error;
  }

  /** A reminder is a command: the mark that it was handled is an entry beside its events. */
  #onReminder(reminder: DueReminder): Behavior<C> | Promise<Behavior<C>> {
    const due = this.#reminders!.begin(reminder);
    return due === undefined ? Behaviors.same() : this.#command(due.message as C, undefined);
  }

  #onHouseMessage(message: HouseMessage): Behavior<C> | Promise<Behavior<C>> {
    if (message instanceof Delivery) return this.#onDelivery(message);
    // One that is woken has begun to deliver when it recovered.
    if (!(message instanceof Wake)) this.#book.receive(message);
    return Behaviors.same();
  }

  #onDelivery(delivery: Delivery): Behavior<C> | Promise<Behavior<C>> {
    switch (this.#book.judge(delivery)) {
      case "next":
        return this.#command(delivery.payload as C, delivery);
      case "handled":
        this.#acknowledge(delivery);
        return Behaviors.same();
      case "expired":
        delivery.acknowledge(delivery.number, "expired");
        return Behaviors.same();
      case "early":
        return Behaviors.same();
    }
  }

  /** The sender may forget what is durable, and nothing else. */
  #acknowledge(delivery: Delivery): void {
    const acknowledge = () => this.#book.acknowledge(delivery);
    const held: HeldAction<S> = {
      action: { type: "run", callback: acknowledge },
      state: this.#state,
    };
    if (!rules.acksFollowCommits || this.#gate.add(held)) acknowledge();
  }

  #take(effect: Effect<E, S>, command: C, delivery: Delivery | undefined): Behavior<C> {
    this.#isDeciding = false;
    if (!(effect instanceof Effect)) return this.#undecided(badEffect(this.#definition.id, effect));
    const entered = this.#reminders?.enter(effect) ?? effect;
    // What is kept for later is handled then.
    const handled = effect.stashing === "stash" ? undefined : delivery;
    const { events, requests } = entered;
    if (events.length > 0 || requests.length > 0 || handled !== undefined) {
      this.#persistOrFail(events, requests, handled);
    }
    const isKept = this.#reminders !== undefined && this.#onTaken(effect);
    let isStopped = false;
    for (const action of effect.actions) {
      const held = { action, state: this.#state };
      if (this.#gate.add(held)) isStopped = this.#run(held) || isStopped;
    }
    if (handled !== undefined) this.#acknowledge(handled);
    const { stash } = this.#context;
    if (isKept) return Behaviors.same();
    if (effect.stashing === "stash") stash.add((delivery ?? command) as never);
    else if (effect.stashing === "unstashAll") stash.unstashAll();
    if (isStopped) return Behaviors.stopped();
    return effect.isUnhandled ? Behaviors.unhandled() : Behaviors.same();
  }

  #persistOrFail(
    events: readonly E[],
    requests: readonly EntryRequest<S>[],
    handled: Delivery | undefined,
  ): void {
    try {
      this.#persist(events, requests, handled);
    } catch (error) {
      this.#undecided(error);
    }
  }

  /** Returns whether it was a reminder that is kept for later: it stays due, and is told again. */
  #onTaken(effect: Effect<E, S>): boolean {
    const taken = this.#reminders!.taken(effect.stashing);
    if (taken === undefined) return false;
    if (taken === "kept") return true;
    const held: HeldAction<S> = {
      action: { type: "run", callback: taken },
      state: this.#state,
    };
    if (this.#gate.add(held)) taken();
    return false;
  }

  /** All or nothing: what cannot be written or applied fails the command, and changes nothing. */
  #persist(
    events: readonly E[],
    requests: readonly EntryRequest<S>[] = [],
    handled: Delivery | undefined = undefined,
  ): void {
    const { onEvent } = this.#definition;
    const at = this.#context.system.runtime.clock.wallTime();
    const stored: NewEvent[] = [];
    let state = this.#state;
    for (const event of events) {
      stored.push(this.#form.writeEvent(event, at));
      state = onEvent(state, event);
    }
    if (requests.length > 0 || handled !== undefined || this.#keeper !== undefined) {
      this.#enter(stored, requests, handled, at, state);
    }
    if (stored.length === 0) return;
    this.#state = state;
    this.#gate.write(stored.length);
    this.#log.add(stored);
    const every = this.#needed === "last" ? statesKept : this.#snapshots?.every ?? Infinity;
    const seq = this.#gate.written;
    if (seq - this.#snapshotAt >= every) {
      this.#snapshotAt = seq;
      this.#due = { seq, state, book: this.#keeper?.book.save(this.#form.codec) };
    }
    this.#flush();
  }

  /** Adds entries of the book to the last of the events; to one of their own if there is none. */
  #enter(
    stored: NewEvent[],
    requests: readonly EntryRequest<S>[],
    handled: Delivery | undefined,
    at: number,
    state: S,
  ): void {
    const keeper = this.#book;
    const seq = this.#gate.written + Math.max(1, stored.length);
    const entries = keeper.entriesOf(requests, handled, seq, at, state);
    if (handled !== undefined) keeper.mark(handled);
    if (entries.length === 0 && !keeper.hasNoted && this.#needed === "all") return;
    let book: Uint8Array | undefined = keeper.write(entries);
    keeper.apply(entries);
    if (this.#needed === "last") book = keeper.book.save(this.#form.codec);
    // Of whole states the last one has to have all.
    const isStateKnown = this.#needed === "all" || state === this.#definition.initial;
    const last = stored.pop() ??
      (isStateKnown
        ? this.#form.writeNoEvent(at)
        : this.#form.writeEvent(state as unknown as E, at));
    stored.push(withBook(last, book));
  }

  get #book(): BookKeeper {
    return this.#keeper ??= new BookKeeper(this, new Book(bookSections));
  }

  /** Goes on with a book that was read. */
  startBook(book: Book): void {
    this.#keeper = new BookKeeper(this, book);
    this.#keeper.onDurable();
    if (book.existing("reminders") !== undefined) this.#durableReminders();
  }

  /** The incarnation is over: nothing is told to the actor any more. */
  end(): void {
    this.#reminders?.close();
  }

  get commandReminders(): Reminders<C> {
    return this.#durableReminders().commands;
  }

  #durableReminders(): DurableReminders {
    const { clock } = this.#context.system.runtime;
    const self = this.#context.self as unknown as LocalRef<never>;
    return this.#reminders ??= new DurableReminders({
      id: this.#definition.id,
      clock,
      maxReminders: this.#definition.maxReminders ?? eventSourcedTable.defaults.maxReminders,
      isWoken: true,
      isDeciding: () => this.#isDeciding,
      reminders: () => this.#keeper?.book.existing("reminders") as ReminderSet | undefined,
      fire: (reminder) => {
        const due: Appended = { incarnation: this, reminder };
        self.tellOwnWhen(Promise.resolve(), () => due, () => due);
      },
      actor: self,
    });
  }

  get id(): string {
    return this.#definition.id;
  }

  get context(): ActorContext<never> {
    return this.#context as unknown as ActorContext<never>;
  }

  get codec(): Codec {
    return this.#form.codec;
  }

  get outbox(): Required<OutboxOptions> {
    return outboxOptions(this.#definition.outbox);
  }

  get durable(): number {
    return this.#log.durable;
  }

  writeNoted(): void {
    if (this.#keeper?.hasNoted === true) this.#persist([]);
  }

  later(key: string, delay: number, run: () => void): void {
    const due: Appended = { incarnation: this, run };
    this.#context.timers.startSingle(key, due as never, delay);
  }

  #flush(): void {
    const appended = this.#log.next();
    if (appended === undefined) return;
    const entry = this.#keeper === undefined
      ? appended
      : { ...appended, ...this.#keeper.takeWake() };
    const self = this.#context.self as unknown as LocalRef<C>;
    self.tellOwnWhen(
      this.#definition.journal.append([entry]),
      ([result]): Appended => ({ incarnation: this, result: result! }),
      (error): Appended => ({ incarnation: this, error }),
    );
  }

  #onOwn(message: Appended): Behavior<C> | Promise<Behavior<C>> {
    const { incarnation, reminder } = message;
    if (reminder === undefined) return this.#onAppended(message);
    return incarnation === this ? this.#onReminder(reminder) : Behaviors.same();
  }

  #onAppended({ incarnation, result, error, run }: Appended): Behavior<C> {
    // Of an incarnation before a restart: what it wrote was found by the recovery.
    if (incarnation !== this) return Behaviors.same();
    if (run !== undefined) {
      run();
      return Behaviors.same();
    }
    const failure = result === undefined ? this.#log.failed(error) : this.#log.ended(result);
    if (failure !== undefined) {
      this.#gate.fail();
      throw failure;
    }
    // The next append begins before this one's replies: the store does not wait for callbacks.
    this.#flush();
    let isStopped = false;
    for (const held of this.#gate.open(this.#log.durable)) isStopped = this.#run(held) || isStopped;
    this.#keeper?.onDurable();
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

  async #save({ seq, state, book }: DueSnapshot<S>): Promise<void> {
    const { id, journal } = this.#definition;
    if (this.#needed === "last") return await journal.deleteEvents(id, seq - 1, this.#epoch);
    const { keep, deleteEvents } = this.#snapshots!;
    const at = this.#context.system.runtime.clock.wallTime();
    const written = withBook(this.#form.writeState(state, at), book);
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
