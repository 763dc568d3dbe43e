import { checkOptions } from "../../options/check_options.ts";
import { refusedOption } from "../../options/explain.ts";
import { askDefaults, askTable } from "../../options/tables/actor_tables.ts";
import { type Clock, maxDelay } from "../../runtime/clock.ts";
import type { AskOptions } from "../behavior/ask_options.ts";
import { AskError, AskTimeoutError, longerTimeout } from "../errors.ts";
import type { Asker, PendingAsk } from "../ref/asker.ts";
import {
  type AskedActor,
  type AskFailure,
  type HeldAsk,
  holdAsk,
  releaseAsk,
  severalActors,
} from "../ref/held_ask.ts";
import { localActorOf, LocalRef, type RefHost, TemporaryRef } from "../ref/local_ref.ts";
import { type ActorRef, Ref } from "../ref/ref.ts";
import { askPath } from "../ref/reply_path.ts";
import type { DeadLetterReason } from "../services/dead_letter.ts";
import type { LossLedger } from "../services/loss_ledger.ts";
import { checkCircles } from "./ask_cycle.ts";
import { askFailed } from "./ask_failure.ts";
import { type Deadline, Deadlines, type Line } from "./deadlines.ts";
import { findReply } from "./reply_refs.ts";
import { rules } from "../../runtime/rules.ts";
import { SentMessage } from "../ref/sent_message.ts";

// Bound here: see `rules.ts`.
const inheritsDeadlines = rules.innerAsksInheritDeadlines;

/** Dependencies of asks on their system. */
export interface AskHost extends RefHost {
  readonly runtime: { readonly clock: Clock };
  readonly ledger: LossLedger;
  /** All actors stop; the system takes no new asks. */
  readonly stopping: boolean;
  /** The ask whose message is sent or delivered now, until an actor holds it. */
  askAtHand: HeldAsk | undefined;
  /** Called when an ask was aborted whose message went to another system. */
  onAskAborted: ((replyTo: TemporaryRef) => void) | undefined;
  /** An ask that another system has passed on to an actor here fails. False: it has passed on none. */
  returnedAskLost(replyTo: Ref<unknown>, failure: AskFailure): boolean;
  /** A message that was counted as sent is lost. */
  lose(reason: DeadLetterReason, target: string, message: unknown): void;
}

/** A message that waits for its reply. */
class Ask extends SentMessage implements Deadline, PendingAsk, HeldAsk {
  line: Line | undefined = undefined;
  before: Deadline | undefined = undefined;
  after: Deadline | undefined = undefined;
  readonly replyTo: ReplyRef;
  /** The asking actor, if there is one, and the promise that it holds. */
  asker: Asker | undefined = undefined;
  promise: Promise<unknown> | undefined = undefined;
  awaited = true;
  askedAt = 0;
  readonly target: ActorRef<never>;
  /**
   * Whether its deadline is that of the ask whose message the asker handles; once nobody waits for the
   * reply any more, which has not come: `"gaveUp"`.
   */
  state: "own" | "inherited" | "gaveUp" = "own";
  resolve: (value: never) => void = nothing;
  reject: (error: unknown) => void = nothing;
  /** Stops listening to the asker's abort signal. */
  release: () => void = nothing;
  heldBy: AskedActor | undefined = undefined;
  heldBefore: HeldAsk | undefined = undefined;
  heldAfter: HeldAsk | undefined = undefined;

  constructor(asks: Asks, target: ActorRef<never>) {
    super(undefined, undefined);
    this.target = target;
    this.replyTo = new ReplyRef(asks, this);
  }

  refuse(error: AskError): void {
    this.replyTo.asks.refuse(this, error);
  }

  onHeld(): void {}

  onReleased(): void {}

  fail(failure: AskFailure): void {
    const { asks } = this.replyTo;
    if (!asks.host.returnedAskLost(this.replyTo, failure)) asks.fail(this, failure);
  }

