import { type ActorRef, Ref } from "../../actor/ref/ref.ts";
import type { NodePeer } from "../../transport/base/peer.ts";
import type { TopologyService } from "../gateway/topology.ts";
import { rules } from "../../runtime/rules.ts";

/** Where nodes tell each other what their actors offer. */
export const servicesPath = "/_cluster/services";

/** What a node says of its own services; without a list it says only which one is its newest. */
interface ServiceNews {
  /** Counts the lists of one life of a node. */
  readonly counter: number;
  /** Whether the newest list of the one that hears this is wanted. */
  readonly want: boolean;
  readonly services?: readonly TopologyService[];
}

/** What a {@linkcode ServiceExchange} needs. */
export interface ServiceExchangePort {
  /** This node's address. */
  readonly self: string;
  /** What actors of this node offer; the same array until it changes. */
  local(): readonly TopologyService[];
  /** Best effort. */
  send(to: string, news: ServiceNews): void;
  /** Something that `services` answers has changed. */
  changed(): void;
}

/** What another node has told. */
interface Told {
  readonly incarnation: number;
  readonly counter: number;
  readonly services: readonly TopologyService[];
}

/** Nodes of which is remembered that they have spoken before they were members here. */
const maxEarly = 1_000;
const maxServices = 100_000;
const maxRefs = 1_000_000;
const maxKey = 1_000;

/**
 * Spreads what actors offer: each node tells its own whole list with a counter, so that what is
 * withdrawn goes everywhere, and what a lost node has offered goes with it. Lists that were lost on
 * the way are asked for.
 */
export class ServiceExchange {
  readonly #port: ServiceExchangePort;
  readonly #told = new Map<string, Told>();
  /** The other members, and which life of each it is. */
  #members: ReadonlyMap<string, number> = new Map();
  #unreachable: ReadonlySet<string> = new Set();
  /** Who has told something that was not kept. */
  readonly #early = new Set<string>();
  #counter = 0;
  #merged: readonly TopologyService[] | undefined;

  /** Knows this node's services only. */
  constructor(port: ServiceExchangePort) {
    this.#port = port;
  }

  /** What actors of all members offer; the same array until it changes. */
  services(): readonly TopologyService[] {
    return this.#merged ??= merge([
      this.#port.local(),
      ...[...this.#told.values()].map(({ services }) => services),
    ]);
  }

  /** What actors of reachable other members offer, by key; members in the order of addresses. */
  remote(): ReadonlyMap<string, readonly ActorRef<never>[]> {
    const nodes = [...this.#told.keys()].filter((node) => !this.#unreachable.has(node)).sort();
    return byKey(nodes.map((node) => this.#told.get(node)!.services));
  }

  /** Actors of this node offer something else than before. */
  onLocalChange(): void {
    this.#counter++;
    for (const to of this.#members.keys()) this.#tell(to);
    this.#onChange();
  }

  /** The other members with their incarnations, and who of them cannot be reached, as of now. */
  onMembers(members: ReadonlyMap<string, number>, unreachable: ReadonlySet<string>): void {
    const before = this.#members;
    const lost = this.#unreachable;
    this.#members = members;
    this.#unreachable = unreachable;
    let changed = false;
    for (const [node, { incarnation }] of this.#told) {
      const life = members.get(node);
      // What a former life has offered went with it.
      const isGone = life === undefined || (life !== before.get(node) && incarnation < life);
      if (isGone) changed = this.#told.delete(node) || changed;
      else if (unreachable.has(node) !== lost.has(node)) changed = true;
    }
    for (const [to, life] of members) {
      if (before.get(to) !== life) this.#meet(to);
      // What was said while it could not be reached may be lost.
      else if (lost.has(to) && !unreachable.has(to)) this.#compare(to);
    }
    if (changed) this.#onChange();
  }

  /** Takes what another node has said. */
  receive({ address, incarnation }: NodePeer, value: unknown): void {
    const news = parseNews(value, address);
    if (news === undefined) return;
    if (news.want) this.#tell(address);
    // Who is not a member yet is asked when it is: its list would never be dropped otherwise.
    if (!this.#members.has(address)) {
      if (this.#early.size >= maxEarly) this.#early.clear();
      this.#early.add(address);
      return;
    }
    const known = this.#told.get(address);
    const { counter, services } = news;
    if (known !== undefined) {
      if (known.incarnation > incarnation) return;
      const isStale = known.incarnation === incarnation && known.counter >= counter;
      if (isStale && rules.staleServiceListsAreIgnored) return;
    }
    if (services === undefined) {
      // Nothing was ever offered if the counter is 0, and so there is nothing to ask for.
      if (counter > 0) this.#port.send(address, { counter: this.#counter, want: true });
      else if (this.#told.delete(address)) this.#onChange();
      return;
    }
    const kept = rules.withdrawnServicesDisappear
      ? services
      : [...known?.services ?? [], ...services];
    this.#told.set(address, { incarnation, counter, services: kept });
    this.#onChange();
  }

  /** Now and then: says which list is the newest, in case one was lost. */
  tick(): void {
    for (const to of this.#members.keys()) this.#compare(to);
  }

  /**
   * Each of two wants the other's list. The lower address asks, and tells its own; if both did, each
   * pair of nodes would connect twice at once. The other asks if what it was told was not kept.
   */
  #meet(to: string): void {
    const spokeEarly = this.#early.delete(to);
    if (spokeEarly || this.#port.self < to) this.#tell(to, true);
  }

  #compare(to: string): void {
    this.#port.send(to, { counter: this.#counter, want: false });
  }

  #tell(to: string, want = false): void {
    const services = this.#port.local();
    this.#port.send(to, { counter: this.#counter, want, services });
  }

  #onChange(): void {
    this.#merged = undefined;
    this.#port.changed();
  }
}

function merge(lists: readonly (readonly TopologyService[])[]): readonly TopologyService[] {
  return [...byKey(lists)].map(([key, refs]) => ({ key, refs }));
}

function byKey(lists: readonly (readonly TopologyService[])[]): Map<string, ActorRef<never>[]> {
  const merged = new Map<string, ActorRef<never>[]>();
  for (const list of lists) {
    for (const { key, refs } of list) {
      const known = merged.get(key);
      if (known === undefined) merged.set(key, [...refs]);
      else known.push(...refs);
    }
  }
  return merged;
}

function parseNews(value: unknown, from: string): ServiceNews | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { counter, want, services } = value as Record<string, unknown>;
  if (!Number.isSafeInteger(counter) || (counter as number) < 0) return undefined;
  if (typeof want !== "boolean") return undefined;
  if (services !== undefined && !areServices(services, from)) return undefined;
  return { counter: counter as number, want, ...(services !== undefined && { services }) };
}

/** Whether the value is a list of what actors of one node offer: of no other node's. */
function areServices(value: unknown, node: string): value is TopologyService[] {
  return Array.isArray(value) && value.length <= maxServices &&
    value.every((service) =>
      typeof service?.key === "string" && service.key.length <= maxKey &&
      Array.isArray(service.refs) && service.refs.length <= maxRefs &&
      service.refs.every((ref: unknown) => ref instanceof Ref && ref.node === node)
    );
}
