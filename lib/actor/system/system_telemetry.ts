import type { Clock } from "../../runtime/clock.ts";
import { instruments } from "../../runtime/instruments.ts";
import type { Histogram, Span, Telemetry } from "../../runtime/telemetry.ts";
import type { LocalRuntime } from "../behavior/local_system.ts";
import { labelOf } from "../ref/actor_label.ts";
import { PacedSampling } from "../cell/paced_sampling.ts";
import type { EventStream } from "../services/event_stream.ts";
import type { LossLedger } from "../services/loss_ledger.ts";

/** The measured parts of a system. */
export interface MeasuredSystem {
  readonly ledger: LossLedger;
  readonly eventStream: EventStream;
  /** How many actors have not stopped. */
  actors(): number;
  /** How many asks wait for a reply. */
  pendingAsks(): number;
}

/** Measures one system: counts that it keeps in any case are read when they are collected. */
export class SystemTelemetry {
  readonly #telemetry: Telemetry;
  readonly #clock: Clock;
  readonly #askDurations: Histogram;
  readonly #traces: boolean;
  /** A look at the clock costs more than an ask: in a rush only some of them are timed. */
  readonly #timed: PacedSampling;
  readonly #ends: (() => void)[] = [];

  private constructor(telemetry: Telemetry, clock: Clock, system: MeasuredSystem) {
    this.#telemetry = telemetry;
    this.#clock = clock;
    this.#traces = telemetry.traces !== false;
    this.#timed = new PacedSampling(clock);
    this.#askDurations = telemetry.histogram(instruments.askDuration);
    const { ledger, eventStream } = system;
    const restarts = telemetry.counter(instruments.restarts);
    this.#ends.push(
      telemetry.gauge(instruments.messagesSent, (observe) => observe(ledger.sent)),
      telemetry.gauge(instruments.messagesDelivered, (observe) => observe(ledger.delivered)),
      telemetry.gauge(instruments.deadLetters, (observe) => {
        for (const [reason, count] of ledger.deadLetters) observe(count, { reason });
      }),
      telemetry.gauge(instruments.actors, (observe) => observe(system.actors())),
      telemetry.gauge(instruments.pendingAsks, (observe) => observe(system.pendingAsks())),
      eventStream.subscribe("actorRestarted", ({ ref }) => {
        restarts.add(1, { actor: labelOf(ref.path) });
      }),
    );
  }

  /** Undefined if the telemetry of the runtime is disabled. */
  static of(
    { telemetry, clock }: LocalRuntime,
    system: MeasuredSystem,
  ): SystemTelemetry | undefined {
    return telemetry?.enabled ? new SystemTelemetry(telemetry, clock, system) : undefined;
  }

  /** Whether the next ask is neither timed nor traced. If not, {@linkcode ask} has to be called. */
  skipsAsk(): boolean {
    return !this.#traces && --this.#timed.left >= 0;
  }

  /** Measures an ask that is not skipped; its message is sent within a separate span, if it is recorded. */
  ask<R>(target: string, send: () => Promise<R>): Promise<R> {
    const isTimed = !this.#traces || --this.#timed.left < 0;
    const startedAt = isTimed ? this.#clock.now() : 0;
    const weight = isTimed ? this.#timed.take(startedAt) : 0;
    const span = this.#spanOf(target);
    if (!isTimed && span === undefined) return send();
    const end = (outcome: string, error?: unknown) => {
      if (isTimed) {
        this.#askDurations.record((this.#clock.now() - startedAt) / 1_000, { outcome }, weight);
      }
      if (error !== undefined) span?.fail(error);
      span?.end();
    };
    // The same promise is returned: an actor that awaits it must be recognised by it.
    let promise: Promise<R>;
    try {
      promise = span === undefined ? send() : this.#telemetry.with(span.context, send);
    } catch (error) {
      end(outcomeOf(error), error);
      throw error;
    }
    promise.then(() => end("replied"), (error) => end(outcomeOf(error), error));
    return promise;
  }

  /** Of a trace that is not sampled nothing is recorded; it goes on as the active one. */
  #spanOf(target: string): Span | undefined {
    if (!this.#traces || this.#telemetry.active()?.sampled === false) return undefined;
    const label = labelOf(target);
    return this.#telemetry.startSpan(`ask ${label}`, {
      kind: "client",
      attributes: { target: label },
    });
  }

  /** Removes the gauges. */
  close(): void {
    this.#timed.close();
    for (const end of this.#ends.splice(0)) end();
  }
}

/** The code of an error of ours; errors of users would be labels without end. */
function outcomeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "string" && code.length <= 40 ? code : "failed";
}