  expire(timeout: number): void {
    const limit = this.state === "inherited" ? "deadline" : timeout;
    this.state = "gaveUp";
    const isInRouter = isRouter(this.target) && (this.heldBy as unknown) === this.target;
    const obstacle = this.target instanceof Ref ? this.target.obstacle : undefined;
    const lack = isInRouter ? noRouteeYet : obstacle ?? lackOf(this.message);
    this.replyTo.asks.close(this);
    this.reject(new AskTimeoutError(String(this.target), limit, undefined, lack));
  }

  /** Once it has its reply, or has failed, nothing has to be done in time. */
  override remaining(): number {
    const { line, time } = this;
    if (line === undefined) return this.hasExpired() ? 0 : Infinity;
    return time === Infinity ? line.timeout : time - this.replyTo.host.runtime.clock.now();
  }

  override deadline(): number | undefined {
    const { line, time } = this;
    if (line === undefined) return this.hasExpired() ? time : undefined;
    return time === Infinity ? this.replyTo.host.runtime.clock.now() + line.timeout : time;
  }

  override hasExpired(): boolean {
    return this.state === "gaveUp";
  }

  override with(message: unknown): SentMessage {
    return new AskContent(this, message);
  }
}

/** A part of the message of an ask, which is sent on alone. */
class AskContent extends SentMessage {
  readonly ask: Ask;

  constructor(ask: Ask, message: unknown) {
    super(undefined, message);
    this.ask = ask;
  }

  override remaining(): number {
    return this.ask.remaining();
  }

  override deadline(): number | undefined {
    return this.ask.deadline();
  }

  override hasExpired(): boolean {
    return this.ask.hasExpired();
  }

  override with(message: unknown): SentMessage {
    return new AskContent(this.ask, message);
  }
}

/** The reply reference: takes the first message; later ones are dead letters. */
class ReplyRef extends TemporaryRef {
  readonly asks: Asks;
  /** Undefined once it is answered. */
  ask: Ask | undefined;
  #uid = 0;

  constructor(asks: Asks, ask: Ask) {
    super();
    this.asks = asks;
    this.ask = ask;
  }

  /** A reader of the uid may send it to another system: from then on it can be found. */
  override get uid(): number {
    return this.#uid ||= this.asks.publish(this);
  }

  /** Whether it can be found. */
  get published(): boolean {
    return this.#uid !== 0;
  }

  override get path(): string {
    return askPath + this.uid;
  }

  override get host(): AskHost {
    return this.asks.host;
  }

  /** It is no actor that takes the reply. */
  override get actor(): undefined {
    return undefined;
  }

  override get ended(): boolean {
    return this.ask === undefined;
  }

  override get isReply(): boolean {
    return true;
  }

  override get heldAsk(): HeldAsk | undefined {
    return this.ask;
  }

  override get deadline(): number | undefined {
    return this.ask?.deadline();
  }

  /** The ask has its reply, or has ended without one. */
  close(): void {
    this.ask = undefined;
    this.callBack();
  }

  override tell(message: unknown): void {
    this.asks.reply(this, message);
  }
}

/** Places of {@linkcode PublishedRefs}; a power of two. */
const publishedPlaces = 1_024;

/**
 * Reply references by number. Most have a place in an array, which is reused: when a map that has become
 * old gets a new table, V8 collects the former one, and what was in it, in a full collection only. With
 * some asks pending all the time, that would be all asks.
 */
class PublishedRefs {
  /** The latest of a number and those that differ from it by a multiple of the places. */
  #places: (ReplyRef | undefined)[] | undefined;
  /** Those whose place was taken. */
  readonly #others = new Map<number, ReplyRef>();

  find(uid: number): ReplyRef | undefined {
    const placed = this.#places?.[uid & (publishedPlaces - 1)];
    return placed?.uid === uid ? placed : this.#others.get(uid);
  }

  add(uid: number, ref: ReplyRef): void {
    const places = this.#places ??= new Array(publishedPlaces).fill(undefined);
    const place = uid & (publishedPlaces - 1);
    if (places[place] === undefined) places[place] = ref;
    else this.#others.set(uid, ref);
  }

  delete(ref: ReplyRef): void {
    const places = this.#places!;
    const place = ref.uid & (publishedPlaces - 1);
    if (places[place] === ref) places[place] = undefined;
    else this.#others.delete(ref.uid);
  }
}

