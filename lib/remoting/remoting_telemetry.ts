import type { ActorSystem } from "../actor/system/actor_system.ts";
import { instruments } from "../runtime/instruments.ts";
import type { Counter, Instrument, Telemetry } from "../runtime/telemetry.ts";
import type { CertificateExpiring, TlsReloaded, TlsReloadFailed } from "../runtime/tls_event.ts";
import type { TraceContext } from "../runtime/trace_context.ts";
import type { Lane } from "../transport/base/peer.ts";
import type { Peer } from "../transport/base/peer.ts";

/** What waits for one peer on one lane. */
export interface MeasuredQueue {
  readonly peer: string;
  readonly lane: Lane;
  readonly messages: number;
  readonly bytes: number;
}

/** Reasons of handshakes that have failed: a peer may choose them, and must not make series without end. */
const maxReasons = 64;

/** Milliseconds of a day. */
const day = 86_400_000;

/** What went over a lane in one direction. Fields, read when they are collected: they cost no look-up. */
class Traffic {
  messages = 0;
  bytes = 0;

  count(bytes: number): void {
    this.messages++;
    this.bytes += bytes;
  }
}

/** The traffic of each lane. */
type LaneTraffic = Readonly<Record<Lane, Traffic>>;

function noTraffic(): LaneTraffic {
  return { user: new Traffic(), control: new Traffic(), replication: new Traffic() };
}

/** Measures the connections of one system. A system has one if its telemetry is enabled. */
export class RemotingTelemetry {
  readonly #telemetry: Telemetry;
  readonly #traces: boolean;
  readonly #out = noTraffic();
  readonly #in = noTraffic();
  readonly #handshakes: Counter;
  readonly #connections = new Map<string, number>();
  readonly #certificates = new Map<string, number>();
  readonly #ends: (() => void)[];

  readonly #reasons = new Set<string>();

  private constructor(
    telemetry: Telemetry,
    system: ActorSystem,
    queues: () => Iterable<MeasuredQueue>,
  ) {
    this.#telemetry = telemetry;
    this.#traces = telemetry.traces !== false;
    this.#handshakes = telemetry.counter(instruments.handshakes);
    const reloads = telemetry.counter(instruments.tlsReloads);
    const { eventStream, runtime: { clock } } = system;
    const traffic = (about: Instrument, valueOf: (traffic: Traffic) => number) =>
      telemetry.gauge(about, (observe) => {
        for (const [direction, lanes] of [["in", this.#in], ["out", this.#out]] as const) {
          for (const [lane, traffic] of Object.entries(lanes)) {
            // A lane that was never used is no series.
            if (traffic.messages > 0) observe(valueOf(traffic), { direction, lane });
          }
        }
      });
    this.#ends = [
      telemetry.gauge(instruments.queuedMessages, (observe) => {
        for (const { messages, peer, lane } of sums(queues())) observe(messages, { peer, lane });
      }),
      telemetry.gauge(instruments.queuedBytes, (observe) => {
        for (const { bytes, peer, lane } of sums(queues())) observe(bytes, { peer, lane });
      }),
      traffic(instruments.remoteMessages, ({ messages }) => messages),
      traffic(instruments.remoteBytes, ({ bytes }) => bytes),
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
  static of(
    system: ActorSystem,
    queues: () => Iterable<MeasuredQueue>,
  ): RemotingTelemetry | undefined {
    const { telemetry } = system.runtime;
    return telemetry?.enabled ? new RemotingTelemetry(telemetry, system, queues) : undefined;
  }

  /** The end of a certificate in use, wall-clock milliseconds. */
  setCertificate(name: string, notAfter: number): void {
    this.#certificates.set(name, notAfter);
  }

  /** The active trace, to which messages sent now belong. */
  active(): TraceContext | undefined {
    return this.#traces ? this.#telemetry.active() : undefined;
  }

  /** A message of `bytes` bytes is sent. */
  sent(lane: Lane, bytes: number): void {
    this.#out[lane].count(bytes);
  }

  /** A message of `bytes` bytes has arrived. Returns whether it has to be delivered {@linkcode within} its trace. */
  received(lane: Lane, bytes: number): boolean {
    this.#in[lane].count(bytes);
    return this.#traces;
  }

  /** Delivers a message in its trace; also in none: a socket is read in the context in which it was opened. */
  within(trace: TraceContext | undefined, deliver: () => void): void {
    this.#telemetry.with(trace, deliver);
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
  onFailedHandshake(outcome: "rejected" | "failed", code: string): void {
    const isKnown = this.#reasons.has(code);
    const reason = isKnown || this.#reasons.size < maxReasons ? code.slice(0, 40) : "other";
    if (!isKnown && reason !== "other") this.#reasons.add(code);
    this.#handshakes.add(1, { outcome, reason });
  }

  /** Removes the gauges. */
  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #count(key: string, by: number): void {
    this.#connections.set(key, (this.#connections.get(key) ?? 0) + by);
  }
}

/** Nodes one by one, and clients together: there may be many of them, with addresses that they choose. */
function sums(queues: Iterable<MeasuredQueue>): Iterable<MeasuredQueue> {
  const found = new Map<string, MeasuredQueue>();
  for (const { peer: address, lane, messages, bytes } of queues) {
    const peer = address.startsWith("client:") ? "clients" : address;
    const key = `${peer} ${lane}`;
    const known = found.get(key);
    found.set(key, {
      peer,
      lane,
      messages: messages + (known?.messages ?? 0),
      bytes: bytes + (known?.bytes ?? 0),
    });
  }
  return found.values();
}
