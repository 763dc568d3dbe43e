/**
 * Connections of Casty without a cluster: the latency of a heartbeat while the peer receives bulk
 * data, and the rate of new connections.
 */
import { type ActorRef, ActorSystem } from "@casty/casty";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { Remoting, type RemotingOptions } from "../../lib/remoting/remoting.ts";
import { systemRuntime } from "../../lib/transport/system_runtime.ts";
import { type BenchMessage, benchSystem, textFor } from "./counter.ts";
import { type Counter, floodRate, nextTurn, quantile } from "./measures.ts";
import { Sleeper } from "./sleeper.ts";

/** The path of heartbeats: between nodes, in the control lane. */
export const heartbeatPath = "/_cluster/bench";
/** A path that replies to any peer. */
export const echoPath = "/bench-echo";

/** The options of both ends. */
export function lanesOptions(tls: TlsMaterial): RemotingOptions {
  return {
    runtime: systemRuntime(),
    systemName: benchSystem,
    role: "node",
    nodeId: "",
    incarnation: Date.now(),
    host: "127.0.0.1",
    port: 0,
    tls,
    // The benchmark connects from one address as fast as it can.
    limits: { maxConnectionRate: 1e9 },
  };
}

const pingEvery = 5;
const pings = 300;
const bulk = { text: textFor(16_384), tells: 1_024, perAsk: 256, perTurn: 16 };

/** The 99th percentiles of a heartbeat's round trip, in microseconds, and what ran meanwhile. */
export interface Heartbeats {
  /** Without bulk, and with it. */
  readonly idle: number;
  readonly loaded: number;
  /** Bytes of bulk per second. */
  readonly bytes: number;
  /** By how much the timers of a process that only sleeps were late, without bulk and with it. */
  readonly sleeper: { readonly idle: number; readonly loaded: number };
}

/** A node that is connected to the peer. */
export class LanesNode implements AsyncDisposable {
  readonly #system = new ActorSystem();
  readonly #remoting: Remoting;
  readonly #peer: string;
  #onPong: () => void = () => {};

  private constructor(system: ActorSystem, remoting: Remoting, peer: string) {
    this.#system = system;
    this.#remoting = remoting;
    this.#peer = peer;
    remoting.handleNodes(heartbeatPath, () => this.#onPong());
  }

  static async start(peer: string, tls: TlsMaterial): Promise<LanesNode> {
    const system = new ActorSystem();
    const node = new LanesNode(system, await Remoting.start(system, lanesOptions(tls)), peer);
    await node.#ping();
    return node;
  }

  /** Measures heartbeats without and with bulk, beside a process that only sleeps. */
  async heartbeat(): Promise<Heartbeats> {
    await using sleeper = new Sleeper();
    await sleeper.lateness();
    const idle = await this.#pings();
    const sleeperIdle = await sleeper.lateness();
    const counter = this.#counter();
    await counter.ask("");
    let done = false;
    let bytes = 0;
    const begin = performance.now();
    const flood = (async () => {
      while (!done) {
        await floodRate(counter, bulk);
        bytes += bulk.tells * 16_384;
      }
    })();
    await sleeper.lateness();
    const loaded = await this.#pings();
    const sleeperLoaded = await sleeper.lateness();
    done = true;
    await flood;
    return {
      idle,
      loaded,
      bytes: bytes / ((performance.now() - begin) / 1_000),
      sleeper: { idle: sleeperIdle, loaded: sleeperLoaded },
    };
  }

  async #pings(): Promise<number> {
    const times: number[] = [];
    for (let i = 0; i < pings; i++) {
      times.push(await this.#ping());
      await new Promise((resolve) => setTimeout(resolve, pingEvery));
    }
    return quantile(times, 0.99);
  }

  #ping(): Promise<number> {
    const begin = performance.now();
    return new Promise((resolve) => {
      this.#onPong = () => resolve((performance.now() - begin) * 1_000);
      this.#remoting.send(this.#peer, heartbeatPath, 0, { type: "heartbeat" });
    });
  }

  #counter(): Counter {
    const system = this.#system;
    const address = { node: this.#peer, path: "/counter", uid: 0 };
    const ref = this.#remoting.refTo(address) as ActorRef<BenchMessage>;
    return {
      tell: (text) => ref.tell({ type: "count", text }),
      ask: (text) =>
        system.ask(
          ref,
          (replyTo: ActorRef<number>): BenchMessage => ({ type: "get", text, replyTo }),
          { timeout: 20_000 },
        ),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remoting.close();
    await this.#system.shutdown();
  }
}

/** Connections per second: each is opened, used for one request and reply, and closed. */
export async function connectionRate(
  peer: string,
  tls: TlsMaterial,
  total: number,
  width: number,
): Promise<number> {
  let next = 0;
  const worker = async () => {
    while (next < total) await connectOnce(peer, tls, next++);
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: width }, worker));
  return total / ((performance.now() - begin) / 1_000);
}

async function connectOnce(peer: string, tls: TlsMaterial, n: number): Promise<void> {
  const system = new ActorSystem();
  const remoting = await Remoting.start(system, {
    ...lanesOptions(tls),
    role: "client",
    address: `client:bench-${n}`,
  });
  await new Promise<void>((resolve) => {
    remoting.handlePeers(echoPath, () => resolve());
    remoting.send(peer, echoPath, 0, n);
  });
  await remoting.close();
  await system.shutdown();
  await nextTurn();
}
