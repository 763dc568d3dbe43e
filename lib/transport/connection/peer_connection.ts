import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Link, PeerIdentity } from "../../runtime/network.ts";
import { rules } from "../../runtime/rules.ts";
import { replaceUnprintable } from "../../runtime/unprintable.ts";
import { isCertificateFault } from "../../x509/certificate_fault.ts";
import type { Codec } from "../../wire/codec.ts";
import { FrameType } from "../../wire/frame.ts";
import type { NumberedPaths } from "../../wire/interned_paths.ts";
import type { PeerSerializers } from "../../wire/serializer_registry.ts";
import { Connection, type ConnectionEnd, type SendRefusal } from "./connection.ts";
import {
  agree,
  decodeHello,
  decodeRefusal,
  encodeHello,
  encodeRefusal,
  features,
  type HandshakeRefusal,
  type Hello,
  isRefusal,
  judge,
  type ReceivedRefusal,
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
   * The connection was not established. `code` is that of the refusal, if one side refused it; `self`
   * only if this end has refused itself.
   */
  onFailed(connection: PeerConnection, reason: string, code: string | undefined): void;
  onMessage(
    peer: Peer,
    bytes: Uint8Array,
    start: number,
    end: number,
    paths: NumberedPaths,
    kept: boolean,
    arrivedAt: number,
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
  /**
   * A secret of this end for a peer that has proved the identity of this end; undefined: it has not.
   * Default: none has.
   */
  readonly selfToken?: (identity: PeerIdentity) => string | undefined;
  /** Whether paths may have numbers on a connection that the peer has dialled. Default: on all. */
  readonly mayNumberPaths?: (peer: Peer) => boolean;
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
  #failure: { reason: string; code: string } | undefined;
  /** Whether the peer has sent a whole frame. */
  #heard = false;

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
    this.dialled = parts.dialled;
    const { clock, limits, link } = parts;
    this.#connection = new Connection(link, clock, limits, {
      onFrame: (type, bytes, start, end) => this.#onFrame(type, bytes, start, end),
      onMessage: (bytes, start, end, paths, kept, arrivedAt) =>
        parts.owner.onMessage(this.#peer!, bytes, start, end, paths, kept, arrivedAt),
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

  /** Whether the peer has proved the identity of this end. */
  get isSelf(): boolean {
    return this.#selfToken() !== undefined;
  }

  /** Sends a message. Answers why not, if not. See `Outbox.push` for `path` and `given`. */
  send(payload: Uint8Array, path?: string, given?: boolean): SendRefusal | undefined {
    return this.#connection.send(payload, path, given);
  }

  /** Encodes and sends a message. See {@linkcode Outbox.encode}. */
  encode(
    codec: Codec,
    path: string,
    uid: number,
    message: unknown,
    numbered: boolean,
    peer: PeerSerializers | undefined,
    remaining: number | undefined,
  ): boolean | Uint8Array {
    return this.#connection.encode(codec, path, uid, message, numbered, peer, remaining);
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
    this.#heard = true;
    if (type !== FrameType.refuse && type !== FrameType.hello && type !== FrameType.welcome) {
      return this.destroy("it sent a message before its hello");
    }
    const payload = bytes.slice(start, end);
    if (type === FrameType.refuse) {
      // Also after our welcome, which the dialling side may refuse.
      this.#failure = this.#understand(decodeRefusal(payload));
      return this.destroy(this.#failure.reason);
    }
    if (this.#peer !== undefined) {
      return this.#connection.destroy("it sent a second hello", true);
    }
    const expected = this.#parts.dialled ? FrameType.welcome : FrameType.hello;
    if (type !== expected) {
      return this.#connection.destroy(
        this.dialled
          ? "it answers with a hello, as no node does; check the port"
          : "it sent no hello",
        true,
        "notCasty",
      );
    }
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
    const numbers = dialled || (this.#parts.mayNumberPaths?.(judged) ?? true);
    const terms = numbers ? ours : withoutFeature(ours, features.paths);
    if (!dialled) this.#connection.signal(FrameType.welcome, encodeHello(terms));
    this.#peer = judged;
    this.openedAt = clock.now();
    const turns = this.#parts.turnsOf?.(judged);
    this.#connection.open(agree(terms, said, limits.compressAbove), turns);
    owner.onOpen(this, judged);
  }

  /** Both sides log the reason. */
  #refuse(refusal: HandshakeRefusal): void {
    this.#deadline.cancel();
    const { code, reason, told = reason } = refusal;
    this.#failure = { reason, code };
    const token = code === "self" ? this.#selfToken() : undefined;
    const said = { code, reason: told, ...(token !== undefined && { token }) };
    this.#connection.signal(FrameType.refuse, encodeRefusal(said));
    this.#connection.close(reason);
  }

  #selfToken(): string | undefined {
    const { selfToken, link } = this.#parts;
    return selfToken?.(link.identity);
  }

  /** What the peer has refused, from the view of this end. */
  #understand({ code, reason, token }: ReceivedRefusal): { reason: string; code: string } {
    // Any peer can say that this end has dialled itself.
    const proved = code !== "self" || !rules.selfIsProved ||
      (token !== undefined && token === this.#selfToken());
    const what = isCertificateFault(code) ? "our certificate" : `this ${this.#parts.self.role}`;
    return {
      code: proved ? code : "unproved",
      reason: `the peer rejected ${what}: ${replaceUnprintable(reason)}`,
    };
  }

  #onClosed(ended: ConnectionEnd): void {
    this.#deadline.cancel();
    const { owner, link } = this.#parts;
    if (this.#peer !== undefined) return owner.onDown(this, this.#peer, ended);
    if (this.#failure !== undefined) {
      return owner.onFailed(this, this.#failure.reason, this.#failure.code);
    }
    const isSilent = this.dialled && ended.cut && !this.#heard;
    owner.onFailed(
      this,
      isSilent ? ended.reason + explainSilence(link.identity) : ended.reason,
      ended.code,
    );
  }
}

function withoutFeature(hello: Hello, left: string): Hello {
  return { ...hello, features: hello.features.filter((feature) => feature !== left) };
}

/** Why a peer may close without an answer to the hello. */
function explainSilence({ kind }: PeerIdentity): string {
  // A node that can say why it rejects a certificate does so before it closes.
  return kind === "plain"
    ? " without an answer; it may be no node, use TLS, or have reached a limit: check the port and its log"
    : " after the TLS handshake, without an answer; it may not accept our certificate, or have " +
      "reached a limit: see its log";
}
