import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { SocketAddress, TcpConn, TcpListener, TcpPort } from "./platform_port.ts";

/** As with Deno's sockets, the end of one direction leaves the other one open. */
const halfOpen = { allowHalfOpen: true, noDelay: true };

interface PendingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (length: number | null) => void;
  readonly reject: (error: Error) => void;
}

/** A socket of `node:net` that is read when its owner asks, and not before. */
export class SocketConn implements TcpConn {
  readonly localAddr: SocketAddress;
  readonly remoteAddr: SocketAddress;
  readonly #socket: Socket;
  #chunks: Uint8Array[] = [];
  #pending: PendingRead | undefined;
  #ended = false;
  #error: Error | undefined;

  /** `socket` must be connected. */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.localAddr = { hostname: socket.localAddress ?? "", port: socket.localPort ?? 0 };
    this.remoteAddr = { hostname: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    socket.on("data", this.#onData).on("end", this.#onEnd);
    socket.on("error", this.#onError).on("close", this.#onClose);
    socket.pause();
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#chunks.length > 0) return Promise.resolve(this.#take(buffer));
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#pending = { buffer, resolve, reject };
      this.#socket.resume();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      this.#socket.end(resolve);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  setNoDelay(noDelay: boolean): void {
    this.#socket.setNoDelay(noDelay);
  }

  /** Hands the socket over, which must not have been read from. */
  release(): Socket {
    this.#socket.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
    return this.#socket;
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#chunks.push(chunk);
    this.#socket.pause();
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve(this.#take(pending.buffer));
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#pending?.resolve(null);
    this.#pending = undefined;
  };

  readonly #onError = (error: Error): void => {
    this.#error = error;
    this.#pending?.reject(error);
    this.#pending = undefined;
  };

  readonly #onClose = (): void => {
    if (!this.#ended && this.#error === undefined) this.#onError(new Error("the socket is closed"));
  };

  #take(buffer: Uint8Array): number {
    const chunk = this.#chunks[0]!;
    const taken = chunk.subarray(0, buffer.length);
    buffer.set(taken);
    if (taken.length === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(taken.length);
    return taken.length;
  }
}

class SocketListener implements TcpListener {
  readonly addr: SocketAddress;
  readonly #server: Server;
  #connected: SocketConn[] = [];
  #waiting: PromiseWithResolvers<TcpConn>[] = [];
  #closed = false;

  constructor(server: Server) {
    const { address, port } = server.address() as AddressInfo;
    this.addr = { hostname: address, port };
    this.#server = server;
    // An accept that fails, say for want of descriptors, must not end the process.
    server.on("error", () => {});
    server.on("connection", (socket: Socket) => {
      // A peer may vanish before it is accepted.
      if (this.#closed || socket.remoteAddress === undefined) return void socket.destroy();
      const conn = new SocketConn(socket);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#connected.push(conn);
      else waiting.resolve(conn);
    });
  }

  accept(): Promise<TcpConn> {
    const conn = this.#connected.shift();
    if (conn !== undefined) return Promise.resolve(conn);
    if (this.#closed) return Promise.reject(new Error("the listener is closed"));
    const waiting = Promise.withResolvers<TcpConn>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  close(): void {
    this.#closed = true;
    this.#server.close();
    for (const conn of this.#connected.splice(0)) conn.close();
    for (const { reject } of this.#waiting.splice(0)) reject(new Error("the listener is closed"));
  }
}

/** Plain sockets over `node:net`. */
export const nodeTcp: TcpPort = {
  connect({ hostname, port, signal }) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const socket = connect({ ...halfOpen, host: hostname, port });
      const giveUp = () => void socket.destroy(signal.reason);
      signal.addEventListener("abort", giveUp);
      const fail = (error: Error) => {
        signal.removeEventListener("abort", giveUp);
        reject(error);
      };
      socket.once("error", fail);
      socket.once("connect", () => {
        signal.removeEventListener("abort", giveUp);
        socket.off("error", fail);
        resolve(new SocketConn(socket));
      });
    });
  },
  async listen({ hostname, port }) {
    const server = createServer({ ...halfOpen, pauseOnConnect: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: hostname, port }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return new SocketListener(server);
  },
  checkBind() {},
};
