import { messageTypeOf } from "../../actor/ref/message_type.ts";
import type { HandlerTrace } from "../../actor/services/handler_trace.ts";
import type { SystemInternals } from "../../actor/system/system_internals.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { printed } from "../printed.ts";
import { Ring } from "../ring.ts";

/** A message that an actor has begun to handle. */
export interface TracedMessageFact {
  readonly number: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly path: string;
  readonly messageType: string;
  /** The message; absent: contents are not shown. */
  readonly message?: string;
}

/** The messages of the actors below a path. */
export interface TraceFacts {
  readonly path: string;
  /** Messages that were handled since somebody looks. */
  readonly seen: number;
  /** The last that were kept, the newest first. */
  readonly messages: readonly TracedMessageFact[];
}

const kept = 200;
/** Messages that are kept in a second; the rest is counted only. */
const perSecond = 50;
/** Milliseconds after the last look at which it ends. */
const lookTime = 10_000;
/** Paths that are traced at a time. */
const maxPaths = 8;

interface TracedPath {
  readonly messages: Ring<TracedMessageFact>;
  seen: number;
  second: number;
  taken: number;
  until: number;
}

/**
 * Shows the messages that the actors below a path handle, while somebody looks. Until then, and ten
 * seconds later again, no actor is observed.
 */
export class MessageTrace implements HandlerTrace {
  readonly #internals: SystemInternals;
  readonly #clock: Clock;
  readonly #peek: boolean;
  readonly #paths = new Map<string, TracedPath>();
  #timer: Timer | undefined;

  /** `peek`: whether contents are kept. */
  constructor(internals: SystemInternals, clock: Clock, peek: boolean) {
    this.#internals = internals;
    this.#clock = clock;
    this.#peek = peek;
  }

  /** What the actor at the path, and those below it, handle. The first look begins it. */
  look(path: string): TraceFacts {
    const now = this.#clock.now();
    this.#expire(now);
    let traced = this.#paths.get(path);
    if (traced === undefined) {
      if (this.#paths.size >= maxPaths) throw new Error("too many paths are traced");
      traced = { messages: new Ring(kept), seen: 0, second: 0, taken: 0, until: 0 };
      this.#paths.set(path, traced);
      if (this.#paths.size === 1) this.#internals.traceHandlers(this);
    }
    traced.until = now + lookTime;
    const { seen, messages } = traced;
    this.#schedule();
    return { path, seen, messages: messages.last().toReversed() };
  }

  /** See {@linkcode HandlerTrace}. */
  onMessage(path: string, message: unknown): void {
    for (const [root, traced] of this.#paths) {
      if (path !== root && !path.startsWith(root === "/" ? root : `${root}/`)) continue;
      const number = ++traced.seen;
      const at = this.#clock.wallTime();
      const second = Math.floor(at / 1_000);
      if (second !== traced.second) traced.taken = 0;
      traced.second = second;
      if (++traced.taken > perSecond) continue;
      const content = this.#peek && { message: printed(message, 300) };
      traced.messages.push({
        number,
        at,
        path: path.slice(0, 300),
        messageType: messageTypeOf(message),
        ...content,
      });
    }
  }

  /** Ends it. */
  close(): void {
    this.#expire(Infinity);
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    const next = Math.min(...[...this.#paths.values()].map(({ until }) => until));
    this.#timer = this.#clock.schedule(Math.max(1, next - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#expire(this.#clock.now());
      if (this.#paths.size > 0) this.#schedule();
    });
    this.#timer.unref?.();
  }

  #expire(now: number): void {
    const before = this.#paths.size;
    for (const [path, { until }] of this.#paths) if (until <= now) this.#paths.delete(path);
    if (before === 0 || this.#paths.size > 0) return;
    this.#internals.traceHandlers(undefined);
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
