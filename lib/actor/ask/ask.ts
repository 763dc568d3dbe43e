import { AdapterRef } from "../ref/adapter_ref.ts";
import { checkCircles, type PendingAsk } from "./ask_cycle.ts";
import type { Cell } from "../cell/cell.ts";
import type { CellHost } from "../cell/cell_host.ts";
import type { DeadLetterReason } from "../system/dead_letter.ts";
import { Awaited, Deadlines } from "./deadlines.ts";
import { EndingRef } from "../ref/ending_ref.ts";
import { ActorError, AskError, AskTimeoutError } from "../errors.ts";
import { LocalRef } from "../ref/local_ref.ts";
import { type ActorRef, Ref } from "../ref/ref.ts";
import { maxDelay } from "../cell/timers.ts";

/** How long and how a reply is waited for. */
export interface AskOptions {
  /** Milliseconds. Default 5 000. */
  readonly timeout?: number;
  /** Gives up when it is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * A message as it is written down where it is made: what the compiler then takes for constant, such
 * as the names of types and the arrays, may stand for what can be changed. It saves `as const`.
 */
export type Written<M> = M | Immutable<M>;

/** All properties and arrays of plain data, read only. */
export type Immutable<T> = T extends readonly (infer E)[] ? readonly Immutable<E>[]
  : T extends (...args: never) => unknown ? T
  : T extends object ? { readonly [K in keyof T]: Immutable<T[K]> }
  : T;

/** Where references to open questions are found. */
export const askPath = "/_ask/";

/** A question that waits for its reply. */
class Question extends Awaited implements PendingAsk {
  readonly replyTo: ReplyRef;
  /** The actor that asks, if one does, and the promise that it was given. */
  asker: Cell | undefined = undefined;
  promise: Promise<unknown> | undefined = undefined;
  awaited = true;
  askedAt = 0;
  readonly target: ActorRef<never>;
  /** The message that asks. */
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

/** The reference that a reply is told to: takes the first message; more are dead letters. */
class ReplyRef extends EndingRef {
  readonly asks: Asks;
  /** Undefined once it is answered. */
  question: Question | undefined;
  #uid = 0;

  constructor(asks: Asks, question: Question) {
    super();
    this.asks = asks;
    this.question = question;
  }

  /** Whoever wants to know it may send it away: from then on it can be found. */
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

  override get host(): CellHost {
    return this.asks.host;
  }

  override get ended(): boolean {
    return this.question === undefined;
  }

  /** The question has an answer, or none is waited for any more. */
  close(): void {
    this.question = undefined;
    this.tellEnd();
  }

  override tell(message: unknown): void {
    this.asks.reply(this, message);
  }
}

/** The questions of one system that wait for a reply. */
export class Asks {
  /** The system. */
  readonly host: CellHost;
  readonly #max: number;
  readonly #deadlines: Deadlines;
  #open = 0;
  /** Those whose reference may have left the system. */
  readonly #published = new Map<number, ReplyRef>();
  #lastUid: number;
  #sweeping = false;

  /** No question yet; at most `max` may be open. Uids begin behind `firstUid`. */
  constructor(host: CellHost, max: number, firstUid: number) {
    this.host = host;
    this.#max = max;
    this.#lastUid = firstUid;
    this.#deadlines = new Deadlines(host.runtime.clock);
  }

  /** Sends what `factory` makes, and waits for the first message to the reference it was given. */
  ask<M, R>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => M,
    options: AskOptions | undefined,
    asker: Cell | undefined,
  ): Promise<R> {
    const timeout = options?.timeout ?? 5_000;
    const refusal = this.#refusal(ref, timeout, options?.signal);
    if (refusal !== undefined) return Promise.reject(refusal);
    const question = new Question(this, ref);
    const promise = new Promise<R>((resolve, reject) => {
      question.resolve = resolve;
      question.reject = reject;
      this.#open++;
      this.#deadlines.add(question, timeout);
      let message: M;
      try {
        message = factory(question.replyTo);
      } catch (error) {
        this.#settle(question);
        return reject(error);
      }
      question.message = message;
      // The factory may have given the reply itself, and the signal may be aborted meanwhile.
      if (question.replyTo.question === undefined) return;
      if (options?.signal !== undefined) this.#heed(options.signal, question);
      if (question.replyTo.question !== undefined) ref.tell(message);
    });
    if (asker !== undefined && !asker.ended && question.replyTo.question !== undefined) {
      this.#attach(question, asker, promise);
    }
    return promise;
  }

