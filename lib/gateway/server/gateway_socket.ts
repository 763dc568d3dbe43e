import { closeCodes, type CloseReason } from "../protocol/close_codes.ts";

/** What connects a client with its session. */
export interface ClientConnection {
  /** Writes frames. A client that reads too slowly is disconnected. */
  send(frames: readonly string[], now: number): void;
  /** Closes it, and says why. Nothing happens if it is closed. */
  close(reason: CloseReason): void;
  /** Called about once a second. */
  tick?(now: number): void;
}

/** What happens to a socket. */
export interface GatewaySocketEvents {
  readonly onText: (text: string) => void;
  /** `reason`: that of this end; undefined: the client has closed it, or the network. */
  readonly onClosed: (reason: CloseReason | undefined) => void;
  /** Its connection is gone: after `onClosed`, perhaps long after it, where the peer does not answer. */
  readonly onGone: () => void;
}

/** A WebSocket of a client, closed at most once. */
export class GatewaySocket implements ClientConnection {
  readonly #socket: WebSocket;
  readonly #maxBuffered: number;
  readonly #events: GatewaySocketEvents;
  #isOver = false;

  /** `maxBuffered`: bytes that may wait in the socket. */
  constructor(socket: WebSocket, maxBuffered: number, events: GatewaySocketEvents) {
    this.#socket = socket;
    this.#maxBuffered = maxBuffered;
    this.#events = events;
    socket.onmessage = ({ data }) => {
      if (this.#isOver) return;
      if (typeof data === "string") events.onText(data);
      else this.close("badProtocol");
    };
    socket.onclose = () => {
      this.#end();
      events.onGone();
    };
    // The close event follows.
    socket.onerror = () => {};
  }

  /** Whether it was closed, by either end. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Writes frames. A client that reads too slowly is disconnected. */
  send(frames: readonly string[]): void {
    if (this.#isOver || this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > this.#maxBuffered) return this.close("slowClient");
    for (const frame of frames) this.#socket.send(frame);
  }

  /** Closes it, and says why. */
  close(reason: CloseReason): void {
    if (this.#isOver) return;
    try {
      this.#socket.close(closeCodes[reason].code, reason);
    } catch {
      // It is not open yet, or not any more.
    }
    // A peer that does not answer the close is not waited for.
    this.#end(reason);
  }

  #end(reason?: CloseReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.onClosed(reason);
  }
}