/** The pending asks of one system. */
export class Asks {
  /** The system. */
  readonly host: AskHost;
  readonly #max: number;
  readonly #deadlines: Deadlines;
  #open = 0;
  /** Asks whose reply reference may have left the system. */
  readonly #published = new PublishedRefs();
  #lastUid: number;
  #sweeping = false;

  /** At most `max` asks may be pending. Uids start after `firstUid`. */
  constructor(host: AskHost, max: number, firstUid: number) {
    this.host = host;
    this.#max = max;
    this.#lastUid = firstUid;
    this.#deadlines = new Deadlines(host.runtime.clock);
  }

  /** How many asks wait for a reply. */
  get pending(): number {
    return this.#open;
  }

  /**
   * Sends the message of `factory`, and waits for the first message to its reply reference. `within`:
   * the message that the asker handles; if that is of an ask, this one is over with it.
   */
  ask<M, R>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => M,
    options: AskOptions | undefined,
    asker: Asker | undefined,
    within?: SentMessage,
  ): Promise<R> {
    const refusal = this.#refusal(ref, factory, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    const timeout = options?.timeout ?? askDefaults.timeout;
    const left = within === undefined ? Infinity : within.remaining(this.host.runtime.clock);
    const inherits = inheritsDeadlines && left < timeout && !isAnswered(within!);
    if (inherits && left <= 0) return Promise.reject(deadlinePassed(String(ref)));
    const ask = new Ask(this, ref);
    // Nothing else in here: so small, the engine needs no closure.
    const promise = new Promise<R>((resolve, reject) => {
      ask.resolve = resolve;
      ask.reject = reject;
    });
    this.#open++;
    if (!inherits) this.#deadlines.add(ask, timeout);
    else {
      ask.state = "inherited";
      this.#deadlines.addWithin(ask, left, askOf(within!));
    }
    try {
      this.#send(ask, ref, factory(ask.replyTo as never), options?.signal);
    } catch (error) {
      if (this.#settle(ask)) ask.reject(error);
    }
    if (asker !== undefined && !asker.ended && ask.replyTo.ask !== undefined) {
      this.#attach(ask, asker, promise);
    }
    return promise;
  }

  /** The reply reference of an ask that is still pending. */
  find(path: string, uid: number): Ref<unknown> | undefined {
    if (path === askPath) return this.#published.find(uid);
    const reply = this.#published.find(Number(path.slice(askPath.length)));
    return reply?.path === path && (uid === 0 || uid === reply.uid) ? reply : undefined;
  }

  /** Registers a reply reference while its ask is pending; returns its uid. */
  publish(reply: ReplyRef): number {
    const uid = ++this.#lastUid;
    if (reply.ask !== undefined) this.#published.add(uid, reply);
    return uid;
  }

  /** Takes a reply. */
  reply(reply: ReplyRef, message: unknown): void {
    const { host } = this;
    const { ask } = reply;
    host.ledger.sent++;
    if (ask === undefined || !this.#settle(ask)) {
      return host.lose("expired", reply.path, message);
    }
    host.ledger.delivered++;
    ask.resolve(message as never);
  }

  /** The actor behind the target has to answer from now on. */
  #send<M>(ask: Ask, ref: ActorRef<M>, message: M, signal: AbortSignal | undefined): void {
    ask.message = message;
    // The factory may have replied already, or have aborted the ask.
    if (ask.replyTo.ask === undefined) return;
    if (signal !== undefined && !this.#heed(signal, ask)) return;
    if (!(ref instanceof Ref)) return ref.tell(message);
    const { asked } = ref;
    if (asked !== undefined) holdAsk(asked, ask);
    else if (ref.forwards) return this.#sendOn(ask, ref);
    ref.tellSent(ask);
  }

  /** What is behind the reference finds the ask at hand. */
  #sendOn(ask: Ask, ref: Ref<never>): void {
    const { host } = this;
    host.askAtHand = ask;
    try {
      ref.tellSent(ask);
    } finally {
      host.askAtHand = undefined;
    }
  }

  /**
   * A message is lost: fails the ask that has sent it, if there is one and nobody else may answer.
   * Returns the reply reference if the ask is one of another system, which has to judge that.
   */
  lost(message: unknown, target: string, failure: AskFailure): Ref<unknown> | undefined {
    const replyTo = findReply(message);
    if (!(replyTo instanceof ReplyRef)) {
      const held = replyTo?.heldAsk;
      if (held === undefined || held.heldBy === severalActors) return undefined;
      if (held.heldBy === undefined) return replyTo;
      releaseAsk(held);
      held.fail(failure);
      return undefined;
    }
    // A shutdown rejects all asks with its own error.
    if (this.host.stopping) return undefined;
    const { ask } = replyTo;
    if (replyTo.asks !== this) return replyTo.asks.lost(message, target, failure);
    if (ask === undefined || ask.heldBy === severalActors) return undefined;
    if (concerns(ask, message, target)) {
      this.fail(ask, isDelivery(message) ? ofDelivery(failure) : failure);
    } else this.host.returnedAskLost(replyTo, failure);
    return undefined;
  }

  /**
   * An actor has been given the message of an ask, and will not answer it. Returns the reply reference
   * if the ask is one of another system, which has to judge that.
   */
  unanswered(
    actor: AskedActor & { readonly path: string },
    message: unknown,
    failure: AskFailure,
  ): Ref<unknown> | undefined {
    const held = findReply(message)?.heldAsk;
    if (held === undefined || !rules.failuresFailAsks) return undefined;
    // Another actor has to answer.
    if (held.heldBy !== undefined && held.heldBy !== actor) return undefined;
    return this.lost(message, actor.path, failure);
  }

  /** Another system reports that it has lost a message of this one, which was for `target`. */
  lostElsewhere(path: string, uid: number, target: string, failure: AskFailure): void {
    const reply = this.find(path, uid);
    const ask = reply instanceof ReplyRef ? reply.ask : undefined;
    if (ask === undefined || ask.heldBy === severalActors) return;
    if (isFor(ask.target.path, target) || isRouter(ask.target)) this.fail(ask, failure);
  }

  /**
   * Another system has been removed: fails the asks of its actors. If it did not leave in order, what
   * was routed there is lost as well; else it has answered, reported or passed on all that it had.
   */
  lostAllOf(node: string, inOrder: boolean): void {
    for (const ask of this.#deadlines.all() as Ask[]) {
      const { target } = ask;
      if (!(target instanceof Ref)) continue;
      if (!inOrder && isRoutedTo(node, ask) || target.node === node && !target.forwards) {
        this.fail(ask, { reason: "ownerLost" });
      }
    }
  }

  /** What was routed to a node has another owner now: fails the asks for which `isMeant` is true. */
  lostOwner(node: string, isMeant: (target: ActorRef<never>, message: unknown) => boolean): void {
    for (const ask of this.#deadlines.all() as Ask[]) {
      if (!isRoutedTo(node, ask) || !isMeant(ask.target, ask.message)) continue;
      this.fail(ask, { reason: "ownerLost" });
    }
  }

  /** Fails the asks for which `isLost` returns true. */
  lostWhere(
    isLost: (target: ActorRef<never>, holder: string | undefined) => boolean,
    reason: DeadLetterReason,
  ): void {
    for (const ask of this.#deadlines.all() as Ask[]) {
      if (isLost(ask.target, ask.replyTo.holder)) this.fail(ask, { reason });
    }
  }

  /** In a shutdown: rejects the asks of actors that have stopped, in a later microtask. */
  sweepLater(makeError: () => Error): void {
    if (this.#open === 0 || this.#sweeping) return;
    this.#sweeping = true;
    this.host.runtime.clock.defer(() => {
      this.#sweeping = false;
      this.#rejectAsksOfStopped(makeError());
    });
  }

  #rejectAsksOfStopped(error: Error): void {
    for (const ask of this.#deadlines.all() as Ask[]) {
      const { target } = ask;
      if (!(target instanceof LocalRef && target.stopped)) continue;
      if (this.#settle(ask)) ask.reject(error);
    }
  }

  /** Ends an ask with the error for its failure, if it is pending. */
  fail(ask: Ask, failure: AskFailure): void {
    // A shutdown rejects all asks with its own error.
    if (!this.host.stopping) this.refuse(ask, askFailed(nameOf(ask), failure, ask.target.path));
  }

  /** Ends an ask with an error, if it is pending. */
  refuse(ask: Ask, error: AskError): void {
    if (this.#settle(ask)) ask.reject(error);
  }

  /** Rejects all asks: the system stops. */
  rejectAll(error: Error): void {
    this.#deadlines.clear((awaited) => {
      const ask = awaited as Ask;
      this.close(ask);
      ask.reject(error);
    });
  }

  /** Forgets an ask whose deadline was removed. */
  close(ask: Ask): void {
    const { replyTo, release, asker, promise } = ask;
    this.#open--;
    releaseAsk(ask);
    if (promise !== undefined) asker!.pendingAsks?.delete(promise);
    if (replyTo.published) this.#published.delete(replyTo);
    replyTo.close();
    release();
  }

  /** Ends an ask; false if it has ended before. */
  #settle(ask: Ask): boolean {
    if (!this.#deadlines.remove(ask)) return false;
    this.close(ask);
    return true;
  }

  /** An actor asks: its handler may wait for the reply. */
  #attach(ask: Ask, asker: Asker, promise: Promise<unknown>): void {
    ask.asker = asker;
    ask.askedAt = asker.step;
    ask.promise = promise;
    asker.addPendingAsk(promise, ask);
    // Deferred, so that the promise can be passed to pipeToSelf first.
    if (asker.waits) this.host.runtime.clock.defer(() => checkCircles(asker));
  }

  #refusal(
    ref: ActorRef<never>,
    factory: unknown,
    options: AskOptions | undefined,
  ): Error | undefined {
    if (typeof factory !== "function" || typeof ref?.tell !== "function") {
      return badArgument(ref, factory);
    }
    if (options !== undefined) {
      const bad = isUsual(options) ? undefined : optionError(options);
      if (bad !== undefined) return bad;
      if (options.signal?.aborted) return aborted(ref, options.signal);
    }
    if (this.#open < this.#max) return undefined;
    const details = `${this.#max} wait already`;
    return askFailed(String(ref), { reason: "tooManyAsks", details }, this.#max);
  }

  /** Ends the ask when the signal aborts. False if it has aborted already. */
  #heed(signal: AbortSignal, ask: Ask): boolean {
    const onAbort = () => {
      if (!this.#settle(ask)) return;
      ask.state = "gaveUp";
      ask.time = this.host.runtime.clock.now();
      ask.reject(aborted(ask.target, signal));
      if (ask.replyTo.holder !== undefined) this.host.onAskAborted?.(ask.replyTo);
    };
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener("abort", onAbort);
      ask.release = () => signal.removeEventListener("abort", onAbort);
    }
    return !signal.aborted;
  }
}

