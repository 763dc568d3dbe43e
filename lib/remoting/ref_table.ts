import type { Ref } from "../actor/ref/ref.ts";
import { type AccountFacts, accountOf } from "../transport/base/peer.ts";
import { Tally } from "../transport/base/tally.ts";
import { type Arrival, Arrived, RemoteRef } from "./remote_ref.ts";

/** References that were decoded last and are kept; a power of two. */
const recentRefs = 1_024;
/** Older references that are found again while they are alive: of one account, and of all. */
const maxOldPerAccount = 8_192;
const maxOld = 32_768;
/** References that become old between two searches for those that are not alive any more. */
const minBetweenSweeps = 1_024;

/** A reference that is not kept, only found. */
interface OldRef {
  readonly node: string;
  readonly path: string;
  readonly uid: number;
  readonly ref: WeakRef<Ref<unknown>>;
  readonly account: string;
}

/**
 * The references to actors of other systems that this system has decoded: an address that arrives again
 * becomes the object that it was before, as long as that is alive.
 *
 * The last ones are kept, each in the slot of its address, so that those that are used again and again
 * are found without a search. One that has arrived again there can be found while somebody holds it,
 * also after it has given way to another. Most references arrive once, which therefore costs next to
 * nothing: a `WeakRef` for each would double the cost of decoding it.
 *
 * A peer can make the references of others give way, which costs them a search, and has a bounded share
 * of the old ones. What is beyond a bound, and one of two with the same number at different addresses,
 * is another object the next time.
 */
export class RefTable {
  #recent: (Arrival | undefined)[] | undefined;
  /** By the number of their incarnation, which hardly two systems use; where that is 0, by address. */
  readonly #old = new Map<number | string, OldRef>();
  readonly #ofAccount = new Tally();
  #untilSweep = minBetweenSweeps;

  /** How many old references can be found. */
  get size(): number {
    return this.#old.size;
  }

  /** The reference with an address, if it is alive. */
  find(node: string, path: string, uid: number): Ref<unknown> | undefined {
    const recent = this.#recent?.[slotOf(path, uid)];
    if (
      recent !== undefined && recent.uid === uid && recent.path === path && recent.node === node
    ) {
      if (recent.state === Arrived.once) recent.state = Arrived.again;
      return recent.ref;
    }
    return this.#old.size === 0 ? undefined : this.#findOld(node, path, uid);
  }

  /** A reference was made of an address that `peer` has sent; undefined: this system itself. */
  add(
    node: string,
    path: string,
    uid: number,
    ref: Ref<unknown>,
    peer: AccountFacts | undefined,
  ): void {
    this.#put(arrivalOf(node, path, uid, ref), peer);
  }

  #findOld(node: string, path: string, uid: number): Ref<unknown> | undefined {
    const old = this.#old.get(keyOf(node, path, uid));
    if (old === undefined || old.path !== path || old.node !== node) return undefined;
    const ref = old.ref.deref();
    if (ref === undefined) return undefined;
    const arrival = arrivalOf(node, path, uid, ref);
    this.#put(arrival, arrival.from);
    arrival.state = Arrived.old;
    return ref;
  }

  #put(arrival: Arrival, peer: AccountFacts | undefined): void {
    const recent = this.#recent ??= new Array(recentRefs).fill(undefined);
    const slot = slotOf(arrival.path, arrival.uid);
    const evicted = recent[slot];
    recent[slot] = arrival;
    arrival.from = peer;
    if (evicted !== undefined && evicted.state === Arrived.again) this.#age(evicted);
  }

  /** From now on the reference is not kept, only found. */
  #age(arrival: Arrival): void {
    if (--this.#untilSweep <= 0) this.#sweep();
    const { node, path, uid, ref, from } = arrival;
    const key = keyOf(node, path, uid);
    const known = this.#old.get(key);
    if (known !== undefined) {
      if (known.ref.deref() !== undefined) return;
      this.#forget(key, known);
    }
    const account = from === undefined ? "" : accountOf(from);
    if (this.#old.size >= maxOld || this.#ofAccount.of(account) >= maxOldPerAccount) return;
    this.#ofAccount.add(account, 1);
    arrival.state = Arrived.old;
    this.#old.set(key, { node, path, uid, ref: new WeakRef(ref), account });
  }

  /** Forgets what is not alive. Its cost is spread over as many references as it looks at. */
  #sweep(): void {
    for (const [key, old] of this.#old) {
      if (old.ref.deref() === undefined) this.#forget(key, old);
    }
    this.#untilSweep = Math.max(minBetweenSweeps, this.#old.size);
  }

  #forget(key: number | string, { account }: OldRef): void {
    this.#old.delete(key);
    this.#ofAccount.add(account, -1);
  }
}

/** What the table keeps of a reference: itself, if it has the address that has arrived. */
function arrivalOf(node: string, path: string, uid: number, ref: Ref<unknown>): Arrival {
  if (ref instanceof RemoteRef) return ref;
  return { node, path, uid, ref, from: undefined, state: Arrived.once };
}

function keyOf(node: string, path: string, uid: number): number | string {
  return uid === 0 ? node + path : uid;
}

/** Incarnations of one system follow each other in the slots; other addresses share some by chance. */
function slotOf(path: string, uid: number): number {
  if (uid !== 0) return uid & (recentRefs - 1);
  const { length } = path;
  const end = Math.imul(path.charCodeAt(length - 1), 31) ^
    Math.imul(path.charCodeAt(length - 2), 7);
  return (end ^ Math.imul(path.charCodeAt(length - 3), 131) ^ length) & (recentRefs - 1);
}
