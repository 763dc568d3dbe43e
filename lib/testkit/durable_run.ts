import type { StatusError } from "../actor/errors.ts";
import type { RefAddress } from "../actor/ref/ref.ts";
import type { Ref } from "../actor/ref/ref.ts";
import { entriesOf, type MetadataEntry } from "../persistence/metadata.ts";
import { sentOf } from "../persistence/delivery/outbox.ts";
import type {
  DirectObserver,
  DurableFunctions,
  ReminderRun,
} from "../persistence/direct_journal.ts";
import { DirectJournal } from "../persistence/direct_journal.ts";
import type { Effect as DurableEffect } from "../persistence/effect.ts";
import type { StoredEvent } from "../persistence/journal.ts";
import type { ReminderEntry } from "../persistence/reminders/reminder_set.ts";
import type { DueReminder } from "../persistence/reminders/reminders.ts";
import { StoredForm } from "../persistence/schema.ts";
import { Codec } from "../wire/codec.ts";
import type { Serializer } from "../wire/serializer.ts";
import { SerializerRegistry } from "../wire/serializer_registry.ts";
import { describe } from "./describe.ts";
import type { Effect } from "./effect.ts";
import { TestkitError } from "./errors.ts";
import { sameValue } from "./same_value.ts";
import type { TestContext } from "./test_context.ts";

/** Dependencies of a durable run on its kit. */
export interface DurableRunOwner {
  readonly context: TestContext;
  record(effect: Effect): void;
  /** Whether what must hold of durable actors is checked. */
  readonly verify: boolean;
  readonly serializers: readonly Serializer[];
  /** What is stored before it starts, as the program of that version has written it. */
  readonly storedEvents: readonly unknown[];
  readonly storedVersion: number;
}

/** The durable actor that a kit runs, once its setup has begun. */
interface Started {
  readonly functions: DurableFunctions;
  readonly needed: "all" | "last";
  readonly form: StoredForm<unknown, unknown>;
}

/** A reminder that is due. */
interface FiredReminder {
  readonly reminder: DueReminder;
  readonly run: ReminderRun;
}

/** What can be stored in bytes, to be compared; undefined if that is not possible. */
type Bytes = Uint8Array | undefined;

/**
 * Keeps the events of a durable behaviour under test, and checks what its store would not: that
 * `onCommand` and `onEvent` change nothing that they are given, that events, states and messages are the
 * same behind the codec, and that a replay of the stored events gives the same state.
 */
export class DurableRun implements DirectObserver {
  readonly #owner: DurableRunOwner;
  readonly #journal: DirectJournal;
  readonly #messages: Codec;
  readonly #refs = new Map<string, Ref<unknown>>();
  #started: Started | undefined;
  #id = "";
  #state: () => unknown = () => undefined;
  /** Events of the command at hand, as they were given to `onEvent`. */
  #applied: unknown[] = [];
  #recovering = false;
  #events: unknown[] = [];
  #fired: FiredReminder[] = [];
  #refusal: StatusError | undefined;
  #fault: TestkitError | undefined;

