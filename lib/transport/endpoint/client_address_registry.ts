import { holderOf, type Peer } from "../base/peer.ts";

/** Largest number of client addresses, for one certificate holder and in all. */
const maxOfHolder = 1_000;
const maxAddresses = 100_000;

/**
 * Which certificate each client address belongs to. References lead to a client by its address,
 * also while it is not connected: the holder of another certificate must not receive what is sent
 * there. The holder is the full URI of the certificate. When a holder uses too many addresses, its
 * own oldest addresses are dropped, and never those of another holder.
 */
export class ClientAddressRegistry {
  /** Holder by address. */
  readonly #holders = new Map<string, string>();
  /** Addresses by holder, the oldest first. */
  readonly #addresses = new Map<string, Set<string>>();

  /** Whether the client's address belongs to another holder. */
  belongsToOther(peer: Peer): boolean {
    if (peer.role !== "client" || peer.identity.kind === "plain") return false;
    const holder = this.#holders.get(peer.address);
    return holder !== undefined && holder !== holderOf(peer);
  }

  /**
   * Whether a client that is connected to another node may use its address. If so, the address
   * belongs to it from then on.
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
