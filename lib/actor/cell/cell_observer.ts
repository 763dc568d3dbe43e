import type { Clock } from "../../runtime/clock.ts";
import { instruments } from "../../runtime/instruments.ts";
import type { Histogram, Span, Telemetry } from "../../runtime/telemetry.ts";
import type { TraceContext } from "../../runtime/trace_context.ts";

/** A message and its trace, as a mailbox keeps them. */
class TracedMessage {
  readonly message: unknown;
  readonly context: TraceContext;

  constructor(message: unknown, context: TraceContext) {
    this.message = message;
    this.context = context;
  }
}

/** The message in a slot of a mailbox, which may be traced. */
export function untraced(slot: unknown): unknown {
  return slot instanceof TracedMessage ? slot.message : slot;
}

/** One run of a handler, in progress. */
export interface ObservedRun {
  readonly startedAt: number;
  readonly span: Span | undefined;
}

/**
 * Observes what cells do. A system has one if its telemetry is enabled or a simulation runs it, and
 * otherwise none, so that a cell then costs nothing but a comparison with `undefined`.
 */
export interface CellObserver {
  /** What the mailbox keeps of a message that is told now. */
  slotOf(message: unknown): unknown;
  /** An actor's turn begins; `depth` messages wait. */
  onTurn(path: string, depth: number): void;
  /** Runs the handler for a slot of the mailbox. */
  run(path: string, slot: unknown, handle: (message: unknown) => void): ObservedRun;
  /** A handler is through, its promise included. */
  onDone(path: string, run: ObservedRun): void;
  /** An actor starts, restarts, or handles a timer or a signal that is not its last. */
  onOwnHandler?(path: string): void;
  /** An actor has stopped. */
  onStopped?(path: string): void;
}

/** Measures what cells do. */
export class CellTelemetry implements CellObserver {
  readonly #telemetry: Telemetry;
  readonly #clock: Clock;
  readonly #durations: Histogram;
  readonly #depths: Histogram;

  constructor(telemetry: Telemetry, clock: Clock) {
    this.#telemetry = telemetry;
    this.#clock = clock;
    this.#durations = telemetry.histogram(instruments.handlerDuration);
    this.#depths = telemetry.histogram(instruments.mailboxDepth);
  }

  /** The mailbox entry of a message that is sent now: with the active trace, if there is one. */
  slotOf(message: unknown): unknown {
    const context = this.#telemetry.active();
    return context === undefined ? message : new TracedMessage(message, context);
  }

  /** An actor's turn begins; `depth` messages wait. */
  onTurn(path: string, depth: number): void {
    if (depth > 0) this.#depths.record(depth, { actor: labelOf(path) });
  }

  /** Runs the handler for a slot of the mailbox, within its trace. */
  run(path: string, slot: unknown, handle: (message: unknown) => void): ObservedRun {
    const startedAt = this.#clock.now();
    if (!(slot instanceof TracedMessage)) {
      handle(slot);
      return { startedAt, span: undefined };
    }
    const actor = labelOf(path);
    const { message, context: parent } = slot;
    const span = this.#telemetry.startSpan(`handle ${actor}`, {
      kind: "consumer",
      parent,
      attributes: { actor },
    });
    try {
      this.#telemetry.with(span.context, () => handle(message));
    } catch (error) {
      span.fail(error);
      span.end();
      throw error;
    }
    return { startedAt, span };
  }

  /** A handler is through, its promise included. */
  onDone(path: string, { startedAt, span }: ObservedRun): void {
    const seconds = (this.#clock.now() - startedAt) / 1_000;
    this.#durations.record(seconds, { actor: labelOf(path) });
    span?.end();
  }
}

/** The root actor of a path: paths of children and entities are without number. */
export function labelOf(path: string): string {
  const end = path.indexOf("/", 1);
  return end < 0 ? path : path.slice(0, end);
}
