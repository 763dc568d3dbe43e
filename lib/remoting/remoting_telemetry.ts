import type { ActorSystem } from "../actor/system/actor_system.ts";
import { instruments } from "../runtime/instruments.ts";
import type { Counter, Telemetry } from "../runtime/telemetry.ts";
import type { CertificateExpiring, TlsReloaded, TlsReloadFailed } from "../runtime/tls_event.ts";
import type { TraceContext } from "../runtime/trace_context.ts";
import type { Lane } from "../transport/base/peer.ts";
import type { Peer } from "../transport/base/peer.ts";

/** Milliseconds of a day. */
const day = 86_400_000;

/** Measures the connections of one system. A system has one if its telemetry is enabled. */
export class RemotingTelemetry {
  readonly #telemetry: Telemetry;
  readonly #messages: Counter;
  readonly #bytes: Counter;
  readonly #handshakes: Counter;
  readonly #connections = new Map<string, number>();
  readonly #certificates = new Map<string, number>();
  readonly #ends: (() => void)[];

  private constructor(telemetry: Telemetry, system: ActorSystem) {
    this.#telemetry = telemetry;
    this.#messages = telemetry.counter(instruments.remoteMessages);
    this.#bytes = telemetry.counter(instruments.remoteBytes);
    this.#handshakes = telemetry.counter(instruments.handshakes);
    const reloads = telemetry.counter(instruments.tlsReloads);
    const { eventStream, runtime: { clock } } = system;
    this.#ends = [
      telemetry.gauge(instruments.connections, (observe) => {
        for (const [key, count] of this.#connections) {
          const [role, lane] = key.split(" ") as [string, string];
          observe(count, { role, lane });
        }
      }),
      telemetry.gauge(instruments.certificateDaysLeft, (observe) => {
        for (const [name, notAfter] of this.#certificates) {
          observe((notAfter - clock.wallTime()) / day, { name });
        }
      }),
      eventStream.subscribe<TlsReloaded>("tlsReloaded", ({ notAfter }) => {
        reloads.add(1, { outcome: "reloaded" });
        this.setCertificate("own", notAfter);
      }),
      eventStream.subscribe<TlsReloadFailed>("tlsReloadFailed", ({ code }) => {
        reloads.add(1, { outcome: code });
      }),
      eventStream.subscribe<CertificateExpiring>("certificateExpiring", ({ of, notAfter }) => {
        this.setCertificate(of === "leaf" ? "own" : of, notAfter);
      }),
    ];
  }

  /** Undefined if the telemetry of the system is disabled. */
  static of(system: ActorSystem): RemotingTelemetry | undefined {
    const { telemetry } = system.runtime;
    return telemetry?.enabled ? new RemotingTelemetry(telemetry, system) : undefined;
  }

  /** The end of a certificate in use, wall-clock milliseconds. */
  setCertificate(name: string, notAfter: number): void {
    this.#certificates.set(name, notAfter);
  }

  /** The active trace, to which messages sent now belong. */
  active(): TraceContext | undefined {
    return this.#telemetry.active();
  }

  /** A message of `bytes` bytes is sent. */
  sent(lane: Lane, bytes: number): void {
    this.#messages.add(1, { direction: "out", lane });
    this.#bytes.add(bytes, { direction: "out", lane });
  }

  /** A message of `bytes` bytes has arrived. `deliver` hands it over, within its trace. */
  received(
    lane: Lane,
    bytes: number,
    trace: TraceContext | undefined,
    deliver: () => void,
  ): void {
    this.#messages.add(1, { direction: "in", lane });
    this.#bytes.add(bytes, { direction: "in", lane });
    if (trace === undefined) deliver();
    else this.#telemetry.with(trace, deliver);
  }

  /** A connection is established. */
  onPeerUp({ role }: Peer, lane: Lane): void {
    this.#handshakes.add(1, { outcome: "established" });
    this.#count(`${role} ${lane}`, 1);
  }

  /** An established connection has ended. */
  onPeerDown({ role }: Peer, lane: Lane): void {
    this.#count(`${role} ${lane}`, -1);
  }

  /** A connection was rejected, by this end or by its peer, or could not be dialled. */
  onFailedHandshake(outcome: "rejected" | "failed"): void {
    this.#handshakes.add(1, { outcome });
  }

  /** Removes the gauges. */
  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #count(key: string, by: number): void {
    this.#connections.set(key, (this.#connections.get(key) ?? 0) + by);
  }
}
