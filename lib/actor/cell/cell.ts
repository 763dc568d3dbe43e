/**
 * The cell runs one actor: its mailbox and its current behaviour. How it starts, fails, restarts and
 * stops is in `cell_lifecycle.ts`; what handlers do with it, in `cell_context.ts`. Both know its
 * interface only.
 *
 * @module
 */
import { hashKey } from "../../runtime/hash_key.ts";
import { rules } from "../../runtime/rules.ts";
import type { Span } from "../../runtime/telemetry.ts";
import { Behavior, notABehavior, same } from "../behavior/behavior.ts";
import { InternalMessage } from "../ref/internal_message.ts";
import { AdaptedMessage, isAdapted, isSent, messageOf, SentMessage } from "../ref/sent_message.ts";
import type { Signal } from "../behavior/signal.ts";
import type { SpawnOptions } from "../behavior/spawn_options.ts";
import { type BehaviorTransition, Wrappers } from "../behavior/wrapper.ts";
import { findReply, isAbortedAsk, passAskOn } from "../ask/reply_refs.ts";
import type { PendingAsk, PendingAsks } from "../ref/asker.ts";
import { type AskFailure, failHeldAsks, type HeldAsk, owesAnswer } from "../ref/held_ask.ts";
import type {
  EntityKeeper,
  LocalRef,
  RecoveryFailure,
  TemporaryRef,
  Watcher,
} from "../ref/local_ref.ts";
import { OwnWork } from "../ref/own_work.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { Terminated } from "../ref/terminated.ts";
import type { ActorCell } from "./actor_cell.ts";
import { CellContext } from "./cell_context.ts";
import type { CellObserver } from "./cell_observer.ts";
import type { CellHost } from "./cell_host.ts";
import {
  become,
  beginStop,
  fail,
  finishRestart,
  finishStop,
  restartOnRequest,
  startIncarnation,
} from "./cell_lifecycle.ts";
import { type CellFailure, CellParts } from "./cell_parts.ts";
import {
  attributed,
  blocked,
  ended,
  free,
  fresh,
  mustStop,
  pausing,
  replaced,
  restarting,
  scheduled,
  signalled,
  stopped,
  stopping,
  timed,
  waiting,
  worked,
} from "./cell_status.ts";
import { asSignal, DeathWatch, type WatchEntry } from "./death_watch.ts";
import type { Runnable } from "./dispatcher.ts";
import { Mailbox } from "./mailbox.ts";
import { checkSpawnOptions } from "./mailbox_bounds.ts";
import type { ReceiveTimeout } from "./receive_timeout.ts";
import { firing, signalling } from "./slow_handlers.ts";
import { limitWait, suspend, type SuspendedWork } from "./suspension.ts";
import {
  type SettledWork,
  type SystemMessage,
  SystemMessageQueue,
} from "./system_message_queue.ts";
import { TracedMessage, untraced } from "../ref/traced_message.ts";
import type { Parkable, TurnGate } from "./turn_gate.ts";

// Bound here: see `rules.ts`.
const dropsExpired = rules.expiredAsksAreDropped;

/** Stands for a message that was not handled. */
const dropped = Symbol("dropped");

/**
 * See the module's text. All cells have one hidden class. A cell is its own reference: one object
 * less for each actor, and one step less for each message.
 */
export class Cell extends Mailbox implements ActorCell, Runnable, Parkable {
  // Hot fields first: they share a cache line or two.
  override readonly host: CellHost;
  /** Bits of `cell_status.ts`. */
  #status = fresh;
  behavior: Behavior<never>;
  #context: CellContext | undefined = undefined;
  #parts: CellParts | undefined = undefined;
  override heldAsks: HeldAsk | undefined = undefined;
  override readonly parent: Cell | undefined;
  override readonly path: string;
  override readonly uid: number;
  readonly initial: Behavior<never>;
  wrappers = Wrappers.none;

