import { namesHolder, namesOtherHolder } from "../base/client_address.ts";
import { holderOf, type Peer } from "../base/peer.ts";

/** Largest number of client addresses, for one certificate holder and in all. */
const maxOfHolder = 1_000;
const maxAddresses = 100_000;

/** An address that belongs to the holder of a certificate, and since when (milliseconds). */
export interface AddressClaim {
  readonly address: string;
  readonly holder: string;
  readonly since: number;
}

/**
 * Which certificate each client address belongs to. References lead to a client by its address,
 * also while it is not connected: the holder of another certificate must not receive what is sent
 * there. The holder is the full URI of the certificate.
 *
 * An address that names its holder (`client_address.ts`) is checked by itself. Others belong to the
 * holder that has used them first; the nodes of a cluster exchange these claims. When a holder uses
 * too many addresses, its own oldest addresses are dropped, and never those of another holder.
 */
export class ClientAddressRegistry {
  readonly #claims = new Map<string, AddressClaim>();
  /** Addresses by holder, the oldest first. */
  readonly #addresses = new Map<string, Set<string>>();
  readonly #now: () => number;
  /** Called with each claim that was made at this node. */
  onClaim: ((claim: AddressClaim) => void) | undefined;
  /** Whether the claims of other nodes are known. Until then no unclaimed address is accepted. */
  isComplete: () => boolean = () => true;

  /** `now`: milliseconds on a monotonic clock. */
  constructor(now: () => number = () => 0) {
    this.#now = now;
  }

  /** Whether the client's address belongs to another holder. */
  belongsToOther(peer: Peer): boolean {
    if (peer.role !== "client" || peer.identity.kind === "plain") return false;
    if (namesHolder(peer.address)) return namesOtherHolder(peer);
    const claim = this.#claims.get(peer.address);
    return claim !== undefined && claim.holder !== holderOf(peer);
  }

  /** Whether it is not known yet to whom the client's address belongs. */
  isUndecided(peer: Peer): boolean {
    if (peer.role !== "client" || peer.identity.kind === "plain") return false;
    return !namesHolder(peer.address) && !this.#claims.has(peer.address) && !this.isComplete();
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
    if (namesHolder(peer.address)) return;
    const known = this.#claims.get(peer.address);
    const claim = known ?? { address: peer.address, holder: holderOf(peer), since: this.#now() };
    this.#add(claim);
    if (known === undefined) this.onClaim?.(claim);
  }

  /**
   * Another node knows of a claim. The older of two claims holds.
   *
   * @returns whether the address belonged to another holder here, who must be disconnected.
   */
  learn(claim: AddressClaim): boolean {
    const known = this.#claims.get(claim.address);
    if (known !== undefined && !isOlder(claim, known)) return false;
    if (known !== undefined) this.#forget(known);
    this.#add(claim);
    return known !== undefined && known.holder !== claim.holder;
  }

  /** All claims. */
  claims(): Iterable<AddressClaim> {
    return this.#claims.values();
  }

  #add(claim: AddressClaim): void {
    const { address, holder } = claim;
    let own = this.#addresses.get(holder);
    if (own === undefined) this.#addresses.set(holder, own = new Set());
    own.delete(address);
    own.add(address);
    this.#claims.set(address, claim);
    if (own.size > maxOfHolder) this.#forget(this.#claims.get(oldestOf(own))!);
    if (this.#claims.size > maxAddresses) this.#forget(oldestOf(this.#claims.values()));
  }

  #forget({ address, holder }: AddressClaim): void {
    const own = this.#addresses.get(holder);
    this.#claims.delete(address);
    own?.delete(address);
    if (own?.size === 0) this.#addresses.delete(holder);
  }
}

function isOlder(a: AddressClaim, b: AddressClaim): boolean {
  return a.since !== b.since ? a.since < b.since : a.holder < b.holder;
}

function oldestOf<T>(items: Iterable<T>): T {
  const [oldest] = items;
  return oldest!;
}
