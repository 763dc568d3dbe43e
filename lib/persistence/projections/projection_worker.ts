/**
 * The shell of a worker: carries out what the machine decides, and tells it what came of it.
 *
 * @module
 */
import { Behaviors } from "../../actor/behavior/behaviors.ts";
import type { Behavior } from "../../actor/behavior/behavior.ts";
import type { ActorContext } from "../../actor/behavior/context.ts";
import type { LocalRef } from "../../actor/ref/local_ref.ts";
import { type ActorRef, Ref } from "../../actor/ref/ref.ts";
import { PersistenceError } from "../errors.ts";
import type { SliceEvent, SliceRange } from "../journal.ts";
import type { Offsets } from "./offset_rows.ts";
import { HandlerRun } from "./handler_run.ts";
import type { StartedProjection } from "./projection_options.ts";
import { type MachineEffect, type MachineInput, ProjectionMachine } from "./projection_machine.ts";
import { WorkerTelemetry } from "./worker_telemetry.ts";
import type { WorkerMessage } from "./worker_messages.ts";
import type { WorkerStatus } from "./worker_status.ts";

/** What a worker tells itself. */
type OwnMessage =
  | { readonly type: "appended" }
  | { readonly type: "waited" };

/** Events that were read together. */
interface Page {
  /** Those of the projection. */
  readonly events: readonly SliceEvent[];
  readonly next: Offsets;
  /** Whether there may be more behind it. */
  readonly isFull: boolean;
}

type Effect = MachineEffect<SliceEvent>;
type Input = MachineInput<SliceEvent>;
type Message = WorkerMessage | OwnMessage;

/** How many events that wait are counted, at most. */
const countLimit = 10_000;

/** The behaviour of a worker. */
export function projectionWorker<E, T>(
  projection: StartedProjection<E, T>,
  range: SliceRange,
): Behavior<WorkerMessage> {
  const behavior = Behaviors.setup<Message>((context) => {
    const worker = new Worker(context, projection, range);
    worker.start();
    return Behaviors.receive<Message>(
      (_context, message) => worker.handle(message),
      (_context, { type }) => {
        if (type === "postStop" || type === "preRestart") worker.end();
        return Behaviors.same();
      },
    );
  });
  return behavior as Behavior<WorkerMessage>;
}

class Worker<E, T> {
  readonly #context: ActorContext<Message>;
  readonly #projection: StartedProjection<E, T>;
  readonly #range: SliceRange;
  readonly #machine: ProjectionMachine<SliceEvent>;
  readonly #telemetry: WorkerTelemetry;
  /** Wait until the worker has opened its slices again. */
  #changes: ActorRef<"seen">[] = [];
  /** The openings that they wait for begin after this one. */
  #seen: ActorRef<"seen">[] = [];
  #fence = 0;
  /** The end of the last page that was full. */
  #fullUpTo: Offsets | undefined;
  /** What is read before it is asked for. */
  #ahead: { readonly after: Offsets; readonly page: Promise<Page> } | undefined;
  /** A message about events is in the mailbox. */
  #isAnnounced = false;
  #endListening = (): void => {};
  #isOver = false;

