import type { Clock } from "../runtime/clock.ts";
import { instruments } from "../runtime/instruments.ts";
import type { Histogram, Telemetry } from "../runtime/telemetry.ts";
import { readTraceParent, type TraceContext, traceParentOf } from "../runtime/trace_context.ts";

const known = new WeakMap<Telemetry, StoreTelemetry>();

/** Measures what durable actors do with their stores. */
export class StoreTelemetry {
  readonly #telemetry: Telemetry;
  readonly #appends: Histogram;
  readonly #recoveries: Histogram;

  private constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
    this.#appends = telemetry.histogram(instruments.appendDuration);
    this.#recoveries = telemetry.histogram(instruments.recoveryDuration);
  }

  /** The same for all actors of a system. Undefined if its telemetry is disabled. */
  static of(telemetry: Telemetry | undefined): StoreTelemetry | undefined {
    if (!telemetry?.enabled) return undefined;
    let found = known.get(telemetry);
    if (found === undefined) known.set(telemetry, found = new StoreTelemetry(telemetry));
    return found;
  }

  /** The trace of the command that is handled now. */
  active(): TraceContext | undefined {
    return this.#telemetry.active();
  }

  /** Runs what a command has decided, in the trace of that command. */
  within<T>(trace: TraceContext | undefined, task: () => T): T {
    return this.#telemetry.with(trace, task);
  }

  /** The span of the command that is handled now, to be stored; undefined: none is recorded. */
  activeParent(): string | undefined {
    const active = this.#telemetry.active();
    return active?.sampled === true ? traceParentOf(active) : undefined;
  }

  /**
   * Handles what a reminder sends: the root of a trace, since days may have passed, with a link to the
   * command that has set the reminder.
   */
  reminder<T>(
    actor: string,
    setBy: string | undefined,
    handle: () => T | Promise<T>,
  ): T | Promise<T> {
    if (this.#telemetry.traces === false) return handle();
    const link = readTraceParent(setBy);
    const span = this.#telemetry.with(
      undefined,
      () =>
        this.#telemetry.startSpan(`reminder ${actor}`, {
          kind: "consumer",
          ...(link && { links: [link] }),
          attributes: { actor },
        }),
    );
    const failed = (error: unknown): never => {
      span.fail(error);
      span.end();
      throw error;
    };
    let result: T | Promise<T>;
    try {
      result = this.#telemetry.with(span.context, handle);
    } catch (error) {
      return failed(error);
    }
    if (!(result instanceof Promise)) {
      span.end();
      return result;
    }
    return result.then((value) => {
      span.end();
      return value;
    }, failed);
  }

  /** Measures an append: a span, if it belongs to a trace. */
  async append<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
    const isTraced = this.#telemetry.active()?.sampled === true;
    const span = isTraced ? this.#telemetry.startSpan("append", { kind: "client" }) : undefined;
    const startedAt = clock.now();
    const end = (outcome: string): void => {
      this.#appends.record((clock.now() - startedAt) / 1_000, { outcome });
      span?.end();
    };
    try {
      const result = await (span === undefined ? call() : this.#telemetry.with(span.context, call));
      end("answered");
      return result;
    } catch (error) {
      span?.fail(error);
      end("failed");
      throw error;
    }
  }

  /** Measures a recovery. */
  async recovery<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
    const startedAt = clock.now();
    const end = (outcome: string) => {
      this.#recoveries.record((clock.now() - startedAt) / 1_000, { outcome });
    };
    try {
      const result = await call();
      end("recovered");
      return result;
    } catch (error) {
      end("failed");
      throw error;
    }
  }
}
