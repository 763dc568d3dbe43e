/**
 * The cell runs one actor: its mailbox and its current behaviour. How it begins, fails and ends is
 * in `cell_life.ts`.
 *
 * @module
 */
import { Behavior, same } from "../behavior/behavior.ts";
import { CellContext } from "./cell_context.ts";
import type { CellHost } from "./cell_host.ts";
import {
  become,
  begin,
  beginAgain,
  beginRestart,
  beginStop,
  fail,
  finish,
  notABehavior,
} from "./cell_lifecycle.ts";
import { CellParts } from "./cell_parts.ts";
import {
  blocked,
  ended,
  free,
  fresh,
  mustStop,
  noticed,
  pausing,
  restarting,
  scheduled,
  stopped,
  stopping,
  timed,
  waiting,
  worked,
} from "./cell_status.ts";
import { DeathWatch, theSignal, type Watched } from "./death_watch.ts";
import type { Runnable } from "./dispatcher.ts";
import type { LocalRef } from "../ref/local_ref.ts";
import { Mailbox } from "./mailbox.ts";
import { type SystemMessage, SystemMessageQueue } from "./system_message_queue.ts";
import type { Signal, Terminated } from "../behavior/signal.ts";
import type { SpawnOptions } from "../behavior/spawn_options.ts";
import { checkStashCapacity } from "./stash.ts";
import { limitWait, suspend, type Suspended } from "./suspension.ts";
import { Wrappers } from "../behavior/wrapper.ts";

/**
 * See the module's text. All cells have one hidden class. A cell is its own reference: one object
 * less for each actor, and one step less for each message.
 */
export class Cell extends Mailbox implements Runnable {
  // What every message touches comes first: it shares a cache line or two.
  readonly host: CellHost;
  /** Bits of `cell_status.ts`. */
  status = fresh;
  /** What it does with its next message; `initial` while it has not begun. */
  behavior: Behavior<never>;
  #context: CellContext | undefined = undefined;
  #parts: CellParts | undefined = undefined;
  readonly parent: Cell | undefined;
  override readonly path: string;
  override readonly uid: number;
  /** What it begins with. */
  readonly initial: Behavior<never>;
  /** Supervision, hooks, interceptors and spies around its behaviour. */
  wrappers = Wrappers.none;
  /** Why it stops, if it has failed. */
  failure: { readonly cause: unknown; readonly escalated: boolean } | undefined = undefined;

  /** Starts in the background; messages told before wait. */
  constructor(
    host: CellHost,
    parent: Cell | undefined,
    path: string,
    behavior: Behavior<never>,
    options: SpawnOptions | undefined,
  ) {
    super(options?.mailbox);
    if (!(behavior instanceof Behavior) || !isFirst(behavior)) throw notABehavior(path, behavior);
    this.host = host;
    this.parent = parent;
    this.path = path;
    this.uid = host.nextUid();
    this.initial = behavior;
    this.behavior = behavior;
    if (options?.stashCapacity !== undefined) {
      this.parts.stashCapacity = checkStashCapacity(options.stashCapacity);
    }
    host.register(this);
    this.wake();
  }

  override get cell(): Cell {
    return this;
  }

  /** What others know it by. */
  get ref(): LocalRef<unknown> {
    return this;
  }

  override get node(): string {
    return this.host.nodeAddress;
  }

  override tell(message: unknown): void {
    this.enqueue(message);
  }

  /** Whether it takes no more messages. */
  get ended(): boolean {
    return (this.status & ended) !== 0;
  }

  /** Whether it is gone. */
  get stopped(): boolean {
    return (this.status & stopped) !== 0;
  }

  /** Whether a handler's promise is pending. */
  get waits(): boolean {
    return (this.status & waiting) !== 0;
  }

  /** What only some cells have; made by the first look. */
  get parts(): CellParts {
    return this.#parts ??= new CellParts();
  }

  /** The same, if it has been made. */
  get existingParts(): CellParts | undefined {
    return this.#parts;
  }

  /** Whom it watches, and who watches it. */
  get deathWatch(): DeathWatch {
    return this.parts.watch ??= new DeathWatch(this);
  }

  /** What its handlers are given. */
  get context(): CellContext {
    return this.#context ??= new CellContext(this);
  }

  /** What those who watch it are told when it is gone. */
  get terminated(): Terminated {
    const { ref, failure } = this;
    return failure === undefined
      ? { type: "terminated", ref, reason: "stopped" }
      : { type: "terminated", ref, reason: "failed", cause: failure.cause };
  }

