import { labelOf } from "../actor/ref/actor_label.ts";
import type { LocalSystem } from "../actor/behavior/local_system.ts";
import { instruments } from "../runtime/instruments.ts";
import type { Counter, Instrument, Telemetry } from "../runtime/telemetry.ts";

/** A producer controller, as it is measured. */
export interface MeasuredProducer {
  /** Its path. */
  readonly path: string;
  /** Messages that it has accepted, and that are not confirmed. */
  readonly unconfirmed: number;
  /** Messages that have no place yet. */
  readonly waiting: number;
  /** Messages that its consumers would take beyond those that they were given. */
  readonly demand: number;
}

/** What happens to a message. */
export type DeliveryEvent = "sent" | "resent" | "confirmed" | "handled" | "handledAgain";

const known = new WeakMap<Telemetry, DeliveryTelemetry>();

/** Measures the reliable delivery and the limits of rate of one system. */
export class DeliveryTelemetry {
  readonly #producers = new Set<MeasuredProducer>();
  readonly #events: Counter;
  readonly #decisions: Counter;

  private constructor(telemetry: Telemetry) {
    this.#events = telemetry.counter(instruments.deliveryEvents);
    this.#decisions = telemetry.counter(instruments.limitDecisions);
    const gauge = (about: Instrument, valueOf: (producer: MeasuredProducer) => number) =>
      telemetry.gauge(about, (observe) => {
        const sums = new Map<string, number>();
        for (const producer of this.#producers) {
          const actor = labelOf(producer.path);
          sums.set(actor, (sums.get(actor) ?? 0) + valueOf(producer));
        }
        for (const [actor, sum] of sums) observe(sum, { actor });
      });
    gauge(instruments.unconfirmedDeliveries, ({ unconfirmed }) => unconfirmed);
    gauge(instruments.waitingDeliveries, ({ waiting }) => waiting);
    gauge(instruments.deliveryDemand, ({ demand }) => demand);
  }

  /** The same for all actors of a system. Undefined if its telemetry is disabled. */
  static of({ runtime: { telemetry } }: LocalSystem): DeliveryTelemetry | undefined {
    if (!telemetry?.enabled) return undefined;
    let found = known.get(telemetry);
    if (found === undefined) known.set(telemetry, found = new DeliveryTelemetry(telemetry));
    return found;
  }

  /** Measures a producer, until the returned function is called. */
  add(producer: MeasuredProducer): () => void {
    this.#producers.add(producer);
    return () => void this.#producers.delete(producer);
  }

  /** Something happened to so many messages, at the producer or consumer of this path. */
  count(path: string, event: DeliveryEvent, messages = 1): void {
    this.#events.add(messages, { actor: labelOf(path), event });
  }

  /** A limiter has decided: `granted`, or why not. */
  decided(path: string, outcome: string): void {
    this.#decisions.add(1, { actor: labelOf(path), outcome });
  }
}
