import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Link } from "../../runtime/network.ts";
import { FrameType } from "../../wire/frame.ts";
import type { NumberedPaths } from "../../wire/interned_paths.ts";
import { Connection, type ConnectionEnd, type SendRefusal } from "./connection.ts";
import {
  agree,
  decodeHello,
  decodeRefusal,
  encodeHello,
  encodeRefusal,
  type HandshakeRefusal,
  type Hello,
  isRefusal,
  judge,
} from "./handshake.ts";
import type { TransportLimits } from "../base/limits.ts";
import type { ByteAccount } from "./outbox.ts";
import type { PartialMessages } from "./partial_messages.ts";
import type { LongRead, ReadTurns } from "./read_turns.ts";
import type { Peer } from "../base/peer.ts";

/** Decides about a connection, and receives its messages and events. */
export interface PeerConnectionOwner {
  /** The peer's hello is valid; the owner may refuse it because of other connections. */
  admit(connection: PeerConnection, peer: Peer): HandshakeRefusal | undefined;
  /** The handshake is complete. */
  onOpen(connection: PeerConnection, peer: Peer): void;
  /**
   * The connection was not established. `refusal` if one side refused it; otherwise the failure.
   */
  onFailed(connection: PeerConnection, reason: string, refusal: string | undefined): void;
  onMessage(
    peer: Peer,
    bytes: Uint8Array,
    start: number,
    end: number,
    paths: NumberedPaths,
    kept: boolean,
  ): number | LongRead | void;
  /** An open connection has ended. */
  onDown(connection: PeerConnection, peer: Peer, ended: ConnectionEnd): void;
  /** A message that `send` took was lost; called after `onDown`. See `ConnectionOwner.onUnsent`. */
  onUnsent(connection: PeerConnection, peer: Peer, payload: Uint8Array, maybeRead: boolean): void;
  onSignOfLife(peer: Peer): void;
}

/** Messages and bytes that wait to be written. */
export interface Queued {
  /** Messages. */
  readonly messages: number;
  /** Bytes, headers included. */
  readonly bytes: number;
}

/** Parameters of a connection. */
export interface HandshakeParts {
  readonly link: Link;
  readonly clock: Clock;
  readonly limits: TransportLimits;
  /** The hello of this end. */
  readonly self: Hello;
  /** Whether this end has dialled. */
  readonly dialled: boolean;
  /** When the connection was made, on the clock: the deadline counts from there. */
  readonly since: number;
  readonly owner: PeerConnectionOwner;
  /** Unfinished messages of all connections of this end. */
  readonly partials?: PartialMessages;
  /** When the connection to a peer may read. Default: always. */
  readonly turnsOf?: (peer: Peer) => ReadTurns;
}