  override get setAside(): number {
    return this.#parts?.stash?.size ?? 0;
  }

  /** Messages that wait, the stash included. */
  get held(): number {
    return this.size + this.setAside;
  }

  /** Takes a message from anybody. False if it is lost. */
  enqueue(message: unknown): boolean {
    const { host } = this;
    host.ledger.sent++;
    host.messageCheck?.check(this.path, message);
    if ((this.status & ended) !== 0) {
      host.lose("stopped", this.path, message);
      return false;
    }
    const kept = this.push(message);
    if ((this.status & (scheduled | waiting | pausing)) === 0) {
      this.status |= scheduled;
      host.dispatcher.schedule(this);
    }
    return kept;
  }

  protected override drop(message: unknown): void {
    this.host.lose("mailboxFull", this.path, message);
  }

  /** Takes a signal or a fired timer: in order with messages, and never dropped. */
  notice(notice: SystemMessage): void {
    if (this.ended) return;
    (this.parts.notices ??= new SystemMessageQueue()).add(this.nextPosition, notice);
    this.status |= noticed;
    this.wake();
  }

  /** Stops when the running handler is through, before any message that waits. */
  stop(): void {
    if ((this.status & (ended | mustStop)) !== 0) return;
    this.status |= mustStop;
    if (this.waits) limitWait(this);
    if ((this.status & pausing) !== 0) {
      this.status &= ~pausing;
      this.parts.restart!.timer?.cancel();
    }
    this.wake();
  }

  /** Stops when it has handled what it was given before. */
  stopInTurn(): void {
    if ((this.status & mustStop) === 0) this.notice({ type: "stopInTurn" });
  }

  /** Calls back when it has stopped. Answers how to take that back. */
  whenStopped(callback: () => void): () => void {
    if (this.stopped) {
      callback();
      return () => {};
    }
    const callbacks = this.parts.onStopped ??= new Set();
    callbacks.add(callback);
    return () => void callbacks.delete(callback);
  }

  /** The message that is handled was put into the stash: the first that is, in each handler. */
  takeBack(): void {
    const { host, parts, step } = this;
    if (this.behavior.kind !== "receive" || parts.takenBackAt === step) host.ledger.sent++;
    else host.ledger.delivered--;
    parts.takenBackAt = step;
  }

  /** Tells the runs of handlers apart: that of the one that runs now, or is suspended. */
  get step(): number {
    return this.waits ? this.parts.suspension!.step : this.host.step;
  }

  /** Puts messages before all that wait. */
  putBack(messages: readonly unknown[]): void {
    for (let i = messages.length - 1; i >= 0; i--) this.unshift(messages[i]);
  }

  /** Runs whatever is due: up to `budget` messages, signals and timers. */
  run(budget: number): number {
    const { host } = this;
    host.running = this;
    let handled = 0;
    while (handled < budget) {
      if (this.status !== scheduled) {
        const step = this.#attend();
        if (step === blocked) return this.#rest(handled);
        if (step === worked) {
          handled++;
          continue;
        }
      }
      if (this.size === 0) return this.#rest(handled);
      handled++;
      this.#handle(this.shift());
    }
    host.running = undefined;
    host.dispatcher.schedule(this);
    return handled;
  }

