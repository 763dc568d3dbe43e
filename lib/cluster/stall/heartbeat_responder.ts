/**
 * A stall responder: reports to other nodes how long the event loop of its node has not run. It
 * runs in a separate thread (`heartbeat_worker.ts`) and monitors a counter in shared memory that
 * the event loop increments.
 *
 * @module
 */
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Link, Listener, ListenOptions, Network, TlsMaterial } from "../../runtime/network.ts";
import { listenWithProof } from "../../transport/tls/mutual_tls_proof.ts";
import { Gate } from "../../transport/endpoint/gate.ts";
import { ByteIntake, encodeResponse, isRequest, requestLength } from "./heartbeat_protocol.ts";

/** How often the counter is sampled, milliseconds. */
const sampleInterval = 50;
/** Maximum duration of a connection, milliseconds. */
const linkTime = 5_000;
/**
 * Limits of the port. A request is answered in a moment, so more connections than these are a flood:
 * those of the greediest address give way.
 */
const limits = {
  maxPendingHandshakes: 256,
  maxConnections: 1_024,
  maxConnectionsPerAddress: 512,
  // An answer costs little; handshakes that are left unfinished have a rate of their own.
  maxConnectionRate: 10_000,
};

/** Options of a responder. */
export interface ResponderOptions {
  /** Interface to bind. */
  readonly host: string;
  /** Port to bind; 0 lets the system choose. */
  readonly port: number;
  /** If set, only nodes with a certificate of our authority are answered. Contents may change. */
  readonly tls?: TlsMaterial;
  /** Incarnation of its node. */
  readonly incarnation: number;
  /** The counter that the event loop increments. */
  readonly beats: Int32Array;
}

/** See the module's text. */
export class HeartbeatResponder {
  readonly #clock: Clock;
  readonly #options: ResponderOptions;
  readonly #links = new Set<Link>();
  readonly #gate: Gate;
  #listener: Listener | undefined;
  #timer: Timer | undefined;
  #beat = 0;
  #beatAt: number;

  private constructor(clock: Clock, options: ResponderOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#beatAt = clock.now();
    this.#gate = new Gate(limits, clock);
  }

  /**
   * Opens the port. With TLS, only after a peer without a certificate was refused.
   *
   * @throws {TransportError} of `listen` or of the proof.
   */
  static async start(
    network: Network,
    clock: Clock,
    options: ResponderOptions,
  ): Promise<HeartbeatResponder> {
    const responder = new HeartbeatResponder(clock, options);
    const { host, port, tls } = options;
    const listening: ListenOptions = {
      host,
      port,
      handshakeTimeout: linkTime,
      maxPendingHandshakes: limits.maxPendingHandshakes,
      // No frames pass here.
      sendsReason: false,
      admit: (remote, cut) => responder.#gate.accept(remote, cut) === undefined,
      onLink: (link) => responder.#receive(link),
      onRefused: (remote) => responder.#gate.ended(remote),
    };
    responder.#listener = tls === undefined
      ? await network.listen(listening)
      : await listenWithProof(network, { ...listening, tls }, clock);
    responder.#sample();
    return responder;
  }

  /** The port that is bound. */
  get port(): number {
    return this.#listener!.port;
  }

  /** Closes everything. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    for (const link of [...this.#links]) link.destroy();
    this.#links.clear();
    await this.#listener?.close();
  }

  #sample(): void {
    const beat = Atomics.load(this.#options.beats, 0);
    if (beat !== this.#beat) {
      this.#beat = beat;
      this.#beatAt = this.#clock.now();
    }
    this.#timer = this.#clock.schedule(sampleInterval, () => this.#sample());
  }

  #receive(link: Link): void {
    // Only nodes learn the state of a node.
    const { remote, identity } = link;
    if (identity.kind === "client" || identity.kind === "admin") {
      this.#gate.ended(remote);
      return link.destroy();
    }
    if (identity.kind === "node") this.#gate.proved(remote);
    this.#links.add(link);
    const intake = new ByteIntake(requestLength);
    const deadline = this.#clock.schedule(linkTime, () => end());
    const end = () => {
      deadline.cancel();
      this.#links.delete(link);
      this.#gate.ended(remote);
      link.destroy();
    };
    this.#gate.replaceCut(remote, end);
    link.onClose = end;
    link.onData = (chunk) => {
      const bytes = intake.take(chunk);
      if (bytes === undefined) return;
      if (bytes === false || !isRequest(bytes)) return end();
      this.#gate.opened(remote);
      const { incarnation } = this.#options;
      const stalledFor = this.#clock.now() - this.#beatAt;
      // The asker closes when it has read the answer.
      link.write(encodeResponse({ incarnation, stalledFor }), () => {});
    };
  }
}
