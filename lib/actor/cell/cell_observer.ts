import type { Clock } from "../../runtime/clock.ts";
import { instruments } from "../../runtime/instruments.ts";
import type { Histogram, Span, Telemetry } from "../../runtime/telemetry.ts";
import { labelOf } from "../ref/actor_label.ts";
import { TracedMessage } from "../ref/traced_message.ts";
import { PacedSampling } from "./paced_sampling.ts";

/** The turn of an actor whose time is measured, in progress. */
export interface ObservedTurn {
  /** The root of the actor's path. */
  readonly actor: string;
  /** Turns that it stands for. */
  readonly weight: number;
  /** When the first of its handlers that count was called. */
  startedAt: number;
}

/** A handler that waits for its promise, if it is measured or traced. */
export interface ObservedRun {
  /** Who has observed its beginning: another may observe the system by the time it ends. */
  readonly observer: CellObserver;
  /** Its turn; undefined: it is not measured. */
  readonly turn: ObservedTurn | undefined;
  /** Undefined: its message belongs to no trace that is recorded. */
  readonly span: Span | undefined;
}

/** Turns before the next that is observed: each counts it down, and one that finds it below 0 is observed. */
export interface TurnCount {
  left: number;
}

/**
 * Observes what cells do. A system has one if its telemetry is enabled or a simulation runs it, and
 * otherwise none, so that a cell then costs nothing but a comparison with `undefined`.
 */
export interface CellObserver {
  /** Which turns are observed. */
  readonly turns: TurnCount;
  /** Whether messages have traces: then all turns are observed, and mailboxes keep what `slotOf` returns. */
  readonly traces: boolean;
  /** What the mailbox keeps of a message that is told now. Only called where there are traces. */
  slotOf(message: unknown): unknown;
  /** An actor's turn begins; `depth` messages wait. Undefined: its time is not measured. */
  onTurn(path: string, depth: number): ObservedTurn | undefined;
  /** Only now the first handler of a measured turn is called. */
  onFirst(turn: ObservedTurn): void;
  /** A measured turn has ended, and so have all of the `called` handlers that it has called. */
  onTurnEnd(turn: ObservedTurn, called: number): void;
  /** The last of the `called` handlers of a measured turn waits for its promise: the others have ended. */
  onSuspend(turn: ObservedTurn, called: number): void;
  /** Runs the handler for a traced message, within its trace. Returns its span, if it is recorded. */
  runTraced(path: string, traced: TracedMessage, handle: () => void): Span | undefined;
  /** The promise of a handler is settled. */
  onDone(run: ObservedRun): void;
  /** An actor is about to handle a message: what the mailbox has kept of it. */
  onHandler?(path: string, slot: unknown): void;
  /** An actor starts, restarts, or handles a timer or a signal that is not its last. */
  onOwnHandler?(path: string): void;
  /** An actor has stopped. */
  onStopped?(path: string): void;
  /** The system has stopped. */
  close?(): void;
}

/** A turn begins for an observer that another one stands before, and that is not called for each turn. */
export function beginTurn(
  observer: CellObserver | undefined,
  path: string,
  depth: number,
): ObservedTurn | undefined {
  if (observer === undefined) return undefined;
  // Of those with traces it sees all, and chooses itself.
  const isDue = observer.traces || --observer.turns.left < 0;
  return isDue ? observer.onTurn(path, depth) : undefined;
}

/**
 * Measures what cells do. A look at the clock costs as much as many messages: the handlers of a turn are
 * measured together, and in a rush one turn stands for many.
 */
export class CellTelemetry implements CellObserver {
  readonly turns: TurnCount;
  readonly traces: boolean;
  readonly #clock: Clock;
  readonly #sampling: PacedSampling;
  readonly #telemetry: Telemetry;
  readonly #durations: Histogram;
  readonly #depths: Histogram;

  constructor(telemetry: Telemetry, clock: Clock) {
    this.#clock = clock;
    this.#telemetry = telemetry;
    this.traces = telemetry.traces !== false;
    this.#sampling = new PacedSampling(clock);
    this.turns = this.traces ? { left: 0 } : this.#sampling;
    this.#durations = telemetry.histogram(instruments.handlerDuration);
    this.#depths = telemetry.histogram(instruments.mailboxDepth);
  }

  /** The mailbox entry of a message that is sent now: with the active trace, if there is one. */
  slotOf(message: unknown): unknown {
    const context = this.#telemetry.active();
    return context === undefined ? message : new TracedMessage(message, context);
  }

  /** An actor's turn begins; `depth` messages wait. */
  onTurn(path: string, depth: number): ObservedTurn | undefined {
    if (this.traces) {
      this.turns.left = 0;
      if (--this.#sampling.left >= 0) return undefined;
    }
    if (depth === 0) {
      // Nothing but a start, a stop or a signal: the next turn is the sample.
      this.#sampling.left = 0;
      return undefined;
    }
    const startedAt = this.#clock.now();
    const weight = this.#sampling.take(startedAt);
    const actor = labelOf(path);
    this.#depths.record(depth, { actor }, weight);
    return { actor, weight, startedAt };
  }

  /** What came before, such as the start of the actor, does not count. */
  onFirst(turn: ObservedTurn): void {
    turn.startedAt = this.#clock.now();
  }

  /** Each of them took the mean of all. */
  onTurnEnd(turn: ObservedTurn, called: number): void {
    if (called > 0) this.#record(turn, (this.#clock.now() - turn.startedAt) / called, called);
  }

  /** What the others took is estimated by the mean of all; the last goes on. */
  onSuspend(turn: ObservedTurn, called: number): void {
    if (called === 1) return;
    const now = this.#clock.now();
    const mean = (now - turn.startedAt) / called;
    this.#record(turn, mean, called - 1);
    turn.startedAt = now - mean;
  }

  /** Nothing is recorded in a trace that is not sampled, but it goes on: what it leads to belongs to it. */
  runTraced(path: string, { context }: TracedMessage, handle: () => void): Span | undefined {
    if (!context.sampled) {
      this.#telemetry.with(context, handle);
      return undefined;
    }
    const actor = labelOf(path);
    const span = this.#telemetry.startSpan(`handle ${actor}`, {
      kind: "consumer",
      parent: context,
      attributes: { actor },
    });
    try {
      this.#telemetry.with(span.context, handle);
    } catch (error) {
      span.fail(error);
      span.end();
      throw error;
    }
    return span;
  }

  /** A handler is through, its promise included. */
  onDone({ turn, span }: ObservedRun): void {
    if (turn !== undefined) this.#record(turn, this.#clock.now() - turn.startedAt, 1);
    span?.end();
  }

  /** The system has stopped. */
  close(): void {
    this.#sampling.close();
  }

  #record({ actor, weight }: ObservedTurn, ms: number, handlers: number): void {
    this.#durations.record(ms / 1_000, { actor }, weight * handlers);
  }
}
