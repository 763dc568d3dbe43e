import type { Clock } from "../../runtime/clock.ts";
import { instruments } from "../../runtime/instruments.ts";
import type { Histogram, Telemetry } from "../../runtime/telemetry.ts";
import type { LocalRuntime } from "../behavior/local_system.ts";
import { labelOf } from "../cell/cell_observer.ts";
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
  readonly #ends: (() => void)[] = [];

  private constructor(telemetry: Telemetry, clock: Clock, system: MeasuredSystem) {
    this.#telemetry = telemetry;
    this.#clock = clock;
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

  /** Measures an ask; its message is sent within a separate span. */
  ask<R>(target: string, send: () => Promise<R>): Promise<R> {
    const startedAt = this.#clock.now();
    const label = labelOf(target);
    const span = this.#telemetry.startSpan(`ask ${label}`, {
      kind: "client",
      attributes: { target: label },
    });
    const end = (outcome: string, error?: unknown) => {
      this.#askDurations.record((this.#clock.now() - startedAt) / 1_000, { outcome });
      if (error !== undefined) span.fail(error);
      span.end();
    };
    // The same promise is returned: an actor that awaits it must be recognised by it.
    let promise: Promise<R>;
    try {
      promise = this.#telemetry.with(span.context, send);
    } catch (error) {
      end(outcomeOf(error), error);
      throw error;
    }
    promise.then(() => end("replied"), (error) => end(outcomeOf(error), error));
    return promise;
  }

  /** Removes the gauges. */
  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

/** The code of an error of ours; errors of users would be labels without end. */
function outcomeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "string" && code.length <= 40 ? code : "failed";
}
