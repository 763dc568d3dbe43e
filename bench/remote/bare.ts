/**
 * The minimal cost of a message: encode, frame, batch, TLS, parse frames, decode, look up the path,
 * call. Uses the codec and frames of Casty, and no other part of it.
 */
import { systemClock } from "../../lib/runtime/system_clock.ts";
import type { TLSSocket } from "node:tls";
import { Ref, type RefAddress } from "../../lib/actor/ref/ref.ts";
import { Codec } from "../../lib/wire/codec.ts";
import { decodeEnvelope, encodeEnvelope } from "../../lib/wire/envelope.ts";
import { FrameType, HEADER_BYTES } from "../../lib/wire/frame.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { connect } from "./raw.ts";
import type { Counter } from "./measures.ts";

const uid = 1_234_567;

/** One end of a bare connection. */
export class BareLink {
  readonly handlers = new Map<string, (message: unknown) => void>();
  readonly #socket: TLSSocket;
  readonly #codec: Codec;
  #batch = new Uint8Array(65_536);
  #other = new Uint8Array(65_536);
  #size = 0;
  #scheduled = false;
  #writing = false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.#codec = new Codec({
      now: systemClock.now,
      resolve: (address) => new BareRef(this, address),
    });
    const reader = new FrameReader(16_777_216, (_type, bytes, start, end) => {
      const { path, message } = decodeEnvelope(this.#codec, bytes, start, end);
      this.handlers.get(path)?.(message);
    });
    socket.on("data", (chunk: Uint8Array) => reader.push(chunk));
    socket.on("error", () => {});
  }

  send(path: string, message: unknown): void {
    const envelope = encodeEnvelope(this.#codec, path, uid, message);
    const length = envelope.length + 1;
    const end = this.#size + HEADER_BYTES + envelope.length;
    if (end > this.#batch.length) this.#grow(end);
    const batch = this.#batch;
    const at = this.#size;
    batch[at] = length >>> 24;
    batch[at + 1] = length >>> 16;
    batch[at + 2] = length >>> 8;
    batch[at + 3] = length;
    batch[at + 4] = FrameType.message;
    batch.set(envelope, at + HEADER_BYTES);
    this.#size = end;
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#size === 0) return;
    this.#writing = true;
    const bytes = this.#batch.subarray(0, this.#size);
    [this.#batch, this.#other] = [this.#other, this.#batch];
    this.#size = 0;
    this.#socket.write(bytes, this.#written);
  };

  readonly #written = (): void => {
    this.#writing = false;
    this.#flush();
  };

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, 2 * this.#batch.length));
    grown.set(this.#batch.subarray(0, this.#size));
    this.#batch = grown;
  }
}

/** A reference that sends over the connection on which it was received. */
class BareRef extends Ref<unknown> {
  readonly #link: BareLink;
  readonly node: string;
  readonly path: string;
  readonly uid: number;

  constructor(link: BareLink, address: RefAddress) {
    super();
    this.#link = link;
    this.node = address.node;
    this.path = address.path;
    this.uid = address.uid;
  }

  override tell(message: unknown): void {
    this.#link.send(this.path, message);
  }
}

/** The counter at the other end of a bare connection. */
export class BareCounter implements Counter, AsyncDisposable {
  readonly #socket: TLSSocket;
  readonly #link: BareLink;
  #asks = 0;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.#link = new BareLink(socket);
  }

  static async connect(address: string, material: TlsMaterial): Promise<BareCounter> {
    return new BareCounter(await connect(address, material));
  }

  tell(text: string): void {
    this.#link.send("/counter", { type: "count", text });
  }

  ask(text: string): Promise<number> {
    const path = `/_ask/${++this.#asks}`;
    const { handlers } = this.#link;
    return new Promise((resolve) => {
      handlers.set(path, (message) => {
        handlers.delete(path);
        resolve(message as number);
      });
      const replyTo = new BareRef(this.#link, { node: "127.0.0.1:25520", path, uid: this.#asks });
      this.#link.send("/counter", { type: "get", text, replyTo });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}