  /** The reference of a question that is open still. */
  find(path: string, uid: number): Ref<unknown> | undefined {
    const reply = this.#published.get(Number(path.slice(askPath.length)));
    return reply?.path === path && (uid === 0 || uid === reply.uid) ? reply : undefined;
  }

  /** Makes a reference findable while its question is open; gives its uid. */
  publish(reply: ReplyRef): number {
    const uid = ++this.#lastUid;
    if (reply.question !== undefined) this.#published.set(uid, reply);
    return uid;
  }

  /** Takes a reply. */
  reply(reply: ReplyRef, message: unknown): void {
    const { host } = this;
    const { question } = reply;
    host.ledger.sent++;
    if (question === undefined || !this.#settle(question)) {
      return host.lose("expired", reply.path, message);
    }
    host.ledger.delivered++;
    question.resolve(message as never);
  }

  /**
   * A message is lost: if it was a question of this system, nobody will reply to it. Gives the
   * reference of a question of another system.
   */
  lost(message: unknown, target: string, reason: DeadLetterReason): Ref<unknown> | undefined {
    const replyTo = findReply(message);
    if (!(replyTo instanceof ReplyRef)) return replyTo;
    // In a shutdown all questions are answered with that.
    if (this.host.stopping) return undefined;
    const { question } = replyTo;
    // Who passes a question on to several actors may still get a reply from one of them.
    if (replyTo.asks !== this) return replyTo.asks.lost(message, target, reason);
    if (question === undefined) return undefined;
    const { target: asked } = question;
    const isAdapted = asked instanceof AdapterRef && asked.cell.path === target;
    if (question.message === message || isAdapted || isContent(question.message, message)) {
      this.refuse(question, notDelivered(target, reason));
    }
    return undefined;
  }

  /** Another system says that it has lost a question of this one, which was for `target`. */
  lostElsewhere(path: string, uid: number, target: string, reason: DeadLetterReason): void {
    const reply = this.find(path, uid);
    const question = reply instanceof ReplyRef ? reply.question : undefined;
    if (question === undefined || !isFor(question.target.path, target)) return;
    this.refuse(question, notDelivered(String(question.target), reason));
  }

  /** Another system is gone: nobody there will reply. */
  lostAllOf(node: string): void {
    for (const question of this.#deadlines.all() as Question[]) {
      const { target } = question;
      if (target instanceof Ref && target.node === node) {
        this.refuse(question, targetDead(String(target)));
      }
    }
  }

  /** Ends the questions that nobody will answer, as `isLost` says. */
  lostWhere(
    isLost: (target: ActorRef<never>, message: unknown) => boolean,
    reason: DeadLetterReason,
  ): void {
    for (const question of this.#deadlines.all() as Question[]) {
      const { target, message } = question;
      if (isLost(target, message)) this.refuse(question, notDelivered(String(target), reason));
    }
  }

  /** In a shutdown: whoever waits for a reply of an actor that has stopped is told, soon. */
  sweepLater(makeError: () => Error): void {
    if (this.#open === 0 || this.#sweeping) return;
    this.#sweeping = true;
    this.host.runtime.clock.defer(() => {
      this.#sweeping = false;
      this.#rejectThoseToStopped(makeError());
    });
  }

  #rejectThoseToStopped(error: Error): void {
    for (const question of this.#deadlines.all() as Question[]) {
      const { target } = question;
      if (!(target instanceof LocalRef && target.cell.stopped)) continue;
      if (this.#settle(question)) question.reject(error);
    }
  }

  /** Ends a question with an error, if it is open. */
  refuse(question: Question, error: AskError): void {
    if (this.#settle(question)) question.reject(error);
  }

  /** Rejects all questions: the system stops. */
  rejectAll(error: Error): void {
    this.#deadlines.clear((awaited) => {
      const question = awaited as Question;
      this.close(question);
      question.reject(error);
    });
  }