  constructor(
    context: ActorContext<Message>,
    projection: StartedProjection<E, T>,
    range: SliceRange,
  ) {
    this.#context = context;
    this.#projection = projection;
    this.#range = range;
    const { retries, afterRetries, pollInterval, backoff: { min, max, jitter } } = projection;
    this.#machine = new ProjectionMachine({
      transactional: projection.store.transact !== undefined,
      retries,
      afterRetries,
      backoff: { min, max, jitter: [1, 1 + jitter] },
      pollInterval,
    });
    const { telemetry } = context.system.runtime;
    this.#telemetry = new WorkerTelemetry(
      telemetry,
      projection.name,
      range,
      () => this.#lag() / 1_000,
      () => this.#countBehind(),
    );
  }

  start(): void {
    const { self } = this.#context;
    this.#endListening = this.#projection.journal.onAppended?.(() => {
      if (this.#isAnnounced || this.#isOver) return;
      this.#isAnnounced = true;
      self.tell({ type: "appended" });
    }) ?? this.#endListening;
    this.#step({ type: "start" });
  }

  end(): void {
    this.#isOver = true;
    this.#endListening();
    this.#telemetry.end();
  }

  handle(message: Message): Behavior<Message> {
    switch (message.type) {
      case "appended":
        this.#isAnnounced = false;
        this.#step(message);
        break;
      case "waited":
        this.#step(message);
        break;
      case "changed":
        if (!(message.replyTo instanceof Ref)) return Behaviors.unhandled();
        this.#changes.push(message.replyTo);
        this.#step({ type: "changed" });
        break;
      case "status":
        if (!(message.replyTo instanceof Ref)) return Behaviors.unhandled();
        this.#tellStatus(message.replyTo);
        break;
      default:
        return Behaviors.unhandled();
    }
    return Behaviors.same();
  }

  #step(input: Input): void {
    const effect = this.#next(input);
    if (effect !== undefined) this.#begin(effect);
  }

  /** The next thing begins in a turn of its own, so that an actor that is to stop does between them. */
  #onEnded(input: Input): Behavior<unknown> {
    this.#observe(input);
    const effect = this.#next(input);
    if (effect?.type === "wait") this.#begin(effect);
    else if (effect !== undefined) {
      this.#context.system.runtime.clock.defer(() => {
        if (!this.#isOver) this.#begin(effect);
      });
    }
    return Behaviors.same();
  }

  #next(input: Input): Effect | undefined {
    const { clock, random } = this.#context.system.runtime;
    const effect = this.#machine.next(input, clock.now(), random.next());
    this.#telemetry.done(this.#machine);
    if (effect?.type === "open") {
      this.#seen.push(...this.#changes);
      this.#changes = [];
    }
    return effect;
  }

  #begin(effect: Effect): void {
    const { timers, self, log } = this.#context;
    if (effect.type === "wait") {
      const { delay, reason } = effect;
      if (reason === "stopped") log.error("projection has stopped", this.#fields());
      if (delay !== Infinity) timers.startSingle("wait", { type: "waited" }, delay);
      return;
    }
    timers.cancel("wait");
    if (effect.type === "save" && effect.skipped !== undefined) {
      const { id, seq } = effect.skipped;
      log.error("event is skipped", { ...this.#fields(), id, seq });
    }
    (self as unknown as LocalRef<Message>).runWhen(
      this.#carryOut(effect),
      (input) => this.#onEnded(input),
      (error) => this.#onEnded({ type: "storeFailed", error }),
    );
  }

  /** Rejects if a store has failed. */
  async #carryOut(effect: Exclude<Effect, { readonly type: "wait" }>): Promise<Input> {
    const { name, store } = this.#projection;
    const range = this.#range;
    switch (effect.type) {
      case "open": {
        const opened = await store.open(name, range, this.#context.epoch || undefined);
        this.#fence = opened.fence;
        return { type: "opened", ...opened };
      }
      case "read": {
        return { type: "read", ...await this.#nextPage(effect.after) };
      }
      case "save":
        await store.save(name, { range, fence: this.#fence, offsets: effect.offsets });
        return { type: "saved" };
      case "handle":
        if (effect.offsets === this.#fullUpTo) this.#readAhead(effect.offsets);
        return await this.#handleEvents(effect);
    }
  }

  /** Events after a full page are read while those of the page are handled. */
  #readAhead(after: Offsets): void {
    const page = this.#read(after);
    page.catch(() => {});
    this.#ahead = { after, page };
  }

  async #nextPage(after: Offsets): Promise<Page> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead?.after === after) {
      const page = await ahead.page;
      // What was appended since it was read must not wait.
      if (page.isFull) return page;
    }
    return await this.#read(after);
  }

  /** A page of events, without those of others. */
  async #read(after: Offsets): Promise<Page> {
    const { journal, source: { tag, kind }, batchSize: limit } = this.#projection;
    const page = await journal.readSlices({
      slices: this.#range,
      after,
      limit,
      ...(tag !== undefined && { tag }),
    });
    const prefix = kind === undefined ? "" : `${kind}|`;
    const events = page.events.filter(({ id, payload }) =>
      payload.length > 0 && id.startsWith(prefix)
    );
    const isFull = page.events.length === limit;
    if (isFull) this.#fullUpTo = page.next;
    return { events, next: page.next, isFull };
  }

  async #handleEvents(
    { events, offsets, redelivered }: Extract<Effect, { readonly type: "handle" }>,
  ): Promise<Input> {
    const { name, store } = this.#projection;
    const run = new HandlerRun<E, T>(this.#projection, events, redelivered);
    try {
      if (store.transact === undefined) await run.run(undefined as T);
      else {
        const saved = { range: this.#range, fence: this.#fence, offsets };
        await store.transact(name, saved, (transaction) => run.run(transaction));
      }
    } catch (error) {
      const { failure } = run;
      // The store rejects with an error of its own where it cannot say that nothing was stored.
      const isOfStore = failure === undefined
        ? error instanceof PersistenceError
        : failure.error !== error;
      if (isOfStore) throw error;
      // A handler may have hidden the error of a statement: then only the store has seen it.
      const index = failure?.index;
      const { id, seq } = events[index ?? 0]!;
      this.#telemetry.failed();
      const place = index === undefined ? { events: events.length } : { id, seq };
      this.#context.log.warn("projection handler failed", { ...this.#fields(), ...place, error });
      return { type: "handlerFailed", index, error };
    }
    return { type: "handled" };
  }

  #observe(input: Input): void {
    if (input.type === "storeFailed") {
      const { error } = input;
      this.#context.log.warn("store of a projection failed", { ...this.#fields(), error });
    } else if (input.type === "opened") {
      for (const replyTo of this.#seen) replyTo.tell("seen");
      this.#seen = [];
    }
  }

  #fields() {
    const { from, to } = this.#range;
    return { projection: this.#projection.name, from, to };
  }

  #lag(): number {
    const { oldest } = this.#machine.status;
    if (oldest === undefined) return 0;
    return Math.max(0, this.#context.system.runtime.clock.wallTime() - oldest);
  }

  #tellStatus(replyTo: ActorRef<WorkerStatus>): void {
    const { state, handled, skipped, error } = this.#machine.status;
    const status = {
      slices: this.#range,
      state,
      handled,
      skipped,
      lag: this.#lag(),
      error: error === undefined ? undefined : textOf(error),
    };
    void this.#countBehind().then((behind) => replyTo.tell({ ...status, behind }));
  }

  /** Undefined: the journal cannot tell. */
  async #countBehind(): Promise<number | undefined> {
    const { journal, source: { tag } } = this.#projection;
    try {
      return await journal.countSlices?.({
        slices: this.#range,
        after: this.#machine.status.offsets,
        limit: countLimit,
        ...(tag !== undefined && { tag }),
      });
    } catch {
      return undefined;
    }
  }
}

function textOf(error: unknown): string {
  if (error instanceof PersistenceError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
