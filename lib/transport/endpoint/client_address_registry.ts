import { holderOf, type Peer } from "../base/peer.ts";

/** Addresses of clients that are remembered for one holder of a certificate, and for all. */
const maxOfHolder = 1_000;
const maxAddresses = 100_000;

/**
 * Whose the addresses of clients are. References lead to a client by its address, also after it has
 * lost its connection: whoever else connects under that address must not get what is sent there. A
 * holder who takes many addresses makes this forget his own and nobody else's.
 */
export class ClientAddressRegistry {
  /** Holder by address. */
  readonly #holders = new Map<string, string>();
  /** Addresses by holder, the oldest first. */
  readonly #addresses = new Map<string, Set<string>>();

  /** Whether the client's address is known to be that of another holder. */
  belongsToOther(peer: Peer): boolean {
    if (peer.role !== "client" || peer.identity.kind === "plain") return false;
    const holder = this.#holders.get(peer.address);
    return holder !== undefined && holder !== holderOf(peer);
  }

  /**
   * Whether a client that is connected to another node may go by its address. From then on it is
   * known to be its own.
   */
  admits(peer: Peer): boolean {
    if (this.belongsToOther(peer)) return false;
    this.remember(peer);
    return true;
  }

  /** The client is connected. */
  remember(peer: Peer): void {
    if (peer.role !== "client" || peer.identity.kind === "plain") return;
    const holder = holderOf(peer);
    let own = this.#addresses.get(holder);
    if (own === undefined) this.#addresses.set(holder, own = new Set());
    own.delete(peer.address);
    own.add(peer.address);
    this.#holders.set(peer.address, holder);
    if (own.size > maxOfHolder) this.#forget(oldestOf(own));
    if (this.#holders.size > maxAddresses) this.#forget(oldestOf(this.#holders.keys()));
  }

  #forget(address: string): void {
    const holder = this.#holders.get(address)!;
    const own = this.#addresses.get(holder)!;
    this.#holders.delete(address);
    own.delete(address);
    if (own.size === 0) this.#addresses.delete(holder);
  }
}

function oldestOf(addresses: Iterable<string>): string {
  const [oldest] = addresses;
  return oldest!;
}
