/**
 * A model of one replicated shard: nodes with disks that lose what was not durable, a network that delays,
 * loses, repeats and reorders, coordinators that fail and know nothing afterwards, owners that are paused
 * longer than their leases. Deterministic: all follows from the seed.
 *
 * Checked at each step: entries that any copy takes for acknowledged are the same everywhere, forever; who
 * opens the log has all of them; an owner without a lease acknowledges nothing.
 *
 * @module
 */
import { mergeBootstrap } from "../../lib/replication/bootstrap_record.ts";
import {
  compareReplicaVersions,
  isReadSet,
  type ReplicaConfig,
  sameStore,
  type StoreId,
  storesOf,
} from "../../lib/replication/replica_config.ts";
import type { ReplicationMessage } from "../../lib/replication/replication_protocol.ts";
import type { ReplicationTiming } from "../../lib/replication/replication_timing.ts";
import type { LogEntry } from "../../lib/replication/shard_log.ts";
import type { LogPosition } from "../../lib/replication/log_position.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { MachineWorld } from "../machine_world.ts";
import { type Told, WorldCoordinator } from "./world_coordinator.ts";
import { type Stored, valueOf, type WorldDisk } from "./world_disk.ts";
import { WorldNode } from "./world_node.ts";

/** How a world is set up. */
export interface ReplicationOptions {
  readonly nodes: number;
  readonly replicas: number;
  readonly minAcks: number;
  /** Copies are in memory: a process that ends loses them. */
  readonly inMemory: boolean;
  /** A shard is granted anew only when the lease of its owner has ended. */
  readonly leases: boolean;
  readonly zones: boolean;
  readonly loss: number;
  readonly repeats: number;
  /** Messages that take up to three seconds. */
  readonly late: number;
  readonly delay: number;
  /** A person notices stores that are gone for good, and says so at the owner. */
  readonly retires: boolean;
  readonly timing: Partial<ReplicationTiming>;
}

/** A violated invariant. */
export class Violation extends Error {}

interface Opening {
  readonly epoch: number;
  readonly address: string;
  /** Positions of its log up to the entry that begins the epoch. */
  readonly positions: ReadonlyMap<number, LogPosition>;
  readonly base: LogPosition;
}

/** How long a node may be down or unreachable until the others remove it, in milliseconds. */
const downAfter = 1_500;

/** See the module's text. */
export class ReplicationWorld extends MachineWorld {
  readonly options: ReplicationOptions;
  readonly nodes: WorldNode[] = [];
  readonly counts: Record<string, number> = {};
  /** No faults any more. */
  calm = false;
  readonly #cut = new Set<string>();
  readonly #unreachableSince = new Map<WorldNode, number>();
  /** Entries that were acknowledged may be missing from now on. */
  acceptsLoss = false;
  /** Stores that are gone for good. */
  readonly lostStores: StoreId[] = [];
  /** All entries that any copy has taken for acknowledged, by index. */
  readonly #truth = new Map<number, LogEntry>();
  #highest = 0;
  readonly #openings: Opening[] = [];
  #coordinator: WorldCoordinator | undefined;
  #coordinators = 0;
  #stores = 0;
  #values = 0;
  #closed = false;
  readonly #person: SeededRandom;

  constructor(seed: number, options: ReplicationOptions) {
    super(seed);
    this.options = options;
    this.#person = new SeededRandom(`person ${seed}`);
    for (let i = 0; i < options.nodes; i++) this.nodes.push(new WorldNode(this, `n${i}`));
    for (const node of this.nodes) this.later(this.int(400), () => this.start(node));
    this.#lead();
    this.#tick();
  }

  int(bound: number): number {
    return Math.floor(this.random.next() * bound);
  }