/**
 * Fast path: whether options need no check against the table. A whole ask takes less than 200 ns, so
 * the check by the table (30 ns) is for options that do not pass this one.
 */
function isUsual(options: AskOptions): boolean {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return false;
  for (const name in options) if (name !== "timeout" && name !== "signal") return false;
  const { timeout, signal } = options;
  return signal === undefined && typeof timeout === "number" && timeout >= 0 &&
    timeout <= maxDelay;
}

function optionError(options: AskOptions): Error | undefined {
  try {
    checkOptions(askTable, options);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** The remedy if a router has not passed the message of an ask on. */
const noRouteeYet = "it has waited in the router: start an actor that the router routes to";

/** Why no actor can reply to the message of an ask, for one that has had no reply. */
function lackOf(message: unknown): string | undefined {
  if (message instanceof Promise) {
    return "give ask a function that returns the message itself: it has returned a promise";
  }
  // The search is not deep: nothing is certain.
  return findReply(message) === undefined
    ? "put replyTo, which the function is given, into the message: none was found in its fields"
    : undefined;
}

/** When the asker of the message at hand gives up; undefined: nobody waits, or not any more. */
export function deadlineOf(sent: SentMessage, clock: Clock): number | undefined {
  const deadline = sent.deadline(clock);
  return deadline !== undefined && isAnswered(sent) ? undefined : deadline;
}

/** Whether a message of an ask elsewhere was answered: only its reply reference knows. */
function isAnswered(sent: SentMessage): boolean {
  return askOf(sent) === undefined && findReply(sent.message)?.replied === true;
}

/** The ask of this process that has sent a message. */
function askOf(sent: SentMessage): Ask | undefined {
  if (sent instanceof Ask) return sent;
  return sent instanceof AskContent ? sent.ask : undefined;
}

function badArgument(ref: unknown, factory: unknown): Error {
  return typeof factory === "function"
    ? refusedOption("ref", ref, "give the ActorRef to ask")
    : refusedOption("factory", factory, "give a function that makes the message of its replyTo");
}

function deadlinePassed(target: string): AskError {
  const message = `${target} was not asked: the deadline of the message at hand has passed`;
  return new AskError("askExpired", message, {
    reason: "expired",
    value: target,
    remedy: longerTimeout,
  });
}

function aborted(ref: ActorRef<never>, signal: AbortSignal): AskError {
  return askFailed(String(ref), { reason: "aborted", cause: signal.reason }, ref.path);
}

/** The target of an ask, and the entity if it is one. */
function nameOf({ target, message }: Ask): string {
  if (!(target instanceof Ref) || !target.forwards || target instanceof LocalRef) {
    return `${target}`;
  }
  const entityId: unknown = (message as { readonly entityId?: unknown } | null)?.entityId;
  return isShortText(entityId) ? `${target.path} (entity "${entityId}")` : target.path;
}

/** Whether a value is worth showing as an id. */
function isShortText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 100;
}

/** Whether a lost message is that of the ask, and not one to an actor that it was passed on to. */
function concerns({ target, message: asked }: Ask, message: unknown, lostAt: string): boolean {
  if (asked === message || isContent(asked, message) || isRouter(target)) return true;
  if (isDelivery(message) && (asked === message[1] || isContent(asked, message[1]))) return true;
  const isAdapted = target instanceof TemporaryRef && localActorOf(target)?.path === lostAt;
  // A message for an entity may have come back from another node: then it is a copy.
  return isAdapted || isForEntity(target.path, lostAt);
}

/** Whether an ask was passed on to a node, and to no other actor. */
function isRoutedTo(node: string, { target, replyTo: { holder }, heldBy }: Ask): boolean {
  return holder === node && heldBy !== severalActors && target instanceof Ref && target.forwards;
}

/** Whether the target only passes messages on, each to one actor that has to answer. */
function isRouter(target: ActorRef<never>): boolean {
  return target instanceof LocalRef && target.forwards;
}

/** Whether an envelope holds the message: a lost message may have been unwrapped before. */
function isContent(envelope: unknown, message: unknown): boolean {
  return typeof envelope === "object" && envelope !== null &&
    (envelope as { readonly message?: unknown }).message === message;
}

/** What is sent for an entity: its id, the message and an epoch. */
export function isDelivery(message: unknown): message is readonly [string, unknown, number] {
  return Array.isArray(message) && message.length === 3 && typeof message[0] === "string";
}

/** The place in what was sent, as a place in the message of the asker. */
function ofDelivery(failure: AskFailure): AskFailure {
  const details = failure.details?.replaceAll("message[1]", "message");
  return details === undefined ? failure : { ...failure, details };
}

function nothing(): void {}

/** Whether a message for `target` may be one to the actor at `path`, or to an entity behind it. */
function isFor(path: string, target: string): boolean {
  return path === target || isForEntity(path, target);
}

/**
 * Whether a message for `target` may be one to an entity behind the reference at `path`, which is that
 * of a type, or below it of one entity.
 */
function isForEntity(path: string, target: string): boolean {
  const end = path.indexOf("/", 1);
  const region = `/_region-${path.slice(1, end < 0 ? undefined : end)}`;
  return target.startsWith(region) &&
    (target.length === region.length || target[region.length] === "/");
}