  /** Starts in a later turn; messages sent before wait. */
  constructor(
    host: CellHost,
    parent: Cell | undefined,
    path: string,
    behavior: Behavior<never>,
    options: SpawnOptions | undefined,
  ) {
    super(checkSpawnOptions(options)?.mailbox);
    if (!(behavior instanceof Behavior) || !isFirst(behavior)) throw notABehavior(path, behavior);
    this.host = host;
    this.parent = parent;
    this.path = path;
    this.uid = host.nextUid();
    this.initial = behavior;
    this.behavior = behavior;
    if (options?.stashCapacity !== undefined) {
      this.parts.stashCapacity = options.stashCapacity;
    }
    host.register(this);
    this.wake();
  }

  override get node(): string {
    return this.host.nodeAddress;
  }

  override tell(message: unknown): void {
    this.accept(message);
  }

  override tellSent(sent: SentMessage): void {
    this.#status |= attributed;
    this.accept(sent);
  }

  enqueue(kept: unknown): boolean {
    if (isSent(kept)) this.#status |= attributed;
    return this.accept(kept);
  }

  override get ended(): boolean {
    return (this.#status & ended) !== 0;
  }

  override get stopped(): boolean {
    return (this.#status & stopped) !== 0;
  }

  override get waits(): boolean {
    return (this.#status & waiting) !== 0;
  }

  get isStopping(): boolean {
    return (this.#status & (ended | mustStop)) !== 0;
  }

  get isRestarting(): boolean {
    return (this.#status & restarting) !== 0;
  }

  override get isEnding(): boolean {
    return (this.#status & (mustStop | stopping | restarting)) !== 0;
  }

  get isReplaced(): boolean {
    return (this.#status & replaced) !== 0;
  }

  get parts(): CellParts {
    return this.#parts ??= new CellParts();
  }

  get existingParts(): CellParts | undefined {
    return this.#parts;
  }

  get failure(): CellFailure | undefined {
    return this.#parts?.failure;
  }

  set failure(failure: CellFailure) {
    this.parts.failure = failure;
  }

  get context(): CellContext {
    return this.#context ??= new CellContext(this);
  }

  override get terminated(): Terminated {
    const { failure } = this;
    return failure === undefined
      ? { type: "terminated", ref: this, reason: "stopped" }
      : { type: "terminated", ref: this, reason: "failed", cause: failure.cause };
  }

  override get pendingAsks(): PendingAsks | undefined {
    return this.#parts?.pendingAsks;
  }

  override get stashed(): number {
    return this.#parts?.stash?.size ?? 0;
  }

  get held(): number {
    return this.size + this.stashed;
  }

  /** Puts a message into the mailbox. False if it is lost. */
  private accept(message: unknown): boolean {
    const { host } = this;
    host.ledger.sent++;
    const { running } = host;
    if (running !== undefined && running.heldAsks !== undefined) {
      passAskOn(running, this, messageOf(message));
    }
    if (host.messageCheck !== undefined && !isAdapted(message)) {
      host.messageCheck.check(this.path, messageOf(message));
    }
    if ((this.#status & ended) !== 0) {
      host.lose("stopped", this.path, message);
      return false;
    }
    const { tracer } = host;
    const kept = this.push(tracer === undefined ? message : tracer.slotOf(message));
    if ((this.#status & (scheduled | waiting | pausing)) === 0) {
      this.#status |= scheduled;
      host.dispatcher.schedule(this);
    }
    return kept;
  }

  protected override drop(message: unknown): void {
    this.host.lose("mailboxFull", this.path, untraced(message));
  }

  enqueueSystem(message: SystemMessage): void {
    if (this.ended) return;
    (this.parts.systemMessages ??= new SystemMessageQueue()).add(this.nextPosition, message);
    this.#status |= signalled;
    this.wake();
  }

  override runWhen<T>(
    promise: Promise<T>,
    onFulfilled: (value: T) => unknown,
    onRejected: (reason: unknown) => unknown,
  ): void {
    const { parts, context } = this;
    parts.owed++;
    const settle = (run: () => unknown) => {
      parts.owed--;
      this.enqueueSystem({ type: "own", run, context });
      // It may lead to the next promise: then the stop waits on.
      if (parts.owed === 0 && parts.stopWaits !== undefined) this.stopInTurn();
    };
    promise.then(
      (value) => settle(() => onFulfilled(value)),
      (reason) => settle(() => onRejected(reason)),
    );
  }

  /**
   * Whether an incarnation that has failed waits for what it owes, at most for the stop timeout: what it
   * has sent to a store must not arrive after the next one has read it.
   */
  private awaitsOwed(): boolean {
    const parts = this.#parts;
    if (parts === undefined || parts.owed === 0 || !rules.restartsAwaitWrites) return false;
    // An actor that was told to stop does not come back.
    const isTold = (this.#status & stopping) !== 0 && parts.failure === undefined;
    if (isTold || parts.endIsLate) return false;
    const { runtime: { clock }, stopTimeout } = this.host;
    parts.endWaits ??= clock.schedule(stopTimeout, () => {
      parts.endIsLate = true;
      this.wake();
    });
    return true;
  }

  /** Whether a promise of the incarnation is not settled, or what is to be done then has not had its turn. */
  private owes(): boolean {
    const { owed, systemMessages } = this.parts;
    return owed > 0 || rules.stopsAwaitSettledWork && systemMessages?.hasSettledWork === true;
  }

  /** Waits for what the actor owes; at most for the stop timeout. */
  private stopLater(): void {
    const { runtime: { clock }, stopTimeout } = this.host;
    this.parts.stopWaits ??= clock.schedule(stopTimeout, () => {
      this.enqueueSystem({ type: "stopInTurn", waits: false });
    });
  }

  override onTerminated(signal: Terminated): void {
    this.enqueueSystem(signal);
  }

  override stop(): void {
    if ((this.#status & (ended | mustStop)) !== 0) return;
    this.#status |= mustStop;
    if (this.waits) limitWait(this);
    if ((this.#status & pausing) !== 0) {
      this.#status &= ~pausing;
      this.parts.restart!.timer?.cancel();
    }
    // To stop, it need not wait until its gate opens.
    if (this.host.dispatcher.gate?.unpark(this)) this.resume();
    this.wake();
  }

  override stopReplaced(): void {
    if ((this.#status & (stopped | replaced)) !== 0) return;
    const { isStopping } = this;
    this.#status |= replaced;
    if (!isStopping) return this.stop();
    if (this.waits) limitWait(this);
    for (const child of this.#parts?.children?.values() ?? []) child.stopReplaced();
  }

  override stopInTurn(): void {
    if ((this.#status & mustStop) === 0) this.enqueueSystem({ type: "stopInTurn", waits: true });
  }

  override whenStopped(callback: () => void): () => void {
    if (this.stopped) {
      callback();
      return () => {};
    }
    const callbacks = this.parts.onStopped ??= new Set();
    callbacks.add(callback);
    return () => void callbacks.delete(callback);
  }

  override watch(target: ActorRef<never>): void {
    this.context.watch(target);
  }

  override addWatcher(watcher: Watcher): void {
    (this.parts.watch ??= new DeathWatch(this)).addWatcher(watcher);
  }

  override removeWatcher(watcher: Watcher): void {
    this.#parts?.watch?.removeWatcher(watcher);
  }

  override keepEntities(keeper: EntityKeeper): void {
    this.parts.entities = keeper;
  }

  override get entities(): EntityKeeper | undefined {
    return this.#parts?.entities;
  }

  override isBusy(withTimers: boolean): boolean {
    const idle = attributed | timed;
    return (this.#status & ~idle) !== 0 || this.size > 0 ||
      (this.#parts?.isBusy(withTimers) ?? false) ||
      (this.heldAsks !== undefined && rules.unansweredAsksAreWork &&
        owesAnswer(this, this.host.runtime.clock.now()));
  }

  override addPendingAsk(promise: Promise<unknown>, ask: PendingAsk): void {
    (this.parts.pendingAsks ??= new Map()).set(promise, ask);
  }

  override get forwards(): boolean {
    return this.#parts?.forwards ?? false;
  }

  override becomeForwarder(): void {
    this.parts.forwards = true;
  }

  override get entityPath(): string | undefined {
    return this.parent?.existingParts?.entities?.pathOf(this);
  }

  override takeInternalMessages(): void {
    this.parts.takesInternalMessages = true;
  }

  findAdapter(path: string): TemporaryRef | undefined {
    return this.#parts?.adapters?.find(path);
  }

  spawnChild(path: string, behavior: Behavior<never>, options?: SpawnOptions): LocalRef<unknown> {
    return new Cell(this.host, this, path, behavior, options);
  }

  nextNumber(): number {
    return ++this.parts.numbered;
  }

  onStashed(): void {
    const { host, parts, step } = this;
    // The first that is stashed in a handler run is the message at hand.
    if (this.behavior.kind !== "receive" || parts.stashedAt === step) host.ledger.sent++;
    else host.ledger.delivered--;
    parts.stashedAt = step;
  }

  /** What a stash keeps of a message: its sender and trace, and of the message at hand its deadline as well. */
  attribute(message: unknown): unknown {
    const { tracer } = this.host;
    const kept = this.attributed(message);
    return tracer === undefined ? kept : tracer.slotOf(kept);
  }

  private attributed(message: unknown): unknown {
    const { current } = this;
    if (current === undefined || current.message === message) return current ?? message;
    const { sender } = current;
    return sender === undefined ? message : new SentMessage(sender, message);
  }

  get current(): SentMessage | undefined {
    return this.#context?.current;
  }

  /** What an ask has sent must not outlive its handler here. */
  private forgetCurrent(): void {
    if (this.#context !== undefined) this.#context.current = undefined;
  }

  override get step(): number {
    return this.waits ? this.parts.suspension!.step : this.host.step;
  }

  unstash(messages: readonly unknown[]): void {
    for (let i = messages.length - 1; i >= 0; i--) {
      if (isSent(untraced(messages[i]))) this.#status |= attributed;
      this.unshift(messages[i]);
    }
  }

  override adopt(messages: readonly unknown[]): void {
    this.host.ledger.sent += messages.length;
    this.unstash(messages);
    this.wake();
  }

  override activity(withTimers: boolean): number {
    const parts = this.#parts;
    const own = parts === undefined ? 0 : parts.attended + (withTimers ? parts.firedTimers : 0);
    return this.nextPosition + own;
  }

  /** Runs up to `budget` due messages, signals and timers. */
  run(budget: number): number {
    const { host } = this;
    host.running = this;
    const { turns } = host;
    // In a method of its own: this one must stay small enough to be inlined.
    if (turns !== undefined && --turns.left < 0) return this.runObserved(budget, host.observer!);
    let handled = 0;
    while (handled < budget) {
      if ((this.#status & ~attributed) !== scheduled) {
        const step = this.attend();
        if (step === blocked) return this.rest(handled);
        if (step === worked) {
          handled++;
          continue;
        }
      }
      if (this.size === 0) return this.rest(handled);
      handled++;
      this.handle(this.shift());
    }
    host.running = undefined;
    host.dispatcher.schedule(this);
    return handled;
  }

  get isFresh(): boolean {
    return (this.#status & fresh) !== 0;
  }

  get upNext(): unknown {
    const status = this.#status;
    const message = (status & signalled) !== 0 ? this.#parts!.systemMessages! : undefined;
    if (message !== undefined && this.hasPassed(message.position)) {
      return message.next.type === "firedTimer" ? firing : signalling;
    }
    return this.size === 0 ? signalling : messageOf(untraced(this.peek()));
  }

  get accountable(): string {
    return this.parent?.existingParts?.entities === undefined ? this.path : this.parent.path;
  }

  /** The same, with an observer. */
  private runObserved(budget: number, observer: CellObserver): number {
    const { host } = this;
    let turn = observer.onTurn(this.path, this.size);
    let handled = 0;
    let called = 0;
    let isResting = false;
    while (handled < budget) {
      if ((this.#status & ~attributed) !== scheduled) {
        const step = this.attend();
        isResting = step === blocked;
        if (isResting) break;
        if (step === worked) {
          handled++;
          if (called === 0 && turn !== undefined) observer.onFirst(turn);
          continue;
        }
      }
      isResting = this.size === 0;
      if (isResting) break;
      handled++;
      called++;
      const span = this.observe(observer, this.shift());
      if (!this.waits) {
        span?.end();
        continue;
      }
      if (turn !== undefined) observer.onSuspend(turn, called);
      if (turn !== undefined || span !== undefined) {
        this.parts.observedRun = { observer, turn, span };
      }
      turn = undefined;
    }
    if (turn !== undefined) observer.onTurnEnd(turn, called);
    if (isResting) return this.rest(handled);
    host.running = undefined;
    host.dispatcher.schedule(this);
    return handled;
  }

  /**
   * The gate is closed: of what belongs to an entity only the end runs, if it was told to stop at
   * once. All else waits, and keeps its order.
   */
  runGated(budget: number, gate: TurnGate): number {
    if (!this.isGated()) return this.run(budget);
    const { host } = this;
    host.running = this;
    while ((this.#status & (waiting | stopped | pausing)) === 0) {
      if ((this.#status & mustStop) !== 0) beginStop(this);
      else if ((this.#status & stopping) === 0) {
        host.running = undefined;
        gate.park(this);
        return 0;
      } else if ((this.#parts?.children?.size ?? 0) > 0) break;
      else finishStop(this);
    }
    return this.rest(0);
  }

  /** Whether it is an entity, or belongs to one. */
  private isGated(): boolean {
    for (let above = this.parent; above !== undefined; above = above.parent) {
      if (above.existingParts?.entities !== undefined) return true;
    }
    return false;
  }

  /** The gate is open: it gets the turn that it was scheduled for. */
  resume(): void {
    this.host.dispatcher.schedule(this);
  }

  private rest(handled: number): number {
    this.host.running = undefined;
    this.#status &= ~scheduled;
    if ((this.#status & (attributed | waiting)) === attributed) this.forgetCurrent();
    return handled;
  }

  /** Runs one step that precedes the next message. */
  private attend(): number {
    const status = this.#status;
    if ((status & (waiting | stopped | pausing)) !== 0) return blocked;
    if ((status & fresh) !== 0) {
      this.#status &= ~fresh;
      startIncarnation(this, "start");
      this.host.dispatcher.started();
    } else if ((status & mustStop) !== 0) {
      beginStop(this);
    } else if ((status & (stopping | restarting)) !== 0) {
      if ((this.#parts?.children?.size ?? 0) > 0 || this.awaitsOwed()) return blocked;
      if ((status & stopping) !== 0) finishStop(this);
      else finishRestart(this);
    } else if (
      (status & signalled) !== 0 && this.hasPassed(this.#parts!.systemMessages!.position)
    ) {
      this.takeSystemMessage();
    } else {
      if ((status & timed) !== 0 && this.size > 0) this.#parts!.receiveTimeout!.received();
      return free;
    }
    return worked;
  }

  private takeSystemMessage(): void {
    const parts = this.#parts!;
    const { systemMessages, timers, watch } = parts;
    const message = systemMessages!.take();
    if (systemMessages!.empty) this.#status &= ~signalled;
    if (message.type === "firedTimer") parts.firedTimers++;
    // A receive timeout says that nothing has happened.
    else if (message.type !== "receiveTimedOut") parts.attended++;
    switch (message.type) {
      case "terminated":
        return this.takeTerminated(message, watch?.claim(message));
      case "firedTimer":
        return timers?.claim(message);
      case "receiveTimedOut":
        if (message.source.claim()) this.deliverOwn(message.source.message);
        return;
      case "childFailed":
        return this.signal(message);
      case "escalated":
        fail(this, message.cause, message.ref);
        // The actor continues without that child.
        if ((this.#status & (restarting | ended)) !== 0) return;
        return this.signal({ type: "childFailed", ref: message.ref, cause: message.cause });
      case "own":
        // Of an incarnation before a restart: what it has left is lost.
        if (message.context === this.#context) this.runOwn(message);
        return;
      case "stopInTurn":
        if (!message.waits || !this.owes()) return beginStop(this);
        this.stopLater();
        // What it owed has come, and has its turn after this message.
        if (parts.owed === 0) this.stopInTurn();
    }
  }

  private takeTerminated(signal: Terminated, entry: WatchEntry | undefined): void {
    if (entry === undefined) return;
    if (entry.message === asSignal) this.signal(signal);
    else this.deliverOwn(entry.message);
  }

  deliverOwn(message: unknown): void {
    if (message instanceof OwnWork) return this.runOwn(message);
    this.host.ledger.sent++;
    if ((this.#status & timed) !== 0) this.#parts!.receiveTimeout!.received();
    this.host.observer?.onOwnHandler?.(this.path);
    this.handle(message);
  }

  private runOwn({ run }: SettledWork | OwnWork): void {
    const { host, parts } = this;
    host.observer?.onOwnHandler?.(this.path);
    if (this.#context !== undefined) this.#context.current = undefined;
    // Nothing that is stashed now can be the message at hand.
    parts.stashedAt = ++host.step;
    let next: unknown;
    try {
      next = run();
    } catch (error) {
      return fail(this, error);
    }
    if (next !== same) this.apply(next, "signal", undefined);
  }

  private handle(kept: unknown): void {
    const { host } = this;
    let message = kept;
    if ((this.#status & attributed) !== 0) {
      message = this.open(kept);
      if (message === dropped) return;
    }
    host.ledger.delivered++;
    host.step++;
    let next: unknown;
    try {
      if ((this.#status & attributed) !== 0 && message === kept) message = this.translate(kept);
      next = this.behavior.onMessage!(this.context as never, message as never);
    } catch (error) {
      return this.fail(error, messageOf(message));
    }
    if (next !== same) this.apply(next, "message", message);
  }

  /** The message itself, or what an adapter has to translate; `dropped` if its asker has given up. */
  private open(kept: unknown): unknown {
    const { context } = this;
    if (!isSent(kept)) {
      context.current = undefined;
      return kept;
    }
    if (this.dropsExpired(kept)) return dropped;
    context.current = kept;
    if (kept instanceof InternalMessage && this.#parts?.takesInternalMessages !== true) {
      this.handlePayload(kept);
      return dropped;
    }
    return kept instanceof AdaptedMessage ? kept : kept.message;
  }

  /** The behaviour does not know messages of the library: it gets what one holds, if anything. */
  private handlePayload(kept: InternalMessage): void {
    const { host } = this;
    const { payload } = kept;
    host.ledger.delivered++;
    if (payload === undefined) return kept.onIgnored();
    host.step++;
    let next: unknown;
    try {
      next = this.behavior.onMessage!(this.context as never, payload as never);
    } catch (error) {
      return this.fail(error, payload);
    }
    // What is handled later has been handled once it has ended well.
    if (next instanceof Promise) next.then(() => kept.onHandled(), () => {});
    else kept.onHandled();
    if (next !== same) this.apply(next, "message", payload);
  }

  /** The message that an adapter makes; any other as it is. */
  private translate(kept: unknown): unknown {
    if (!isAdapted(kept)) return kept;
    const message = kept.map(kept.message);
    this.context.current = kept.with(message);
    this.host.messageCheck?.check(this.path, message);
    return message;
  }

  /** Loses a message without handling it if its asker has given up. */
  private dropsExpired(kept: SentMessage): boolean {
    const { host } = this;
    if (!dropsExpired) return false;
    const isAborted = host.abortedAsks > 0 && isAbortedAsk(kept.message);
    if (!isAborted && !kept.hasExpired(host.dispatcher)) return false;
    host.lose("expired", this.path, kept);
    return true;
  }

  /** Handles a message, within its trace if it has one. Returns its span, which has not ended. */
  private observe(observer: CellObserver, slot: unknown): Span | undefined {
    observer.onHandler?.(this.path, slot);
    if (!(slot instanceof TracedMessage)) {
      this.handle(slot);
      return undefined;
    }
    const { message } = slot;
    // One that is not handled has no span.
    if ((this.#status & attributed) !== 0 && isSent(message) && this.dropsExpired(message)) {
      return undefined;
    }
    return observer.runTraced(this.path, slot, () => this.handle(message));
  }

  private signal(signal: Signal): void {
    const { onSignal } = this.behavior;
    if (onSignal === undefined) return;
    const { host, parts } = this;
    host.observer?.onOwnHandler?.(this.path);
    this.forgetCurrent();
    // Nothing that is stashed now can be the message at hand.
    parts.stashedAt = ++host.step;
    let next: unknown;
    try {
      next = onSignal(this.context as never, signal);
    } catch (error) {
      return fail(this, error);
    }
    if (next !== same) this.apply(next, "signal", signal);
  }

  /** Applies the result of a handler. */
  apply(next: unknown, kind: SuspendedWork, subject: unknown): void {
    if (!(next instanceof Behavior)) return suspend(this, next, kind, subject);
    switch (next.kind) {
      case "same":
        return;
      case "receive":
        this.behavior = this.wrappers.around(next);
        return;
      case "setup":
      case "wrapped":
        return become(this, next, { kind: "next", wrappers: [], levels: 0 });
      case "stopped":
        return beginStop(this);
      case "restart":
        return restartOnRequest(this);
      case "unhandled":
        if (kind !== "message") return;
        this.host.failAsk(this, subject, notHandled);
        if (this.host.eventStream.hasListeners("unhandledMessage")) {
          this.host.eventStream.publish({
            type: "unhandledMessage",
            ref: this,
            message: subject,
          });
        }
    }
  }

  fail(error: unknown, message?: unknown): void {
    if (message !== undefined) {
      this.host.failAsk(this, message, { reason: "handlerFailed", cause: error });
    }
    fail(this, error);
  }

  askedInMailbox(): Set<HeldAsk> {
    const asks = new Set<HeldAsk>();
    this.forEachWaiting((kept) => {
      const ask = askIn(kept);
      if (ask !== undefined) asks.add(ask);
    });
    return asks;
  }

  override failAsk(message: unknown, failure: AskFailure): void {
    this.host.failAsk(this, message, failure);
  }

  override failHandledAsks(failure: AskFailure): void {
    if (this.heldAsks === undefined) return;
    const unhandled = this.askedInMailbox();
    this.#parts?.stash?.forEach((kept) => {
      const ask = askIn(kept);
      if (ask !== undefined) unhandled.add(ask);
    });
    failHeldAsks(this, failure, unhandled);
  }

  override loseWaitingAsks(failure: AskFailure & { readonly reason: RecoveryFailure }): void {
    const others: unknown[] = [];
    while (this.size > 0) {
      const kept = this.shift();
      if (askIn(kept) === undefined) others.push(kept);
      else this.host.loseTold(failure, this.path, untraced(kept));
    }
    for (let i = others.length - 1; i >= 0; i--) this.unshift(others[i]);
    this.parent?.existingParts?.entities?.onNotRecovered(this, failure);
  }

  become(behavior: Behavior<never>, transition: BehaviorTransition): void {
    become(this, behavior, transition);
  }

  childStopped(child: LocalRef<unknown>, failed: boolean): void {
    const children = this.#parts?.children;
    const name = child.path.slice(this.path.length + 1);
    const key = hashKey(name);
    if (children?.get(key) === child) children.delete(key);
    this.#parts?.entities?.onStopped(child, failed);
    if ((this.#status & (stopping | restarting)) !== 0 && children?.size === 0) this.wake();
  }

  takeWaiting(): unknown {
    return this.shift();
  }

  setWaiting(waits: boolean): void {
    if (waits) {
      this.#status |= waiting;
      return;
    }
    this.#status &= ~waiting;
    this.forgetCurrent();
    const observedRun = this.#parts?.observedRun;
    if (observedRun === undefined) return;
    this.#parts!.observedRun = undefined;
    observedRun.observer.onDone(observedRun);
  }

  replaceReceiveTimeout(next: ReceiveTimeout | undefined): void {
    const parts = next === undefined ? this.#parts : this.parts;
    parts?.receiveTimeout?.cancel();
    if (parts !== undefined) parts.receiveTimeout = next;
    if (next === undefined) this.#status &= ~timed;
    else this.#status |= timed;
  }

  dropSystemMessages(): void {
    const messages = this.#parts?.systemMessages;
    messages?.clear();
    if (messages?.empty ?? true) this.#status &= ~signalled;
  }

  beginRestarting(): void {
    this.#status |= restarting;
  }

  pauseRestart(delay: number): void {
    this.#status |= pausing;
    this.parts.restart!.timer = this.host.runtime.clock.schedule(delay, () => {
      this.#status &= ~pausing;
      this.wake();
    });
  }

  endRestarting(): void {
    const { parts } = this;
    parts.endWaits?.cancel();
    parts.endWaits = undefined;
    parts.endIsLate = false;
    this.#context?.close();
    this.#context = undefined;
    this.#status &= ~restarting;
  }

  beginStopping(): void {
    this.#status = (this.#status & (scheduled | restarting | replaced)) | stopping;
  }

  endStopping(): CellParts | undefined {
    this.#status = stopped | (this.#status & scheduled);
    const parts = this.#parts;
    this.#parts = undefined;
    // Its watchers ask for it later.
    if (parts?.failure !== undefined) this.failure = parts.failure;
    this.forgetCurrent();
    this.#context = undefined;
    this.behavior = same as Behavior<never>;
    this.release();
    return parts;
  }

  /** `run` has thrown: other actors must not suffer from that. */
  crashed(error: unknown): void {
    this.host.running = undefined;
    this.#status &= ~scheduled;
    fail(this, error);
    this.wake();
  }

  wakeIfBusy(): void {
    if (this.#status !== 0 || this.size > 0) this.wake();
  }

  /** Schedules a turn, unless one is scheduled, or the actor is suspended or stopped. */
  wake(): void {
    if ((this.#status & (scheduled | waiting | stopped | pausing)) !== 0) return;
    this.#status |= scheduled;
    this.host.dispatcher.schedule(this);
  }
}

/** What an asker is told when the actor does not handle its message. */
const notHandled = { reason: "invalidMessage", details: "the actor does not handle it" } as const;

/** The ask whose message a mailbox or a stash keeps. */
function askIn(kept: unknown): HeldAsk | undefined {
  return findReply(messageOf(untraced(kept)))?.heldAsk;
}

/** Whether an actor can start with it. */
function isFirst({ kind }: Behavior<never>): boolean {
  return kind === "receive" || kind === "setup" || kind === "wrapped" || kind === "stopped";
}
