import type { Clock, Timer } from "../runtime/clock.ts";
import { AskError, AskTimeoutError } from "./errors.ts";
import { type ActorRef, Ref } from "./ref.ts";

/** How long and how a reply is waited for. */
export interface AskOptions {
  /** Milliseconds. Default 5 000. */
  readonly timeout?: number;
  /** Gives up when it is aborted. */
  readonly signal?: AbortSignal;
}

/** Questions that may wait for a reply at once. */
const maxPendingAsks = 100_000;

/** The reference that a reply is told to: takes the first message, ignores the rest. */
class ReplyRef extends Ref<unknown> {
  readonly path: string;
  readonly uid: number;
  readonly #asks: Asks;
  resolve: (value: never) => void = () => {};
  reject: (error: Error) => void = () => {};
  timer: Timer | undefined;
  /** Stops listening to the asker's abort signal. */
  release: () => void = () => {};

  constructor(asks: Asks, uid: number) {
    super();
    this.#asks = asks;
    this.uid = uid;
    this.path = `/_ask/${uid}`;
  }

  override get node(): string {
    return this.#asks.nodeAddress();
  }

  override tell(message: unknown): void {
    if (this.#asks.settle(this)) this.resolve(message as never);
  }
}

/** The questions of one system that wait for a reply. */
export class Asks {
  /** Address of the system, for replies from other nodes. */
  readonly nodeAddress: () => string;
  readonly #clock: Clock;
  readonly #pending = new Map<number, ReplyRef>();
  #lastUid = 0;

  /** No question yet. */
  constructor(clock: Clock, nodeAddress: () => string) {
    this.#clock = clock;
    this.nodeAddress = nodeAddress;
  }

  /** Sends what `factory` makes, and waits for the first message to the reference it was given. */
  ask<M, R>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => M,
    options: AskOptions = {},
  ): Promise<R> {
    const { timeout = 5_000, signal } = options;
    const target = String(ref);
    if (signal?.aborted) return Promise.reject(aborted(target, signal));
    if (this.#pending.size >= maxPendingAsks) {
      return Promise.reject(
        new AskError("tooManyAsks", `${maxPendingAsks} asks wait for a reply already`, {
          value: target,
          remedy: "wait for some of them first",
        }),
      );
    }
    const reply = new ReplyRef(this, ++this.#lastUid);
    return new Promise<R>((resolve, reject) => {
      reply.resolve = resolve;
      reply.reject = reject;
      this.#pending.set(reply.uid, reply);
      reply.timer = this.#clock.schedule(timeout, () => {
        if (this.settle(reply)) reject(new AskTimeoutError(target, timeout));
      });
      if (signal !== undefined) {
        const onAbort = () => {
          if (this.settle(reply)) reject(aborted(target, signal));
        };
        signal.addEventListener("abort", onAbort);
        reply.release = () => signal.removeEventListener("abort", onAbort);
      }
      let message: M;
      try {
        message = factory(reply);
      } catch (error) {
        this.settle(reply);
        return reject(error);
      }
      ref.tell(message);
    });
  }

  /** The reference of a question that still waits. */
  find(uid: number): Ref<unknown> | undefined {
    return this.#pending.get(uid);
  }

  /** Ends a question; false if it has ended before. */
  settle(reply: ReplyRef): boolean {
    if (!this.#pending.delete(reply.uid)) return false;
    reply.timer?.cancel();
    reply.release();
    return true;
  }

  /** Rejects all questions: the system stops. */
  rejectAll(error: Error): void {
    for (const reply of [...this.#pending.values()]) {
      if (this.settle(reply)) reply.reject(error);
    }
  }
}

function aborted(target: string, signal: AbortSignal): AskError {
  return new AskError("askAborted", `the question to ${target} was aborted`, {
    value: target,
    cause: signal.reason,
  });
}
