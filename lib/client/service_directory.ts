import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import { ListingSubscription } from "../actor/services/listing_subscription.ts";
import { serviceIdOf, type ServiceKey } from "../actor/services/service_key.ts";
import type { Topology } from "../cluster/gateway/topology.ts";

type Refs = readonly ActorRef<never>[];

/** Of one key, which determines the type. */
type Subscription = Pick<ListingSubscription<never>, "end"> & { offer(refs: Refs): void };

const none: Refs = Object.freeze([]);

/** The services of the latest topology; without actors on nodes that are not reachable. */
export class ServiceDirectory {
  #listings: ReadonlyMap<string, Refs> = new Map();
  readonly #subscriptions = new Map<string, Set<Subscription>>();
  #closed = false;

  /** The actors that offer a service now. The list never changes. */
  lookup<M>(key: ServiceKey<M>): readonly ActorRef<M>[] {
    return (this.#listings.get(serviceIdOf(key)) ?? none) as readonly ActorRef<M>[];
  }

  /** All listings by the ids of their keys. */
  get listings(): ReadonlyMap<string, Refs> {
    return this.#listings;
  }

  /** The listings from now on, the present one first. */
  subscribe<M>(key: ServiceKey<M>): ListingSubscription<M> {
    const id = serviceIdOf(key);
    const subscriptions = this.#subscriptions.get(id) ?? new Set();
    this.#subscriptions.set(id, subscriptions);
    const subscription = new ListingSubscription<M>(() => {
      subscriptions.delete(subscription as Subscription);
      if (subscriptions.size === 0 && this.#subscriptions.get(id) === subscriptions) {
        this.#subscriptions.delete(id);
      }
    });
    subscriptions.add(subscription as Subscription);
    subscription.offer(this.lookup(key));
    if (this.#closed) subscription.end();
    return subscription;
  }

  /** The cluster has changed. `isReachable`: whether a node can be sent to. */
  update({ services }: Topology, isReachable: (node: string) => boolean): void {
    const before = this.#listings;
    const listings = new Map<string, Refs>();
    for (const { key, refs } of services) {
      const reachable = refs.filter((ref) => ref instanceof Ref && isReachable(ref.node));
      if (reachable.length > 0) listings.set(key, keep(before.get(key) ?? none, reachable));
    }
    this.#listings = listings;
    for (const [key, subscriptions] of this.#subscriptions) {
      const refs = listings.get(key) ?? none;
      if (refs === (before.get(key) ?? none)) continue;
      for (const subscription of [...subscriptions]) subscription.offer(refs);
    }
  }

  /** Ends all subscriptions. */
  close(): void {
    this.#closed = true;
    for (const subscriptions of [...this.#subscriptions.values()]) {
      for (const subscription of [...subscriptions]) subscription.end();
    }
  }
}

/** The new list, made of the references of the old one where they are the same actor's. */
function keep(old: Refs, refs: Refs): Refs {
  const known = new Map(old.map((ref) => [ref.key, ref]));
  const kept = refs.map((ref) => known.get(ref.key) ?? ref);
  const isSame = kept.length === old.length && kept.every((ref, index) => ref === old[index]);
  return isSame ? old : Object.freeze(kept);
}