  /** Happens with a probability, and never when calm. */
  chaos(probability: number): boolean {
    return !this.calm && this.random.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!;
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  newStore(): number {
    return ++this.#stores;
  }

  newValue(): number {
    return ++this.#values;
  }

  node(address: string): WorldNode {
    return this.nodes.find((node) => node.address === address)!;
  }

  fail(why: string): never {
    throw new Violation(`at ${this.now.toFixed(1)}: ${why}`);
  }

  get highest(): number {
    return this.#highest;
  }

  // Nodes.

  start(node: WorldNode): void {
    if (node.up) return;
    node.start();
    // A node runs the type when it has stored the bootstrap record of the coordinator.
    const coordinator = this.#coordinator;
    if (coordinator !== undefined && !coordinator.isGone) coordinator.teach(node);
    else {
      for (const other of this.nodes) {
        if (!other.up) continue;
        const merged = mergeBootstrap(node.holder.record, other.holder.record);
        node.holder.record = node.disk.bootstrap = merged;
      }
    }
    this.#unreachableSince.delete(node);
  }

  crash(node: WorldNode, loseDisk = false): void {
    if (!node.up) return;
    // With the last node all copies in memory end, and all that was known of them: that is no fault.
    if (this.options.inMemory && this.nodes.filter(({ up }) => up).length === 1) return;
    const loses = loseDisk || this.options.inMemory;
    if (loses) this.lostStores.push(node.id);
    node.crash(loses);
    this.count(loses ? "crashes that lose the copy" : "crashes");
  }

  /** Nodes that run the type, as far as the others know. */
  members(): WorldNode[] {
    return this.nodes.filter((node) => {
      if (!node.up) return node.incarnation > 0 && this.now - node.downSince < downAfter;
      const since = this.#unreachableSince.get(node);
      return since === undefined || this.now - since < downAfter;
    });
  }

  // Network.

  isCut(a: WorldNode, b: WorldNode): boolean {
    return this.#cut.size > 0 && this.#cut.has(`${a.address}>${b.address}`);
  }

  /** Cuts a group off, in both directions or one. */
  partition(group: readonly WorldNode[], oneWay: boolean): void {
    for (const a of this.nodes) {
      for (const b of this.nodes) {
        if (group.includes(a) === group.includes(b)) continue;
        if (!oneWay || group.includes(a)) this.#cut.add(`${a.address}>${b.address}`);
      }
    }
  }

  heal(): void {
    this.#cut.clear();
  }

  /** Delivers to the process that runs there at the time of arrival. */
  carryTo(from: WorldNode, to: WorldNode, deliver: () => void): void {
    const isLocal = from === to;
    if (!isLocal && this.isCut(from, to)) return;
    const { loss, repeats, late, delay } = this.options;
    const odds = this.calm ? {} : { loss, duplication: repeats };
    const copies = isLocal ? 1 : this.copies(odds);
    for (let i = 0; i < copies; i++) {
      let time = isLocal ? 0 : 0.2 + delay * this.random.next();
      if (!isLocal && this.chaos(late)) time += 3_000 * this.random.next();
      this.later(time, () => {
        if (isLocal || !this.isCut(from, to)) deliver();
      });
    }
  }

  send(from: WorldNode, address: string, message: ReplicationMessage): void {
    const to = this.node(address);
    this.count("messages");
    this.carryTo(from, to, () => {
      to.step({ type: "received", from: from.address, message });
    });
  }

  // Coordinator.

  toCoordinator(from: WorldNode, told: Told): void {
    const coordinator = this.#coordinator;
    if (coordinator === undefined) return;
    this.carryTo(from, coordinator.node, () => coordinator.hear(from, told));
  }

  get coordinator(): WorldCoordinator | undefined {
    return this.#coordinator;
  }

  /** Another node becomes coordinator. The one before may go on for a while. */
  changeCoordinator(): void {
    const before = this.#coordinator;
    this.#coordinator = undefined;
    if (before !== undefined) {
      this.later(this.chaos(0.5) ? 1_000 * this.random.next() : 0, () => before.end());
      this.count("coordinators");
    }
  }

  #lead(): void {
    const before = this.#coordinator;
    if (before !== undefined && (before.isGone || this.#isAlone(before.node))) {
      this.changeCoordinator();
    }
    if (this.#coordinator === undefined) {
      const able = this.nodes.filter((node) => node.up && !node.stands && !this.#isAlone(node));
      if (able.length > 0) {
        this.#coordinator = new WorldCoordinator(this, this.pick(able), ++this.#coordinators);
      }
    }
    this.later(200 + this.int(300), () => this.#lead());
  }

  /** Whether a node reaches fewer than half of those that are up. */
  #isAlone(node: WorldNode): boolean {
    const up = this.nodes.filter((other) => other.up);
    const reached = up.filter((other) => !this.isCut(node, other) && !this.isCut(other, node));
    return 2 * reached.length <= up.length && up.length > 1;
  }

  #tick(): void {
    for (const node of this.nodes) {
      const coordinator = this.#coordinator;
      const isReached = node.up && !node.stands && !this.#isAlone(node);
      if (isReached && coordinator !== undefined) {
        // While a takeover waits for the end of the lease, it is not renewed.
        const isOwner = node.machine!.primary !== undefined;
        if (!isOwner || coordinator.isKept(node.address) || coordinator.owner !== node.address) {
          node.leaseUntil = this.now + 400;
        }
      }
      if (!node.up) continue;
      if (isReached) this.#unreachableSince.delete(node);
      else if (!this.#unreachableSince.has(node)) this.#unreachableSince.set(node, this.now);
      // It was removed: it restarts as another member.
      const since = this.#unreachableSince.get(node);
      if (since !== undefined && this.now - since > downAfter + 1_000) {
        this.crash(node);
        this.later(this.int(1_000), () => this.start(node));
      }
    }
    if (this.options.retires) this.#retireLost();
    this.later(100, () => this.#tick());
  }

  #retireLost(): void {
    for (const node of this.nodes) {
      const primary = node.up && !node.stands ? node.machine?.primary : undefined;
      if (primary?.config === undefined) continue;
      const { epoch } = primary;
      for (const store of storesOf(primary.config)) {
        const isLost = this.lostStores.some((lost) => sameStore(lost, store));
        if (!isLost || this.#person.next() > 0.2) continue;
        this.count("stores retired");
        node.step({ type: "retire", epoch, store });
      }
    }
  }

  onOpenHeard(coordinator: WorldCoordinator): void {
    if (this.#closed || this.calm || !this.chaos(0.05)) return;
    this.#closed = true;
    this.count("bootstrap records closed");
    const closed = { stores: [], closed: true };
    for (const node of this.nodes) {
      this.carryTo(coordinator.node, node, () => {
        if (!node.up) return;
        node.holder.record = node.disk.bootstrap = mergeBootstrap(node.holder.record, closed);
      });
    }
  }

  // Invariants.

  /** A copy takes an entry for acknowledged. */
  onCommitted(node: WorldNode, entry: LogEntry): void {
    const known = this.#truth.get(entry.index);
    if (known === undefined) {
      this.#truth.set(entry.index, entry);
      this.#highest = Math.max(this.#highest, entry.index);
      for (const opening of this.#openings) {
        if (opening.epoch > entry.epoch) this.#checkOpening(opening, entry);
      }
    } else if (known.epoch !== entry.epoch || known.chain !== entry.chain) {
      this.fail(
        `${node.address} takes (${entry.epoch}, ${entry.index}) for acknowledged, ` +
          `others (${known.epoch}, ${known.index})`,
      );
    }
  }

  #checkOpening({ epoch, address, positions, base }: Opening, entry: LogPosition): void {
    const own = positions.get(entry.index);
    // What was cut off at the front of its log was acknowledged, and is compared by the chain of its base.
    if (own === undefined && entry.index <= base.index) return;
    if (own?.epoch === entry.epoch && own.chain === entry.chain) return;
    this.fail(
      `${address} has opened epoch ${epoch} with ${
        own?.epoch ?? "nothing"
      } at ${entry.index}, but ` +
        `(${entry.epoch}, ${entry.index}) is acknowledged`,
    );
  }

  onOpened(node: WorldNode, epoch: number, start: number): void {
    this.count("openings");
    const { log } = node.machine!.copy;
    const positions = new Map<number, LogPosition>();
    for (let index = log.base.index; index <= start; index++) {
      const position = log.at(index);
      if (position !== undefined) positions.set(index, position);
    }
    const { base } = log;
    const opening = { epoch, address: node.address, positions, base };
    this.#openings.push(opening);
    for (const entry of this.#truth.values()) {
      if (entry.epoch < epoch) this.#checkOpening(opening, entry);
    }
    if (this.acceptsLoss) return;
    if (base.index > 0 && this.#truth.get(base.index)?.chain !== base.chain) {
      this.fail(`${node.address} has another log before ${base.index}`);
    }
  }

  onAcknowledged(node: WorldNode, upTo: number): void {
    if (!node.holdsLease) this.fail(`${node.address} acknowledges ${upTo} without a lease`);
    if (this.#highest < upTo) this.fail(`${upTo} is told, but not known to be acknowledged`);
    this.count("acknowledgements");
  }

  /** The journals of all copies have what is acknowledged, once, in order. */
  checkJournals(): void {
    const truth = new Map<string, Stored[]>();
    for (let index = 1; index <= this.#highest; index++) {
      const [key, value] = valueOf(this.#truth.get(index)!) ?? [];
      if (key !== undefined) truth.set(key, [...truth.get(key) ?? [], [index, value!]]);
    }
    for (const { address, disk } of this.nodes) {
      if (disk.record.filling === undefined) this.#checkJournal(address, disk, truth);
    }
  }

  #checkJournal(
    address: string,
    { applied, journal }: WorldDisk,
    truth: ReadonlyMap<string, readonly Stored[]>,
  ): void {
    for (const key of new Set([...truth.keys(), ...journal.keys()])) {
      const own = journal.get(key) ?? [];
      const all = truth.get(key) ?? [];
      const due = all.filter(([index]) => index <= applied).length;
      const isPrefix = own.every(([index, value], i) =>
        all[i]?.[0] === index && all[i][1] === value
      );
      if (!isPrefix || own.length < due) {
        this.fail(
          `the journal of ${address} has ${
            JSON.stringify(own)
          } at ${key}, applied to ${applied}, ` +
            `expected was ${JSON.stringify(all)}`,
        );
      }
    }
  }

  /** What is missing for a healthy shard; undefined: nothing. */
  unhealthy(): string | undefined {
    const { replicas, nodes, minAcks } = this.options;
    const owner = this.nodes.find(({ machine }) => machine?.primary?.phase === "open");
    if (owner === undefined) {
      const waits = this.nodes.map(({ address, machine }) => {
        const status = machine?.primary?.status(this.now);
        return `${address} ${JSON.stringify(status)}`;
      });
      return `not open: ${waits.join("; ")}`;
    }
    const primary = owner.machine!.primary!;
    const { config, copies } = primary.status(this.now);
    const expected = Math.min(nodes, replicas + 1);
    if (config!.previous !== undefined) return "the copies change";
    if (config!.inSync.length !== expected || config!.minAcks !== minAcks) {
      return `${config!.inSync.length} of ${expected} copies`;
    }
    if (copies.some(({ entries }) => entries > 0)) return `copies lag: ${JSON.stringify(copies)}`;
    return undefined;
  }

  /** A person goes on without the copies that are gone. What was acknowledged before is not known any more. */
  acceptLoss(): void {
    this.acceptsLoss = true;
    this.#truth.clear();
    this.#openings.length = 0;
    this.#highest = 0;
    const accept = () => {
      for (const node of this.nodes) {
        const primary = node.machine?.primary;
        if (primary?.phase === "fencing") node.step({ type: "acceptLoss", epoch: primary.epoch });
      }
      this.later(500, accept);
    };
    accept();
  }

  /** Whether so many stores are gone for good that the shard cannot open. */
  isLost(): boolean {
    let newest: ReplicaConfig | undefined;
    const complete: StoreId[] = [];
    for (const { id, disk: { record: { config } } } of this.nodes) {
      complete.push(id);
      if (config === undefined) continue;
      if (newest === undefined || compareReplicaVersions(newest.version, config.version) < 0) {
        newest = config;
      }
    }
    if (newest !== undefined) {
      return !isReadSet(newest, (id) => complete.some((other) => sameStore(other, id)));
    }
    return this.nodes.some(({ disk: { bootstrap } }) =>
      bootstrap.closed ||
      bootstrap.stores.some((id) => this.lostStores.some((lost) => sameStore(lost, id)))
    );
  }
}