  /** Forgets a question that is no longer awaited. */
  close({ replyTo, release, asker, promise }: Question): void {
    this.#open--;
    if (promise !== undefined) asker!.existingParts?.questions?.delete(promise);
    if (replyTo.published) this.#published.delete(replyTo.uid);
    replyTo.close();
    release();
  }

  /** Ends a question; false if it has ended before. */
  #settle(question: Question): boolean {
    if (!this.#deadlines.remove(question)) return false;
    this.close(question);
    return true;
  }

  /** An actor asks: it may come to wait for the reply. */
  #attach(question: Question, asker: Cell, promise: Promise<unknown>): void {
    question.asker = asker;
    question.askedAt = asker.step;
    question.promise = promise;
    (asker.parts.questions ??= new Map()).set(promise, question);
    // Later, so that the promise can be given to pipeToSelf first.
    if (asker.waits) this.host.runtime.clock.defer(() => checkCircles(asker));
  }

  #refusal(ref: ActorRef<never>, timeout: number, signal?: AbortSignal): Error | undefined {
    if (!(timeout >= 0 && timeout <= maxDelay)) {
      return new ActorError("badDelay", `an ask cannot wait for ${timeout} ms`, {
        value: timeout,
        remedy: `use 0 to ${maxDelay} milliseconds`,
      });
    }
    if (signal?.aborted) return aborted(ref, signal);
    if (this.#open < this.#max) return undefined;
    return new AskError("tooManyAsks", `${this.#max} asks wait for a reply already`, {
      value: this.#max,
      remedy: "wait for some of them first, or raise maxPendingAsks of the system",
    });
  }

  #heed(signal: AbortSignal, question: Question): void {
    const onAbort = () => {
      if (this.#settle(question)) question.reject(aborted(question.target, signal));
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    question.release = () => signal.removeEventListener("abort", onAbort);
  }
}

function notDelivered(target: string, reason: DeadLetterReason): AskError {
  if (reason === "stopped" || reason === "noSuchActor") return targetDead(target);
  return new AskError("askNotDelivered", `the question to ${target} was lost: ${reason}`, {
    value: target,
  });
}

/** The error for a question to an actor that is gone. */
export function targetDead(target: string): AskError {
  return new AskError("askTargetDead", `${target} has stopped and cannot reply`, {
    value: target,
    remedy: "watch it, or look it up again",
  });
}

function aborted(ref: ActorRef<never>, signal: AbortSignal): AskError {
  return new AskError("askAborted", `the question to ${ref} was aborted`, {
    value: ref.path,
    cause: signal.reason,
  });
}

/** Fields of a message in which its reply reference is looked for. */
const maxFieldsLooked = 32;

/** The reply reference in a question: the message itself, or one of its fields, or one below. */
function findReply(message: unknown): Ref<unknown> | undefined {
  try {
    return findReplyAt(message, 2);
  } catch {
    // A message that cannot even be looked at, such as a revoked proxy.
    return undefined;
  }
}

function findReplyAt(message: unknown, depth: number): Ref<unknown> | undefined {
  if (message instanceof Ref) return message.path.startsWith(askPath) ? message : undefined;
  if (depth === 0 || typeof message !== "object" || message === null) return undefined;
  // Bytes hold none, and there may be millions.
  if (ArrayBuffer.isView(message)) return undefined;
  let looked = 0;
  for (const key of Array.isArray(message) ? message.keys() : keysOf(message)) {
    if (looked++ === maxFieldsLooked) break;
    // Data has no accessors, but whoever sends may be careless.
    const field = Object.getOwnPropertyDescriptor(message, key);
    const found = findReplyAt(field?.value, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Names one after the other, so that those of a large object are not all written down first. */
function* keysOf(object: object): Iterable<string> {
  for (const key in object) yield key;
}

/** Whether an envelope holds the message: what was lost may have been taken out of it before. */
function isContent(envelope: unknown, message: unknown): boolean {
  return typeof envelope === "object" && envelope !== null &&
    (envelope as { readonly message?: unknown }).message === message;
}

function nothing(): void {}

/** Whether a message for `target` may be one to the actor at `path`, or to an entity behind it. */
function isFor(path: string, target: string): boolean {
  if (path === target) return true;
  const region = `/_region-${path.slice(1)}`;
  return target.startsWith(region) &&
    (target.length === region.length || target[region.length] === "/");
}
