import { instruments } from "../../runtime/instruments.ts";
import type { Counter, Telemetry } from "../../runtime/telemetry.ts";
import type { GatewayErrorCode } from "../errors.ts";
import type { CloseReason } from "../protocol/close_codes.ts";

/** What is read of a gateway when metrics are collected. */
export interface GatewayReading {
  readonly sockets: number;
  readonly sessions: number;
  /** Of them: those without a connection. */
  readonly waitingSessions: number;
  readonly principals: number;
  readonly bufferedBytes: number;
}

/**
 * What became of a hello: a new session, the one that it has named, or a new one in the place of one that
 * the gateway does not know.
 */
export type SessionStart = "new" | "resumed" | "lost";

/** Why a request or a connection was refused, or ended by the gateway. Never a text that a client chooses. */
export type Refusal = CloseReason | GatewayErrorCode | "foreignOrigin";

/** What clients do. */
export type OperationKind = "call" | "publish" | "subscribe";

/** Measures one gateway. There is one if the telemetry of its host is enabled. */
export class GatewayTelemetry {
  readonly #starts: Counter;
  readonly #refusals: Counter;
  readonly #operations: Counter;
  readonly #ends: (() => void)[];
  /** Frames. Fields, read when they are collected: they cost no look-up. */
  #received = 0;
  #sent = 0;

  private constructor(telemetry: Telemetry, read: () => GatewayReading) {
    this.#starts = telemetry.counter(instruments.gatewaySessionStarts);
    this.#refusals = telemetry.counter(instruments.gatewayRefusals);
    this.#operations = telemetry.counter(instruments.gatewayOperations);
    this.#ends = [
      telemetry.gauge(instruments.gatewaySockets, (observe) => observe(read().sockets)),
      telemetry.gauge(instruments.gatewaySessions, (observe) => {
        const { sessions, waitingSessions } = read();
        observe(sessions - waitingSessions, { state: "connected" });
        observe(waitingSessions, { state: "waiting" });
      }),
      telemetry.gauge(instruments.gatewayPrincipals, (observe) => observe(read().principals)),
      telemetry.gauge(instruments.gatewayQueue, (observe) => observe(read().bufferedBytes)),
      telemetry.gauge(instruments.gatewayMessages, (observe) => {
        observe(this.#received, { direction: "in" });
        observe(this.#sent, { direction: "out" });
      }),
    ];
  }

  /** Measures a gateway, if anything is recorded. */
  static of(
    telemetry: Telemetry | undefined,
    read: () => GatewayReading,
  ): GatewayTelemetry | undefined {
    return telemetry?.enabled ? new GatewayTelemetry(telemetry, read) : undefined;
  }

  /** A frame has come. */
  received(): void {
    this.#received++;
  }

  /** Frames were written. */
  sent(frames: number): void {
    this.#sent += frames;
  }

  /** A client has a session. */
  started(outcome: SessionStart): void {
    this.#starts.add(1, { outcome });
  }

  /** A request or a connection was refused, or ended. */
  refused(reason: Refusal): void {
    this.#refusals.add(1, { reason });
  }

  /** An operation has ended. */
  done(kind: OperationKind, outcome: GatewayErrorCode | "ok"): void {
    this.#operations.add(1, { kind, outcome });
  }

  /** Ends it. */
  close(): void {
    this.#ends.forEach((end) => end());
  }
}
