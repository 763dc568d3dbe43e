/**
 * A stall responder: answers nodes with how long the event loop it stands for has not run. It runs
 * in a thread of its own (`heartbeat_worker.ts`); what that loop does is seen from a number that it
 * keeps changing in shared memory.
 *
 * @module
 */
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Link, Listener, ListenOptions, Network, TlsMaterial } from "../../runtime/network.ts";
import { listenWithProof } from "../../transport/tls/mutual_tls_proof.ts";
import { ByteIntake, encodeAnswer, isQuestion, questionLength } from "./heartbeat_protocol.ts";

/** How often the number is looked at, milliseconds. */
const sampleInterval = 50;
/** How long a connection may last, milliseconds. */
const linkTime = 5_000;
/** Connections at a time, handshakes included; more are closed. */
const maxLinks = 64;

/** What a responder needs. */
export interface ResponderOptions {
  /** Interface to bind. */
  readonly host: string;
  /** Port to bind; 0 lets the system choose. */
  readonly port: number;
  /** With it, only nodes with a certificate of our authority are answered. Contents may change. */
  readonly tls?: TlsMaterial;
  /** Of the node that it answers for. */
  readonly incarnation: number;
  /** The number that the other loop keeps changing. */
  readonly beats: Int32Array;
}

/** See the module's text. */
export class HeartbeatResponder {
  readonly #clock: Clock;
  readonly #options: ResponderOptions;
  readonly #links = new Set<Link>();
  #listener: Listener | undefined;
  #timer: Timer | undefined;
  #beat = 0;
  #beatAt: number;

  private constructor(clock: Clock, options: ResponderOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#beatAt = clock.now();
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
      maxPendingHandshakes: maxLinks,
      admit: () => responder.#links.size < maxLinks,
      onLink: (link) => responder.#receive(link),
      onRefused: () => {},
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
    // Clients may not know how a node is.
    if (link.identity.kind === "client") return link.destroy();
    this.#links.add(link);
    const intake = new ByteIntake(questionLength);
    const deadline = this.#clock.schedule(linkTime, () => end());
    const end = () => {
      deadline.cancel();
      this.#links.delete(link);
      link.destroy();
    };
    link.onClose = end;
    link.onData = (chunk) => {
      const bytes = intake.take(chunk);
      if (bytes === undefined) return;
      if (bytes === false || !isQuestion(bytes)) return end();
      const { incarnation } = this.#options;
      const stalledFor = this.#clock.now() - this.#beatAt;
      // The asker closes when it has read the answer.
      link.write(encodeAnswer({ incarnation, stalledFor }), () => {});
    };
  }
}
