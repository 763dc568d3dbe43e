import { connect, createServer, type Server, type Socket } from "node:net";
import { isCut, outside } from "./partition.ts";

const host = "127.0.0.1";
/** Connections of one route that are held; the oldest is closed for a newer one. */
const maxHeld = 64;

/** A connection; `far` is missing while it is held. */
interface Connection {
  readonly near: Socket;
  far?: Socket;
}

/** Connections from one node, or from outside, to another node. */
interface Route {
  readonly from: number;
  readonly to: number;
  readonly server: Server;
  readonly port: number;
  readonly connections: Set<Connection>;
}

/**
 * TCP proxies between nodes on this machine: each pair has a port of its own, so that a partition can
 * be made between any two. While a route is cut, nothing passes and nothing is refused, as in a network
 * that loses packets.
 */
export class PartitionProxy {
  readonly #routes: Route[] = [];
  /** Ports of the nodes; none: it has not started yet, undefined: it has ended. */
  readonly #targets = new Map<number, number | undefined>();
  readonly #cutOff = new Set<number>();

  private constructor() {}

  /**
   * Opens all ports.
   *
   * @param nodes numbers from 1 to this.
   */
  static async open(nodes: number): Promise<PartitionProxy> {
    const proxy = new PartitionProxy();
    const pairs: Promise<void>[] = [];
    for (let from = outside; from <= nodes; from++) {
      for (let to = 1; to <= nodes; to++) if (from !== to) pairs.push(proxy.#listen(from, to));
    }
    try {
      await Promise.all(pairs);
      return proxy;
    } catch (error) {
      proxy.close();
      throw error;
    }
  }

  /** The port that a node advertises. */
  portOf(node: number): number {
    return this.#route(outside, node).port;
  }

  /** The address that a node advertises. */
  addressOf(node: number): string {
    return `${host}:${this.portOf(node)}`;
  }

  /** Where a node dials for the address of another. */
  addressMapOf(from: number): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.#routes.filter((route) => route.from === from)
        .map(({ to, port }) => [this.addressOf(to), `${host}:${port}`]),
    );
  }

  /**
   * The port on which a node accepts connections; undefined: it does not run, and all are closed. Before
   * the first call those to it are held, so that nodes which start together need not dial again.
   */
  setTarget(node: number, port: number | undefined): void {
    const isFirst = !this.#targets.has(node);
    this.#targets.set(node, port);
    for (const route of this.#routes) {
      if (port === undefined) {
        if (route.from === node || route.to === node) destroyAll(route);
      } else if (isFirst && route.to === node && !this.#isCut(route)) {
        for (const connection of route.connections) carry(route, connection, port);
      }
    }
  }

  /** Cuts a node off, or heals its network: what was held is closed, and both ends dial again. */
  setCutOff(node: number, on: boolean): void {
    const was = this.#routes.filter((route) => this.#isCut(route));
    if (on) this.#cutOff.add(node);
    else this.#cutOff.delete(node);
    for (const route of this.#routes) {
      if (this.#isCut(route)) hold(route);
      else if (was.includes(route)) destroyAll(route);
    }
  }

  /** Closes all ports and connections. */
  close(): void {
    for (const route of this.#routes) {
      route.server.close();
      destroyAll(route);
    }
  }

  #isCut({ from, to }: Route): boolean {
    return isCut(this.#cutOff, from, to);
  }

  #route(from: number, to: number): Route {
    return this.#routes.find((route) => route.from === from && route.to === to)!;
  }

  #listen(from: number, to: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
      server.once("error", reject);
      server.listen({ host, port: 0 }, () => {
        const { port } = server.address() as { port: number };
        const route = { from, to, server, port, connections: new Set<Connection>() };
        this.#routes.push(route);
        server.on("connection", (socket) => this.#accept(route, socket));
        resolve();
      });
    });
  }

  #accept(route: Route, near: Socket): void {
    const { connections, to } = route;
    const target = this.#targets.get(to);
    const isHeld = this.#isCut(route) || !this.#targets.has(to);
    if (target === undefined && !isHeld) return void near.destroy();
    const connection: Connection = { near };
    connections.add(connection);
    follow(route, connection, near);
    if (!isHeld) return carry(route, connection, target!);
    if (connections.size > maxHeld) end(connections.values().next().value!);
  }
}

/** Connects it with the node. */
function carry(route: Route, connection: Connection, port: number): void {
  const { near } = connection;
  const far = connect({ host, port, allowHalfOpen: true });
  connection.far = far;
  follow(route, connection, far);
  near.setNoDelay(true);
  far.setNoDelay(true);
  near.pipe(far);
  far.pipe(near);
}

/** The end of one socket is the end of the other. */
function follow({ connections }: Route, connection: Connection, socket: Socket): void {
  socket.on("error", () => end(connection));
  socket.on("close", () => {
    connections.delete(connection);
    end(connection);
  });
}

/** Nothing passes any more. */
function hold({ connections }: Route): void {
  for (const { near, far } of connections) {
    if (far === undefined) continue;
    near.unpipe(far);
    far.unpipe(near);
    near.pause();
    far.pause();
  }
}

function destroyAll({ connections }: Route): void {
  for (const connection of connections) end(connection);
}

function end({ near, far }: Connection): void {
  near.destroy();
  far?.destroy();
}
