import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { BareCounter } from "./bare.ts";
import { CastyNode } from "./casty.ts";
import { LanesNode } from "./lanes.ts";
import { Peer } from "./peer.ts";
import { RawSocket } from "./raw.ts";

/** The peer processes, and lazily opened connections to them. */
export class Subjects implements AsyncDisposable {
  readonly tls: TlsMaterial;
  readonly #peers = new Map<string, Peer>();
  readonly #near = new Map<string, Promise<AsyncDisposable>>();

  constructor(tls: TlsMaterial) {
    this.tls = tls;
  }

  /** A framed TLS socket. */
  raw(): Promise<RawSocket> {
    return this.#connection("raw", RawSocket.connect);
  }

  /** The bare loop. */
  bare(): Promise<BareCounter> {
    return this.#connection("bare", BareCounter.connect);
  }

  /** A node in the peer's cluster. */
  casty(): Promise<CastyNode> {
    return this.#connection("casty", CastyNode.join);
  }

  /** Connections of Casty without a cluster. */
  lanes(): Promise<LanesNode> {
    return this.#connection("lanes", LanesNode.start);
  }

  /** The address of the peer process. */
  address(mode: "raw" | "bare" | "casty" | "lanes"): Promise<string> {
    let peer = this.#peers.get(mode);
    if (peer === undefined) {
      peer = new Peer(mode, this.tls);
      this.#peers.set(mode, peer);
    }
    return peer.address;
  }

  /** Closes the connections of this process; the next round opens new ones. */
  async disconnect(): Promise<void> {
    for (const near of this.#near.values()) await (await near)[Symbol.asyncDispose]();
    this.#near.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
    for (const peer of this.#peers.values()) await peer.stop();
  }

  #connection<T extends AsyncDisposable>(
    mode: "raw" | "bare" | "casty" | "lanes",
    connect: (address: string, tls: TlsMaterial) => Promise<T>,
  ): Promise<T> {
    let near = this.#near.get(mode) as Promise<T> | undefined;
    if (near === undefined) {
      near = this.address(mode).then((address) => connect(address, this.tls));
      this.#near.set(mode, near);
    }
    return near;
  }
}