  #rest(handled: number): number {
    this.host.running = undefined;
    this.status &= ~scheduled;
    return handled;
  }

  /** Takes one step of what goes before the next message. */
  #attend(): number {
    const { status } = this;
    if ((status & (waiting | stopped | pausing)) !== 0) return blocked;
    if ((status & fresh) !== 0) {
      this.status &= ~fresh;
      begin(this, "first");
    } else if ((status & mustStop) !== 0) {
      beginStop(this);
    } else if ((status & (stopping | restarting)) !== 0) {
      if ((this.#parts?.children?.size ?? 0) > 0) return blocked;
      if ((status & stopping) !== 0) finish(this);
      else beginAgain(this);
    } else if ((status & noticed) !== 0 && this.hasPassed(this.#parts!.notices!.position)) {
      this.#takeNotice();
    } else {
      if ((status & timed) !== 0 && this.size > 0) this.#parts!.receiveTimeout!.received();
      return free;
    }
    return worked;
  }

  #takeNotice(): void {
    const { notices, timers, watch } = this.#parts!;
    const notice = notices!.take();
    if (notices!.empty) this.status &= ~noticed;
    switch (notice.type) {
      case "terminated":
        return this.#onTerminated(notice, watch?.claim(notice));
      case "firedTimer":
        return timers?.claim(notice);
      case "receiveTimedOut":
        if (notice.source.claim()) this.deliverOwn(notice.source.message);
        return;
      case "childFailed":
        return this.#signal(notice);
      case "escalated":
        fail(this, notice.cause, notice.ref);
        // It goes on, without that child.
        if ((this.status & (restarting | ended)) !== 0) return;
        return this.#signal({ type: "childFailed", ref: notice.ref, cause: notice.cause });
      case "failure":
        return fail(this, notice.error);
      case "stopInTurn":
        return beginStop(this);
    }
  }

  #onTerminated(notice: Terminated, watched: Watched | undefined): void {
    if (watched === undefined) return;
    if (watched.message === theSignal) this.#signal(notice);
    else this.deliverOwn(watched.message);
  }

  /** Handles a message that the actor has arranged for itself. */
  deliverOwn(message: unknown): void {
    this.host.ledger.sent++;
    if ((this.status & timed) !== 0) this.#parts!.receiveTimeout!.received();
    this.#handle(message);
  }

  #handle(message: unknown): void {
    const { host } = this;
    host.ledger.delivered++;
    host.step++;
    let next: unknown;
    try {
      next = this.behavior.onMessage!(this.context as never, message as never);
    } catch (error) {
      return fail(this, error);
    }
    if (next !== same) this.apply(next, "message", message);
  }

  #signal(signal: Signal): void {
    const { onSignal } = this.behavior;
    if (onSignal === undefined) return;
    const { host, parts } = this;
    // Nothing that is stashed now can be the message at hand.
    parts.takenBackAt = ++host.step;
    let next: unknown;
    try {
      next = onSignal(this.context as never, signal);
    } catch (error) {
      return fail(this, error);
    }
    if (next !== same) this.apply(next, "signal", signal);
  }

  /** Applies what a handler has answered. */
  apply(next: unknown, kind: Suspended, subject: unknown): void {
    if (!(next instanceof Behavior)) return suspend(this, next, kind, subject);
    switch (next.kind) {
      case "same":
        return;
      case "receive":
        this.behavior = this.wrappers.around(next);
        return;
      case "setup":
      case "wrapped":
        return become(this, next, { how: "later", wrappers: [], levels: 0 });
      case "stopped":
        return beginStop(this);
      case "restart":
        return beginRestart(this, undefined, 0);
      case "unhandled":
        if (kind === "message" && this.host.eventStream.hears("unhandledMessage")) {
          this.host.eventStream.publish({
            type: "unhandledMessage",
            ref: this.ref,
            message: subject,
          });
        }
    }
  }

  /** A child has stopped: its name is free. */
  childStopped(child: Cell): void {
    const children = this.#parts?.children;
    const name = child.path.slice(this.path.length + 1);
    if (children?.get(name) === child) children.delete(name);
    this.#parts?.entities?.onStopped(child);
    if ((this.status & (stopping | restarting)) !== 0 && children?.size === 0) this.wake();
  }

  /** Lets go of everything: it has stopped. Gives what was attached to it. */
  dispose(): CellParts | undefined {
    const parts = this.#parts;
    this.#parts = undefined;
    this.#context = undefined;
    this.behavior = same as Behavior<never>;
    this.release();
    return parts;
  }

  /** Takes the oldest message without handling it. Only when there is one. */
  discard(): unknown {
    return this.shift();
  }

  /** What was to be run has thrown: nobody else must suffer from that. */
  crashed(error: unknown): void {
    this.host.running = undefined;
    this.status &= ~scheduled;
    fail(this, error);
    this.wake();
  }

  /** What handlers of an incarnation before still hold has no effect any more. */
  closeContext(): void {
    this.#context?.close();
    this.#context = undefined;
  }

  /** Asks for a turn, if it has none coming and may have one. */
  wake(): void {
    if ((this.status & (scheduled | waiting | stopped | pausing)) !== 0) return;
    this.status |= scheduled;
    this.host.dispatcher.schedule(this);
  }
}

/** Whether an actor can begin with it. */
function isFirst({ kind }: Behavior<never>): boolean {
  return kind === "receive" || kind === "setup" || kind === "wrapped" || kind === "stopped";
}
