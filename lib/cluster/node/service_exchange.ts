import { type ActorRef, Ref } from "../../actor/ref/ref.ts";
import type { NodePeer } from "../../transport/base/peer.ts";
import type { TopologyService } from "../gateway/topology.ts";
import { rules } from "../../runtime/rules.ts";

/** Path of service messages. */
export const servicesPath = "/_cluster/services";

/** Announces the services of a node; without a list, only the number of its newest one. */
interface ServiceMessage {
  /** Counts the lists of one incarnation of a node. */
  readonly counter: number;
  /** Whether the sender requests the newest list of the receiver. */
  readonly want: boolean;
  readonly services?: readonly TopologyService[];
}

/** The dependencies of a {@linkcode ServiceExchange}. */
export interface ServiceExchangePort {
  /** This node's address. */
  readonly self: string;
  /** Services of this node; the same array until it changes. */
  local(): readonly TopologyService[];
  /** Best effort. */
  send(to: string, message: ServiceMessage): void;
  /** The result of `services` has changed. */
  changed(): void;
}

/** The newest list of another node. */
interface NodeServices {
  readonly incarnation: number;
  readonly counter: number;
  readonly services: readonly TopologyService[];
}

/** Maximum number of nodes in the set of early senders. */
const maxEarly = 1_000;
const maxServices = 100_000;
const maxRefs = 1_000_000;
const maxKey = 1_000;

/**
 * Replicates services: each node sends its own whole list with a counter, so that a withdrawal
 * reaches all nodes, and the services of a removed node are removed with it. Lost lists are
 * requested again.
 */
export class ServiceExchange {
  readonly #port: ServiceExchangePort;
  readonly #remote = new Map<string, NodeServices>();
  /** The other members with their incarnations. */
  #members: ReadonlyMap<string, number> = new Map();
  #unreachable: ReadonlySet<string> = new Set();
  /** Members that leave: nothing new is sent to services on them. */
  #leaving: ReadonlySet<string> = new Set();
  /** Nodes that have sent a list before they were members here; the list was dropped. */
  readonly #early = new Set<string>();
  #counter = 0;
  #merged: readonly TopologyService[] | undefined;

  /** Starts with the services of this node. */
  constructor(port: ServiceExchangePort) {
    this.#port = port;
  }

  /** Services of all members; the same array until it changes. */
  services(): readonly TopologyService[] {
    return this.#merged ??= merge([
      this.#port.local(),
      ...[...this.#remote.values()].map(({ services }) => services),
    ]);
  }

  /**
   * Services of other members that are reachable and do not leave, by key; members in the order of
   * addresses.
   */
  remote(): ReadonlyMap<string, readonly ActorRef<never>[]> {
    const nodes = [...this.#remote.keys()]
      .filter((node) => !this.#unreachable.has(node) && !this.#leaves(node)).sort();
    return byKey(nodes.map((node) => this.#remote.get(node)!.services));
  }

  #leaves(node: string): boolean {
    return rules.leavingIsNotListed && this.#leaving.has(node);
  }

  /** The services of this node have changed. */
  onLocalChange(): void {
    this.#counter++;
    for (const to of this.#members.keys()) this.#sendList(to);
    this.#onChange();
  }

  /** The current other members with their incarnations, the unreachable and the leaving ones. */
  onMembers(
    members: ReadonlyMap<string, number>,
    unreachable: ReadonlySet<string>,
    leaving: ReadonlySet<string> = new Set(),
  ): void {
    const before = this.#members;
    const lost = this.#unreachable;
    const left = this.#leaving;
    this.#members = members;
    this.#unreachable = unreachable;
    this.#leaving = leaving;
    let changed = false;
    for (const [node, { incarnation }] of this.#remote) {
      const current = members.get(node);
      // The services of an earlier incarnation have ended.
      const isGone = current === undefined ||
        (current !== before.get(node) && incarnation < current);
      if (isGone) changed = this.#remote.delete(node) || changed;
      else if (unreachable.has(node) !== lost.has(node)) changed = true;
      else if (leaving.has(node) !== left.has(node)) changed = true;
    }
    for (const [to, current] of members) {
      if (before.get(to) !== current) this.#startExchange(to);
      // Messages may have been lost while it was unreachable.
      else if (lost.has(to) && !unreachable.has(to)) this.#sendCounter(to);
    }
    if (changed) this.#onChange();
  }

  /** Handles a message of another node. */
  receive({ address, incarnation }: NodePeer, value: unknown): void {
    const message = parseMessage(value, address);
    if (message === undefined) return;
    if (message.want) this.#sendList(address);
    // Request the list of a node only once it is a member: otherwise the list would never be
    // removed.
    if (!this.#members.has(address)) {
      if (this.#early.size >= maxEarly) this.#early.clear();
      this.#early.add(address);
      return;
    }
    const known = this.#remote.get(address);
    const { counter, services } = message;
    if (known !== undefined) {
      if (known.incarnation > incarnation) return;
      const isStale = known.incarnation === incarnation && known.counter >= counter;
      if (isStale && rules.staleServiceListsAreIgnored) return;
    }
    if (services === undefined) {
      // Counter 0: the node never had a list, so there is nothing to request.
      if (counter > 0) this.#port.send(address, { counter: this.#counter, want: true });
      else if (this.#remote.delete(address)) this.#onChange();
      return;
    }
    const kept = rules.withdrawnServicesDisappear
      ? services
      : [...known?.services ?? [], ...services];
    this.#remote.set(address, { incarnation, counter, services: kept });
    this.#onChange();
  }

  /** A member leaves: this incarnation of it offers nothing any more. False if it is no member. */
  withdraw({ address, incarnation }: Pick<NodePeer, "address" | "incarnation">): boolean {
    const current = this.#members.get(address);
    if (current === undefined) return false;
    if (current > incarnation) return true;
    const known = this.#remote.get(address);
    // Lists that arrive later are older.
    this.#remote.set(address, { incarnation, counter: Infinity, services: [] });
    if (known !== undefined && known.services.length > 0) this.#onChange();
    return true;
  }

  /** Periodic: sends the number of the newest list, in case one was lost. */
  tick(): void {
    for (const to of this.#members.keys()) this.#sendCounter(to);
  }

  /**
   * Starts the exchange with a new member. The lower address sends its list with a request; if both
   * did, each pair of nodes would connect twice at once. The other node requests a list only if it
   * has dropped one before.
   */
  #startExchange(to: string): void {
    const sentEarly = this.#early.delete(to);
    if (sentEarly || this.#port.self < to) this.#sendList(to, true);
  }

  #sendCounter(to: string): void {
    this.#port.send(to, { counter: this.#counter, want: false });
  }

  #sendList(to: string, want = false): void {
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

function parseMessage(value: unknown, from: string): ServiceMessage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { counter, want, services } = value as Record<string, unknown>;
  if (!Number.isSafeInteger(counter) || (counter as number) < 0) return undefined;
  if (typeof want !== "boolean") return undefined;
  if (services !== undefined && !areServices(services, from)) return undefined;
  return { counter: counter as number, want, ...(services !== undefined && { services }) };
}

/** Whether the value is a list of services whose actors all belong to that node. */
function areServices(value: unknown, node: string): value is TopologyService[] {
  return Array.isArray(value) && value.length <= maxServices &&
    value.every((service) =>
      typeof service?.key === "string" && service.key.length <= maxKey &&
      Array.isArray(service.refs) && service.refs.length <= maxRefs &&
      service.refs.every((ref: unknown) => ref instanceof Ref && ref.node === node)
    );
}
