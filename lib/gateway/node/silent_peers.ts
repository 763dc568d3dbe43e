import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ServerWebSocket } from "./ws_types.d.ts";

/** As Deno does for sockets of its own: one that has not answered for so long is closed. */
const interval = 30_000;

/** Pings WebSockets, and ends those whose peer does not answer: a connection may break unseen. */
export class SilentPeers {
  readonly #clock: Clock;
  /** Whether each was heard since the last ping. */
  readonly #sockets = new Map<ServerWebSocket, boolean>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Watches a socket until it is closed. */
  add(socket: ServerWebSocket): void {
    this.#sockets.set(socket, true);
    socket.on("pong", () => {
      if (this.#sockets.has(socket)) this.#sockets.set(socket, true);
    });
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
    });
    this.#schedule();
  }

  #schedule(): void {
    this.#timer ??= this.#clock.schedule(interval, () => {
      this.#timer = undefined;
      this.#pingAll();
      if (this.#sockets.size > 0) this.#schedule();
    });
  }

  #pingAll(): void {
    for (const [socket, wasHeard] of [...this.#sockets]) {
      if (!wasHeard) {
        socket.terminate();
        continue;
      }
      this.#sockets.set(socket, false);
      socket.ping();
    }
  }
}
