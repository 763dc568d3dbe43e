/** WebSockets on virtual time, whose connections break as a seed says. */
import type { UpgradeWebSocket } from "../../gateway.ts";
import { gatewaySubprotocol } from "../../lib/gateway/protocol/frames.ts";
import type { ManualClock } from "../../lib/testkit/manual_clock.ts";
import type { SeededRandom } from "../../lib/testkit/seeded_random.ts";

type Handler = (request: Request) => Promise<Response>;

/** One end of a connection. */
class FakeSocket {
  readyState: number = WebSocket.CONNECTING;
  bufferedAmount = 0;
  readonly protocol = gatewaySubprotocol;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  peer: FakeSocket | undefined;
  /** When what was sent last arrives. */
  #arrival = 0;
  readonly #world: SocketWorld;

  constructor(world: SocketWorld) {
    this.#world = world;
  }

  open(): void {
    if (this.readyState !== WebSocket.CONNECTING) return;
    this.readyState = WebSocket.OPEN;
    this.onopen?.();
  }

  send(data: string): void {
    if (this.readyState !== WebSocket.OPEN) return;
    this.#later((peer) => {
      if (peer.readyState === WebSocket.OPEN) peer.onmessage?.({ data });
    });
  }

  close(code = 1000): void {
    if (this.readyState >= WebSocket.CLOSING) return;
    this.readyState = WebSocket.CLOSED;
    this.#later((peer) => peer.lost(code));
    this.#world.clock.schedule(1, () => this.onclose?.({ code }));
  }

  /** The connection is gone, as this end sees it. */
  lost(code: number): void {
    if (this.readyState === WebSocket.CLOSED) return;
    this.readyState = WebSocket.CLOSED;
    this.onclose?.({ code });
  }

  #later(arrive: (peer: FakeSocket) => void): void {
    const { peer } = this;
    const { clock, random } = this.#world;
    if (peer === undefined) return;
    const at = Math.max(this.#arrival, clock.now() + 1 + Math.floor(random.next() * 20));
    this.#arrival = at;
    clock.schedule(at - clock.now(), () => {
      if (this.peer === peer) arrive(peer);
    });
  }
}

/** Gateways by host name, and the connections to them. */
export class SocketWorld {
  readonly clock: ManualClock;
  readonly random: SeededRandom;
  readonly #handlers = new Map<string, Handler>();
  readonly #connections = new Map<FakeSocket, string>();

  constructor(clock: ManualClock, random: SeededRandom) {
    this.clock = clock;
    this.random = random;
  }

  /** Connections that are open at both ends. */
  get connections(): number {
    return this.#connections.size;
  }

  /** A gateway answers at a host. */
  serve(host: string, handler: Handler): void {
    this.#handlers.set(host, handler);
  }

  /** The process of a host is gone with all its connections. Its clients see that at once. */
  kill(host: string): void {
    this.#handlers.delete(host);
    for (const [socket, where] of [...this.#connections]) {
      if (where === host) this.#cut(socket, 0, Infinity);
    }
  }

  /** Breaks a random connection; each end sees that later, one perhaps much later. */
  cutOne(): void {
    const sockets = [...this.#connections.keys()];
    const socket = sockets[Math.floor(this.random.next() * sockets.length)];
    if (socket === undefined) return;
    this.#cut(socket, this.random.next() * 200, this.random.next() * 8_000);
  }

  /** For the option `runtime.webSocket` of a client. */
  readonly connect = (url: string, protocols: string[]): WebSocket => {
    const socket = new FakeSocket(this);
    const { host } = new URL(url);
    this.clock.schedule(1 + this.random.next() * 20, () => {
      const handler = this.#handlers.get(host);
      if (socket.readyState !== WebSocket.CONNECTING) return;
      if (handler === undefined) return socket.lost(1006);
      const request = new Request(url.replace(/^ws/, "http"), {
        headers: { upgrade: "websocket", "sec-websocket-protocol": protocols.join(", ") },
      });
      this.#pending.set(request, [socket, host]);
      void handler(request).then(({ status }) => {
        if (this.#pending.delete(request) || status !== 200) socket.lost(1006);
      });
    });
    return socket as unknown as WebSocket;
  };

  readonly #pending = new Map<Request, readonly [FakeSocket, string]>();

  /** For the option `upgrade` of a gateway. */
  readonly upgrade: UpgradeWebSocket = (request) => {
    const [client, host] = this.#pending.get(request)!;
    this.#pending.delete(request);
    const server = new FakeSocket(this);
    server.peer = client;
    client.peer = server;
    this.#connections.set(client, host);
    this.clock.schedule(1, () => {
      server.open();
      if (client.peer === server) client.open();
    });
    return { socket: server as unknown as WebSocket, response: new Response() };
  };

  /** What is on its way is lost. */
  #cut(client: FakeSocket, clientAfter: number, serverAfter: number): void {
    const server = client.peer;
    this.#connections.delete(client);
    client.peer = undefined;
    this.clock.schedule(clientAfter, () => client.lost(1006));
    if (server === undefined) return;
    server.peer = undefined;
    if (serverAfter !== Infinity) this.clock.schedule(serverAfter, () => server.lost(1006));
  }
}
