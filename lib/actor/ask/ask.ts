import { checkOptions } from "../../options/check_options.ts";
import { refusedOption } from "../../options/explain.ts";
import { askDefaults, askTable } from "../../options/tables/actor_tables.ts";
import { type Clock, maxDelay } from "../../runtime/clock.ts";
import type { AskOptions } from "../behavior/ask_options.ts";
import { AskError, AskTimeoutError } from "../errors.ts";
import type { Asker, PendingAsk } from "../ref/asker.ts";
import { localActorOf, LocalRef, type RefHost, TemporaryRef } from "../ref/local_ref.ts";
import { type ActorRef, Ref } from "../ref/ref.ts";
import type { DeadLetterReason } from "../services/dead_letter.ts";
import type { LossLedger } from "../services/loss_ledger.ts";
import { checkCircles } from "./ask_cycle.ts";
import { Deadline, Deadlines } from "./deadlines.ts";

/** Dependencies of asks on their system. */
export interface AskHost extends RefHost {
  readonly runtime: { readonly clock: Clock };
  readonly ledger: LossLedger;
  /** All actors stop; the system takes no new asks. */
  readonly stopping: boolean;
  /** A message that was counted as sent is lost. */
  lose(reason: DeadLetterReason, target: string, message: unknown): void;
}

/** Where the reply references of pending asks are found. */
export const askPath = "/_ask/";

/** A message that waits for its reply. */
class Ask extends Deadline implements PendingAsk {
  readonly replyTo: ReplyRef;
  /** The asking actor, if there is one, and the promise that it holds. */
  asker: Asker | undefined = undefined;
  promise: Promise<unknown> | undefined = undefined;
  awaited = true;
  askedAt = 0;
  readonly target: ActorRef<never>;
  /** The message that was sent. */
  message: unknown = undefined;
  resolve: (value: never) => void = nothing;
  reject: (error: unknown) => void = nothing;
  /** Stops listening to the asker's abort signal. */
  release: () => void = nothing;

  constructor(asks: Asks, target: ActorRef<never>) {
    super();
    this.target = target;
    this.replyTo = new ReplyRef(asks, this);
  }

  refuse(error: AskError): void {
    this.replyTo.asks.refuse(this, error);
  }