/** A connection from its first frame on. No message passes before the handshake is complete. */
export class PeerConnection {
  /** Whether this end has dialled. */
  readonly dialled: boolean;
  /** When the handshake was done, on the clock. */
  openedAt = 0;
  readonly #parts: HandshakeParts;
  readonly #connection: Connection;
  readonly #deadline: Timer;
  #peer: Peer | undefined;
  #failure: { reason: string; refusal: string | undefined } | undefined;

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
    this.dialled = parts.dialled;
    const { clock, limits, link } = parts;
    this.#connection = new Connection(link, clock, limits, {
      onFrame: (type, bytes, start, end) => this.#onFrame(type, bytes, start, end),
      onMessage: (bytes, start, end, paths, kept) =>
        parts.owner.onMessage(this.#peer!, bytes, start, end, paths, kept),
      onClosed: (ended) => this.#onClosed(ended),
      onUnsent: (payload, maybeRead) => {
        if (this.#peer !== undefined) parts.owner.onUnsent(this, this.#peer, payload, maybeRead);
      },
      onSignOfLife: () => {
        if (this.#peer !== undefined) parts.owner.onSignOfLife(this.#peer);
      },
    }, parts.partials);
    const left = Math.max(0, parts.since + limits.handshakeTimeout - clock.now());
    this.#deadline = clock.schedule(left, () => {
      this.destroy(
        `it sent no hello within handshakeTimeout (${limits.handshakeTimeout} ms)`,
      );
    });
    if (parts.dialled) this.#connection.signal(FrameType.hello, encodeHello(parts.self));
  }

  /** When the first certificate of the two ends expires; undefined: never. */
  get validUntil(): number | undefined {
    return this.#parts.link.validUntil;
  }

  /** The peer, once the handshake is complete. */
  get peer(): Peer | undefined {
    return this.#peer;
  }

  /** Where the other end's socket is. */
  get remote(): string {
    return this.#parts.link.remote;
  }

  /** Sends a message, which is copied. Answers why not, if not. See `Outbox.push` for `path`. */
  send(payload: Uint8Array, path?: string): SendRefusal | undefined {
    return this.#connection.send(payload, path);
  }

  /** Counts what waits for the peer for an account, too. To be called before the first message. */
  chargeTo(account: ByteAccount): void {
    this.#connection.chargeTo(account);
  }

  /** Size of the queue. */
  get queued(): Queued {
    return this.#connection;
  }

  /** Resolves when the queue is less than half full, or when the connection has ended. */
  drained(): Promise<void> {
    return this.#connection.drained();
  }

  /** Flushes the queue, sends the reason, and ends. */
  close(reason: string): void {
    this.#connection.close(reason);
  }

  /** Flushes the queue and expects the peer to close the connection. */
  retire(reason: string): void {
    this.#connection.retire(reason);
  }

  /** Ends at once and sends the reason; drops the queue and reads no more. */
  closeNow(reason: string): void {
    this.#connection.closeNow(reason);
  }

  /** Ends at once. */
  destroy(reason: string): void {
    this.#connection.destroy(reason);
  }

  #onFrame(type: number, bytes: Uint8Array, start: number, end: number): void {
    // A refused peer has no second attempt.
    if (this.#failure !== undefined) return;
    if (type !== FrameType.refuse && type !== FrameType.hello && type !== FrameType.welcome) {
      return this.destroy("it sent a message before its hello");
    }
    const payload = bytes.slice(start, end);
    if (type === FrameType.refuse) {
      // Also after our welcome, which the dialling side may refuse.
      const { code, reason } = decodeRefusal(payload);
      this.#failure = { reason: `the peer refused this end: ${reason}`, refusal: code };
      return this.destroy(this.#failure.reason);
    }
    if (this.#peer !== undefined) {
      return this.#connection.destroy("it sent a second hello", true);
    }
    const expected = this.#parts.dialled ? FrameType.welcome : FrameType.hello;
    if (type !== expected) return this.destroy("it sent no hello");
    this.#onHello(decodeHello(payload));
  }

  #onHello(said: Hello | undefined): void {
    const { self, link, owner, dialled, clock, limits } = this.#parts;
    if (said === undefined) {
      return this.#refuse({ code: "malformed", reason: "its hello is malformed" });
    }
    const ours = dialled ? self : { ...self, lane: said.lane };
    const judged = judge(said, ours, link.identity, link.remote);
    if (isRefusal(judged)) return this.#refuse(judged);
    if (dialled && judged.role === "client") {
      return this.#refuse({ code: "role", reason: "a client cannot be dialled" });
    }
    const refusal = owner.admit(this, judged);
    if (refusal !== undefined) return this.#refuse(refusal);
    this.#deadline.cancel();
    if (!dialled) this.#connection.signal(FrameType.welcome, encodeHello(ours));
    this.#peer = judged;
    this.openedAt = clock.now();
    const turns = this.#parts.turnsOf?.(judged);
    this.#connection.open(agree(self, said, limits.compressAbove), turns);
    owner.onOpen(this, judged);
  }

  /** Both sides log the reason. */
  #refuse(refusal: HandshakeRefusal): void {
    this.#deadline.cancel();
    this.#failure = { reason: refusal.reason, refusal: refusal.code };
    this.#connection.signal(FrameType.refuse, encodeRefusal(refusal));
    this.#connection.close(refusal.reason);
  }

  #onClosed(ended: ConnectionEnd): void {
    this.#deadline.cancel();
    const { owner } = this.#parts;
    if (this.#peer !== undefined) return owner.onDown(this, this.#peer, ended);
    owner.onFailed(this, this.#failure?.reason ?? ended.reason, this.#failure?.refusal);
  }
}