  constructor(owner: DurableRunOwner) {
    this.#owner = owner;
    this.#journal = new DirectJournal(owner.context as never, this);
    this.#messages = new Codec({
      now: () => 0,
      resolve: (address) => this.#refs.get(keyOf(address))!,
      onRefEncoded: (ref) => void this.#refs.set(keyOf(ref), ref as Ref<unknown>),
      serializers: new SerializerRegistry(owner.serializers),
      trusted: true,
    });
  }

  /** Whether the behaviour is durable. */
  get isDurable(): boolean {
    return this.#started !== undefined;
  }

  /** Its persistence id. */
  get id(): string {
    return this.#id;
  }

  /** Its state with all events. */
  get state(): unknown {
    return this.#state();
  }

  /** All that is stored, as it is read. */
  get stored(): unknown[] {
    const { form } = this.#started!;
    return this.#journal.stored.filter(({ payload }) => payload.length > 0)
      .map(({ payload, version }) => form.readEvent(payload, version));
  }

  /** The events that were stored since the last call. */
  takeEvents(): unknown[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** The error of the command that was rejected last, if it was since the last call. */
  takeRefusal(): StatusError | undefined {
    const refusal = this.#refusal;
    this.#refusal = undefined;
    return refusal;
  }

  /** The oldest reminder that is due and was not taken out yet. */
  takeFired(): FiredReminder | undefined {
    return this.#fired.shift();
  }

  onStart(
    functions: DurableFunctions,
    needed: "all" | "last",
    form: StoredForm<unknown, unknown>,
  ): DurableFunctions {
    if (this.#started === undefined) this.#journal.begin(this.#storedBefore(form));
    this.#started = { functions, needed, form };
    this.#recovering = true;
    // Those of the incarnation before are due for this one again.
    this.#fired = [];
    return {
      ...functions,
      onCommand: (context, state, command, effect) =>
        this.#decide(functions, [context, state, command, effect]),
      onEvent: (state, event) => this.#apply(functions, state, event),
    };
  }

  onRecovered(id: string, state: () => unknown): void {
    this.#id = id;
    this.#state = state;
    this.#recovering = false;
  }

  /** What the program of that version has stored, with the serializers of this one. */
  #storedBefore({ serializers }: StoredForm<unknown, unknown>): StoredEvent[] {
    const { storedEvents, storedVersion: version } = this.#owner;
    const form = new StoredForm<unknown, unknown>({ version, serializers });
    return storedEvents.map((event, index) => ({
      ...form.writeEvent(event, 0),
      seq: index + 1,
      epoch: 1,
    }));
  }

  onReminder(reminder: DueReminder, run: ReminderRun): void {
    this.#fired.push({ reminder, run });
  }

  onAppended(stored: readonly StoredEvent[]): void {
    const events = this.#applied;
    this.#applied = [];
    this.#events.push(...events);
    if (events.length > 0) {
      this.#owner.record({ type: "persisted", events, state: this.state });
    }
    for (const { metadata } of stored) if (metadata !== undefined) this.#recordMetadata(metadata);
    if (this.#owner.verify) this.#checkEvents(events, stored);
  }

  onRefused(command: unknown, error: StatusError): void {
    this.#refusal = error;
    this.#owner.record({ type: "refused", message: command, error });
  }

  /**
   * Throws what does not hold, after a step of the behaviour.
   *
   * @throws {TestkitError} codes `codecMismatch`, `replayMismatch`, `stateChanged`.
   */
  check(): void {
    if (this.isDurable && this.#owner.verify) {
      this.#checkCodec("state", this.state, this.#started!.form.codec);
      this.#checkReplay();
    }
    this.throwFault();
  }

  /** Throws what was found so far: where the behaviour has thrown as well, it may be the cause. */
  throwFault(): void {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== undefined) throw fault;
  }

  #decide(
    { onCommand }: DurableFunctions,
    args: Parameters<DurableFunctions["onCommand"]>,
  ): ReturnType<DurableFunctions["onCommand"]> {
    const [, state, command] = args;
    this.#applied = [];
    this.#refusal = undefined;
    if (!this.#owner.verify) return onCommand(...args);
    this.#checkCodec("command", command, this.#messages);
    const before = this.#bytesOf(state);
    const decided = (effect: DurableEffect<unknown, unknown>) => {
      this.#checkUnchanged("onCommand", "the state", before, state);
      // Something that is no effect has an error of its own.
      return typeof effect?.withTold === "function"
        ? effect.withTold((message) => this.#checkCodec("message", message, this.#messages))
        : effect;
    };
    const effect = onCommand(...args);
    return effect instanceof Promise ? effect.then(decided) : decided(effect);
  }

  #apply({ onEvent }: DurableFunctions, state: unknown, event: unknown): unknown {
    if (!this.#recovering) this.#applied.push(event);
    if (!this.#owner.verify) return onEvent(state, event);
    const before = [this.#bytesOf(state), this.#bytesOf(event)];
    const next = onEvent(state, event);
    this.#checkUnchanged("onEvent", "the state", before[0], state);
    this.#checkUnchanged("onEvent", "the event", before[1], event);
    return next;
  }

  #recordMetadata(metadata: Uint8Array): void {
    const { form, needed } = this.#started!;
    // The metadata of a whole state has all that is in it, and not only what is new.
    if (needed === "last") return;
    for (const { kind, entry } of entriesOf(metadata, form.codec) as MetadataEntry[]) {
      const sent = kind === "outbox" ? sentOf(entry) : undefined;
      if (sent !== undefined) this.#owner.record({ type: "sent", ...sent });
      if (kind === "reminders") this.#recordReminder(entry as ReminderEntry);
    }
  }

  #recordReminder(entry: ReminderEntry): void {
    if (entry.type === "set") this.#owner.record({ ...entry, type: "reminderSet" });
    else if (entry.type === "cancelled") {
      this.#owner.record({ type: "reminderCancelled", key: entry.key });
    }
  }

  #checkEvents(events: readonly unknown[], stored: readonly StoredEvent[]): void {
    const { form } = this.#started!;
    stored.filter(({ payload }) => payload.length > 0).forEach(({ payload, version }, index) => {
      const read = form.readEvent(payload, version);
      if (index >= events.length || sameValue(read, events[index])) return;
      this.#fail(
        "codecMismatch",
        `the event ${describe(events[index])} is ${describe(read)} when it is read`,
        events[index],
        "store plain data only",
      );
    });
  }

  #checkReplay(): void {
    const { functions: { initial, onEvent }, needed } = this.#started!;
    const events = this.stored;
    let state = initial;
    for (const event of needed === "last" ? events.slice(-1) : events) {
      state = onEvent(state, event);
    }
    if (sameValue(state, this.state)) return;
    this.#fail(
      "replayMismatch",
      `a replay of its ${events.length} events gives ${describe(state)}, and its state is ` +
        describe(this.state),
      state,
      "let onEvent depend on nothing but its arguments",
    );
  }

  #checkUnchanged(who: string, what: string, before: Bytes, value: unknown): void {
    const after = this.#bytesOf(value);
    if (before === undefined || after === undefined || sameValue(before, after)) return;
    this.#fail(
      "stateChanged",
      `${who} has changed ${what} that it was given: it is ${describe(value)} now`,
      value,
      who === "onEvent" ? "return a new state" : "let onEvent make the next state",
    );
  }

  #checkCodec(what: "command" | "message" | "state", value: unknown, codec: Codec): void {
    let read: unknown;
    try {
      const bytes = codec.encode(value).slice();
      read = codec.decode(bytes, 0, bytes.length);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      return this.#fail("codecMismatch", `the ${what} is not plain data: ${why}`, value, "", cause);
    }
    if (sameValue(read, value)) return;
    this.#fail(
      "codecMismatch",
      `the ${what} ${describe(value)} is ${describe(read)} behind the codec`,
      value,
      "use plain data only",
    );
  }

  #bytesOf(value: unknown): Bytes {
    try {
      return this.#started!.form.codec.encode(value).slice();
    } catch {
      return undefined;
    }
  }

  /** Keeps the first fault: it is thrown when the behaviour has ended its step. */
  #fail(
    code: "codecMismatch" | "replayMismatch" | "stateChanged",
    message: string,
    value: unknown,
    remedy: string,
    cause?: unknown,
  ): void {
    const { path } = this.#owner.context.self;
    this.#fault ??= new TestkitError(code, `${path}: ${message}`, {
      value,
      cause,
      ...(remedy !== "" && { remedy }),
    });
  }
}

function keyOf({ node, path, uid }: RefAddress): string {
  return `${node}${path}#${uid}`;
}