  override expire(timeout: number): void {
    this.replyTo.asks.close(this);
    this.reject(new AskTimeoutError(String(this.target), timeout));
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

  /** The ask has its reply, or has ended without one. */
  close(): void {
    this.ask = undefined;
    this.callBack();
  }

  override tell(message: unknown): void {
    this.asks.reply(this, message);
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
  readonly #published = new Map<number, ReplyRef>();
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

  /** Sends the message of `factory`, and waits for the first message to its reply reference. */
  ask<M, R>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => M,
    options: AskOptions | undefined,
    asker: Asker | undefined,
  ): Promise<R> {
    const refusal = this.#refusal(ref, factory, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    const timeout = options?.timeout ?? askDefaults.timeout;
    const ask = new Ask(this, ref);
    const promise = new Promise<R>((resolve, reject) => {
      ask.resolve = resolve;
      ask.reject = reject;
      this.#open++;
      this.#deadlines.add(ask, timeout);
      let message: M;
      try {
        message = factory(ask.replyTo);
      } catch (error) {
        this.#settle(ask);
        return reject(error);
      }
      ask.message = message;
      // The factory may have replied already, and the signal may be aborted meanwhile.
      if (ask.replyTo.ask === undefined) return;
      if (options?.signal !== undefined) this.#heed(options.signal, ask);
      if (ask.replyTo.ask !== undefined) ref.tell(message);
    });
    if (asker !== undefined && !asker.ended && ask.replyTo.ask !== undefined) {
      this.#attach(ask, asker, promise);
    }
    return promise;
  }

  /** The reply reference of an ask that is still pending. */
  find(path: string, uid: number): Ref<unknown> | undefined {
    const reply = this.#published.get(Number(path.slice(askPath.length)));
    return reply?.path === path && (uid === 0 || uid === reply.uid) ? reply : undefined;
  }

  /** Registers a reply reference while its ask is pending; returns its uid. */
  publish(reply: ReplyRef): number {
    const uid = ++this.#lastUid;
    if (reply.ask !== undefined) this.#published.set(uid, reply);
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

  /**
   * A message is lost: fails the ask of this system that sent it, if there is one. Returns the
   * reply reference if the ask is one of another system.
   */
  lost(message: unknown, target: string, reason: DeadLetterReason): Ref<unknown> | undefined {
    const replyTo = findReply(message);
    if (!(replyTo instanceof ReplyRef)) return replyTo;
    // A shutdown rejects all asks with its own error.
    if (this.host.stopping) return undefined;
    const { ask } = replyTo;
    // A message that was passed on to several actors may still get a reply from one of them.
    if (replyTo.asks !== this) return replyTo.asks.lost(message, target, reason);
    if (ask === undefined) return undefined;
    const { target: asked } = ask;
    const isAdapted = asked instanceof TemporaryRef && localActorOf(asked)?.path === target;
    const isSame = ask.message === message || isContent(ask.message, message);
    // A message for an entity may have come back from another node: then it is a copy.
    if (isSame || isAdapted || isForEntity(asked.path, target)) {
      this.refuse(ask, notDelivered(target, reason));
    }
    return undefined;
  }

  /**
   * Another system reports that it has lost a message of this one, which was for `target`; `details`
   * say more about the reason.
   */
  lostElsewhere(
    path: string,
    uid: number,
    target: string,
    reason: DeadLetterReason,
    details?: string,
  ): void {
    const reply = this.find(path, uid);
    const ask = reply instanceof ReplyRef ? reply.ask : undefined;
    if (ask === undefined || !isFor(ask.target.path, target)) return;
    this.refuse(ask, notDelivered(String(ask.target), reason, details));
  }

  /** Another system has been removed: fails the asks of its actors. */
  lostAllOf(node: string): void {
    for (const ask of this.#deadlines.all() as Ask[]) {
      const { target } = ask;
      if (target instanceof Ref && target.node === node) {
        this.refuse(ask, targetDead(String(target)));
      }
    }
  }

  /** Fails the asks for which `isLost` returns true. */
  lostWhere(
    isLost: (target: ActorRef<never>, holder: string | undefined) => boolean,
    reason: DeadLetterReason,
  ): void {
    for (const ask of this.#deadlines.all() as Ask[]) {
      const { target, replyTo: { holder } } = ask;
      if (isLost(target, holder)) this.refuse(ask, notDelivered(String(target), reason));
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
  close({ replyTo, release, asker, promise }: Ask): void {
    this.#open--;
    if (promise !== undefined) asker!.pendingAsks?.delete(promise);
    if (replyTo.published) this.#published.delete(replyTo.uid);
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
    return new AskError("tooManyAsks", `${this.#max} asks wait for a reply already`, {
      value: this.#max,
      remedy: "wait for some of them first, or raise maxPendingAsks of the system",
    });
  }

  #heed(signal: AbortSignal, ask: Ask): void {
    const onAbort = () => {
      if (this.#settle(ask)) ask.reject(aborted(ask.target, signal));
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    ask.release = () => signal.removeEventListener("abort", onAbort);
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

function badArgument(ref: unknown, factory: unknown): Error {
  return typeof factory === "function"
    ? refusedOption("ref", ref, "give the ActorRef to ask")
    : refusedOption("factory", factory, "give a function that makes the message of its replyTo");
}

function notDelivered(target: string, reason: DeadLetterReason, details?: string): AskError {
  if (reason === "stopped" || reason === "noSuchActor") return targetDead(target);
  const why = details === undefined ? reason : `${reason}: ${details}`;
  return new AskError("askNotDelivered", `the message to ${target} was lost: ${why}`, {
    value: target,
  });
}

/** The error for an ask whose target has terminated. */
export function targetDead(target: string): AskError {
  return new AskError("askTargetDead", `${target} has stopped and cannot reply`, {
    value: target,
    remedy: "watch it, or look it up again",
  });
}

function aborted(ref: ActorRef<never>, signal: AbortSignal): AskError {
  return new AskError("askAborted", `the ask of ${ref} was aborted`, {
    value: ref.path,
    cause: signal.reason,
  });
}

/** Fields of a message that are searched for its reply reference. */
const maxFieldsLooked = 32;

/** The reply reference in a message: the message itself, or one of its fields, or one below. */
function findReply(message: unknown): Ref<unknown> | undefined {
  try {
    return findReplyAt(message, 2);
  } catch {
    // A message that throws when it is read, such as a revoked proxy.
    return undefined;
  }
}

function findReplyAt(message: unknown, depth: number): Ref<unknown> | undefined {
  if (message instanceof Ref) return message.path.startsWith(askPath) ? message : undefined;
  if (depth === 0 || typeof message !== "object" || message === null) return undefined;
  // Binary data holds no references, and may have millions of elements.
  if (ArrayBuffer.isView(message)) return undefined;
  let looked = 0;
  for (const key of Array.isArray(message) ? message.keys() : keysOf(message)) {
    if (looked++ === maxFieldsLooked) break;
    // Plain data has no accessors; a careless sender may send some.
    const field = Object.getOwnPropertyDescriptor(message, key);
    const found = findReplyAt(field?.value, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A loop instead of `Object.keys`, which would list all names of a large object first. */
function* keysOf(object: object): Iterable<string> {
  for (const key in object) yield key;
}

/** Whether an envelope holds the message: a lost message may have been unwrapped before. */
function isContent(envelope: unknown, message: unknown): boolean {
  return typeof envelope === "object" && envelope !== null &&
    (envelope as { readonly message?: unknown }).message === message;
}

function nothing(): void {}

/** Whether a message for `target` may be one to the actor at `path`, or to an entity behind it. */
function isFor(path: string, target: string): boolean {
  return path === target || isForEntity(path, target);
}

/** Whether a message for `target` may be one to an entity behind the reference at `path`. */
function isForEntity(path: string, target: string): boolean {
  const region = `/_region-${path.slice(1)}`;
  return target.startsWith(region) &&
    (target.length === region.length || target[region.length] === "/");
}
