import type { TlsMaterial } from "../../runtime/network.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { TlsEvent } from "../../runtime/tls_event.ts";
import type { NumberedPaths } from "../../wire/interned_paths.ts";
import type { AddressMap } from "../base/address_map.ts";
import type { SendRefusal } from "../connection/connection.ts";
import type { LongRead } from "../connection/read_turns.ts";
import type { Lane, Peer } from "../base/peer.ts";
import type { DialFailure } from "./dial_failure.ts";
import type { TransportLimits } from "../base/limits.ts";

/** How an endpoint is opened. */
export interface EndpointOptions {
  readonly runtime: Runtime;
  readonly systemName: string;
  readonly role: "node" | "client";
  /** A label for people. Empty: the address. */
  readonly nodeId: string;
  readonly incarnation: number | (() => number);
  /** A client's own address, `"client:<id>"`. */
  readonly address?: string;
  /** A node's host and port; 0 lets the system choose. */
  readonly host?: string;
  readonly port?: number;
  /** A node's interface. Default: `host`. */
  readonly bindHost?: string;
  /** The host under which others reach a node, behind address translation. Default: `host`. */
  readonly advertisedHost?: string;
  /** The port under which others reach a node. Default: the one that is bound. */
  readonly advertisedPort?: number;
  readonly tls?: TlsMaterial;
  /** An event about the certificates of this end; it is logged too. */
  readonly onTlsEvent?: (event: TlsEvent) => void;
  /** Where to dial for an address. Default: the address itself. */
  readonly addressMap?: AddressMap;
  readonly limits?: Partial<TransportLimits>;
  /** The custom serializers of this end, as `"name@version"`. */
  readonly serializers?: readonly string[];
  /**
   * Why a peer cannot read a message that has waited for a connection to it, if so. The payload is
   * valid during the call only.
   */
  readonly refuses?: (peer: Peer, payload: Uint8Array) => SendRefusal | undefined;
  /** What a peer can read of a message that has waited for a connection to it. Default: all. */
  readonly adapt?: (peer: Peer, payload: Uint8Array) => Uint8Array;
  /**
   * A message. Returns the values that were decoded, or how to read on in later turns. The bytes are
   * valid during the call only, unless they are `kept`. `paths` are those to which the peer has
   * given numbers: every envelope must be read with them once, in order. `arrivedAt`: when it arrived,
   * or is read after a rest.
   */
  readonly onMessage: (
    peer: Peer,
    lane: Lane,
    bytes: Uint8Array,
    start: number,
    end: number,
    paths: NumberedPaths,
    kept: boolean,
    arrivedAt: number,
  ) => number | LongRead | void;
  readonly onPeerUp?: (peer: Peer, lane: Lane) => void;
  /**
   * The connection to a peer has ended. `cut`: the peer's system has closed or reset it, without a
   * close frame before.
   */
  readonly onPeerDown?: (peer: Peer, lane: Lane, reason: string, cut: boolean) => void;
  /** A node could not be dialled, or has rejected this end. */
  readonly onUnreachable?: (failure: DialFailure) => void;
  /**
   * The node that was dialled under the address `of` has another address. It is that of this node
   * only where `of` is the same host and port, written in another way.
   */
  readonly onAlias?: (of: string, address: string) => void;
  /** An incoming connection was rejected. `code`: why; the peer may have chosen it. */
  readonly onRejected?: (code: string) => void;
  /** Something has arrived from the peer. */
  readonly onSignOfLife?: (peer: Peer) => void;
  /**
   * A message was not delivered. The payload is valid during the call only. `unread`: the peer has
   * certainly not read it, because it was never written, or because the peer has closed the
   * connection in order and has said how much it has read.
   */
  readonly onDropped: (
    to: string,
    lane: Lane,
    payload: Uint8Array,
    reason: SendRefusal,
    unread: boolean,
  ) => void;
}
