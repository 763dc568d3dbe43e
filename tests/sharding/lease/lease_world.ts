/**
 * A model of a cluster, only as far as leases need it: nodes with clocks of their own, a network that
 * delays, loses, duplicates and reorders, views that lag. Deterministic: all follows from the seed.
 * After each event it is checked that no two nodes own one shard while both hold leases.
 *
 * Assumed of the membership: a member is removed only when it has ended or ends within 3 s, and one
 * that is up is known to all.
 *
 * @module
 */
import {
  compareVersions,
  type ConfigVersion,
  type HolderId,
  holderKey,
  type LeaseConfig,
} from "../../../lib/sharding/lease/lease_config.ts";
import {
  defaultLeaseTiming,
  type LeaseTiming,
  maxClockDrift,
} from "../../../lib/sharding/lease/lease_timing.ts";
import { compareTerms } from "../../../lib/sharding/routing/term.ts";
import { SeededRandom } from "../../../lib/testkit/seeded_random.ts";
import { EventQueue } from "./event_queue.ts";
import type { LeaseCoordinator } from "./lease_coordinator.ts";
import type { LeaseMessage } from "./lease_message.ts";
import { LeaseNode } from "./lease_node.ts";

/** Rules of the coordinator and the owners around the machines. */
export interface ModelRules {
  readonly grantsNameVersions: boolean;
  readonly formerClaimsConflict: boolean;
  readonly claimsDisplaceNoOwner: boolean;
  readonly readmitsWhenActive: boolean;
  readonly conflictsExclude: boolean;
  readonly claimsDelayGrants: boolean;
}

/** How a world is set up. */
export interface WorldOptions {
  readonly timing?: Partial<LeaseTiming>;
  readonly nodes?: number;
  readonly shards?: number;
  /** Every clock is as fast or slow as allowed. */
  readonly extremeClocks?: boolean;
  /** The longest usual delay of a message. */
  readonly delay?: number;
  readonly rules?: Partial<ModelRules>;
}

interface MemberEvent {
  readonly id: HolderId;
  readonly upNumber: number;
  readonly removed: boolean;
  readonly known: Set<LeaseNode>;
}

/** A violated invariant. */
export class Violation extends Error {}

const tickInterval = 100;

/** See the module's text. */
export class LeaseWorld {
  readonly random: SeededRandom;
  readonly timing: LeaseTiming;
  readonly shards: number;
  readonly rules: ModelRules;
  readonly awaitsMembers: boolean;
  readonly nodes: LeaseNode[] = [];
  time = 0;
  /** No faults any more. */
  calm = false;
  loss = 0;
  duplicates = 0;
  /** How many messages are delayed for long. */
  late = 0;
  delay: number;
  readonly #extremeClocks: boolean;
  /** Cut links, `from>to` by address. */
  readonly cut = new Set<string>();
  readonly #queue = new EventQueue();
  readonly #events: MemberEvent[] = [];
  readonly #incarnations = new Map<string, number>();
  #founder: HolderId | undefined;
  #upNumbers = 0;
  readonly #commits = new Map<string, ConfigVersion>();
  readonly #bases: { readonly version: ConfigVersion; readonly base: ConfigVersion }[] = [];
  /** For statistics: how often something that a test is about has happened. */
  readonly counts: Record<string, number> = {};

  constructor(seed: number | string, options: WorldOptions = {}) {
    this.random = new SeededRandom(seed);
    this.timing = { ...defaultLeaseTiming, ...options.timing };
    this.shards = options.shards ?? 2;
    this.delay = options.delay ?? 10;
    this.#extremeClocks = options.extremeClocks ?? false;
    this.rules = {
      grantsNameVersions: true,
      formerClaimsConflict: true,
      claimsDisplaceNoOwner: true,
      readmitsWhenActive: true,
      conflictsExclude: true,
      claimsDelayGrants: true,
      ...options.rules,
    };
    this.awaitsMembers = this.random.next() < 0.5;
    const count = options.nodes ?? 2 + this.int(4);
    for (let i = 0; i < count; i++) this.start(`n${i}`);
    this.#promoteAll();
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

  /** Some of them, in any order; at least one. */
  subset<T>(list: readonly T[]): T[] {
    const rest = [...list];
    const chosen: T[] = [];
    const size = this.random.next() < 0.6 ? rest.length : 1 + this.int(rest.length);
    const ordered = this.random.next() < 0.5;
    while (chosen.length < size && rest.length > 0) {
      chosen.push(rest.splice(ordered ? 0 : this.int(rest.length), 1)[0]!);
    }
    return chosen;
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  living(): LeaseNode[] {
    return this.nodes.filter(({ alive }) => alive);
  }

  /** Nodes that live on. */
  lasting(): LeaseNode[] {
    return this.nodes.filter(({ alive, doomed }) => alive && !doomed);
  }

  isFounder(id: HolderId): boolean {
    return this.#founder !== undefined && holderKey(id) === holderKey(this.#founder);
  }

  /** Starts a node, or a new incarnation of one that has ended. */
  start(address: string): void {
    const incarnation = (this.#incarnations.get(address) ?? 0) + 1;
    this.#incarnations.set(address, incarnation);
    const drift = this.#extremeClocks ? this.pick([-1, 1]) : 2 * this.random.next() - 1;
    const id = { address, incarnation };
    const node = new LeaseNode(this, id, 1 + drift * maxClockDrift, this.int(1_000_000));
    const isFirst = this.nodes.length === 0;
    if (isFirst) this.#founder = id;
    const upNumber = isFirst ? ++this.#upNumbers : 0;
    // A node that rejoins gets the state of a member.
    const contact = this.living()[0];
    this.nodes.push(node);
    for (const event of this.#events) {
      if (contact !== undefined && event.known.has(contact)) this.#learn(node, event);
      else this.#spread(event, node);
    }
    this.#announce(id, upNumber, false, node);
    this.#tick(node);
  }

  /** A node ends at once. `inOrder`: its removal needs no failure detection. */
  remove(node: LeaseNode, inOrder = false): void {
    if (!node.alive) return;
    node.alive = false;
    node.backlog.length = 0;
    const after = inOrder ? this.int(300) : 1_500 + this.int(3_000);
    this.at(this.time + after, () => this.#announceRemoval(node.id));
  }

  /** The others remove a node that lives; it ends within 3 s. */
  down(node: LeaseNode): void {
    node.doomed = true;
    this.#announceRemoval(node.id);
    this.at(this.time + this.int(3_000), () => {
      node.alive = false;
    });
  }

  suspend(node: LeaseNode, duration: number): void {
    if (!node.alive || node.clock.suspendedAt !== undefined) return;
    node.clock.suspendedAt = this.time;
    node.mustLook = true;
    this.at(this.time + duration, () => {
      node.clock.resume(this.time);
      this.#resume(node);
    });
  }

  pause(node: LeaseNode, duration: number): void {
    node.pausedUntil = Math.max(node.pausedUntil, this.time + duration);
    this.at(node.pausedUntil, () => this.#resume(node));
  }

  at(time: number, task: () => void): void {
    this.#queue.push(time, task);
  }

  /** Runs a task on a node, later if it stands still. */
  run(node: LeaseNode, time: number, task: () => void): void {
    this.at(time, () => {
      if (!node.alive) return;
      if (this.#stands(node)) node.backlog.push(task);
      else this.#execute(node, task);
    });
  }

  #stands(node: LeaseNode): boolean {
    return node.clock.suspendedAt !== undefined || this.time < node.pausedUntil;
  }

  #execute(node: LeaseNode, task: () => void): void {
    node.holder.look(node.now, node.wallTime);
    node.mustLook = false;
    task();
    this.#check(node);
  }

  #resume(node: LeaseNode): void {
    if (!node.alive || this.#stands(node)) return;
    for (const task of node.backlog.splice(0)) {
      if (node.alive) this.#execute(node, task);
    }
    if (node.alive) this.#execute(node, () => {});
  }

  #tick(node: LeaseNode): void {
    this.run(node, this.time + tickInterval * (0.8 + 0.4 * this.random.next()), () => {
      node.tick();
      this.#tick(node);
    });
  }

  isCut(from: string, to: string): boolean {
    return this.cut.size > 0 && this.cut.has(`${from}>${to}`);
  }

  /** Whether a node sees that another one answers. */
  reaches(from: LeaseNode, to: HolderId): boolean {
    if (from.id.address === to.address) return true;
    const node = this.#find(to);
    return node !== undefined && !this.#stands(node) && !this.isCut(from.id.address, to.address) &&
      !this.isCut(to.address, from.id.address);
  }

  #find(id: HolderId): LeaseNode | undefined {
    return this.nodes.find((node) =>
      node.alive && node.id.address === id.address && node.id.incarnation === id.incarnation
    );
  }

  send(from: LeaseNode, to: HolderId, message: LeaseMessage): void {
    const isLocal = from.id.address === to.address;
    const node = this.#find(to);
    if (node === undefined) return;
    if (!isLocal && (this.isCut(from.id.address, to.address) || this.chaos(this.loss))) return;
    const copies = !isLocal && this.chaos(this.duplicates) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      let delay = isLocal ? 0 : this.delay * this.random.next();
      if (!isLocal && this.chaos(this.late)) delay += this.random.next() * 4_000;
      this.run(node, this.time + delay, () => node.receive(from.id, message));
    }
  }

  // Membership.

  #announceRemoval(id: HolderId): void {
    const origin = this.living().find((node) => node.isMember(id)) ?? this.living()[0];
    if (origin !== undefined) this.#announce(id, 0, true, origin);
  }

  #announce(id: HolderId, upNumber: number, removed: boolean, origin: LeaseNode): void {
    const event: MemberEvent = { id, upNumber, removed, known: new Set() };
    this.#events.push(event);
    this.#learn(origin, event);
    for (const node of this.living()) if (node !== origin) this.#spread(event, node);
  }

  #spread(event: MemberEvent, node: LeaseNode): void {
    const delay = this.calm ? 20 : this.chaos(0.15) ? this.int(3_000) : this.int(200);
    this.at(this.time + delay, () => {
      if (!node.alive || event.known.has(node)) return;
      const knowing = [...event.known].filter(({ alive }) => alive);
      if (knowing.length === 0 && !event.removed) return;
      // Without them a removal is found out again.
      const isHeard = knowing.length === 0 || knowing.some(({ id }) => this.reaches(node, id));
      if (this.#stands(node) || !isHeard) {
        this.at(this.time + 200, () => this.#spread(event, node));
        return;
      }
      this.#execute(node, () => this.#learn(node, event));
    });
  }

  #learn(node: LeaseNode, event: MemberEvent): void {
    event.known.add(node);
    if (event.removed) node.removeMember(event.id);
    else node.addMember(event.id, event.upNumber);
  }

  #promoteAll(): void {
    for (const event of this.#events) {
      if (!event.removed && event.upNumber === 0) this.#promote(event);
    }
    this.at(this.time + 100, () => this.#promoteAll());
  }

  /** A member is up when all know it. */
  #promote(event: MemberEvent): void {
    const isKnown = this.living().every((node) =>
      event.known.has(node) || node.removed.has(holderKey(event.id))
    );
    const origin = this.#find(event.id);
    const isUp = this.#events.some(({ id, upNumber }) =>
      upNumber > 0 && holderKey(id) === holderKey(event.id)
    );
    if (isKnown && origin !== undefined && !isUp) {
      this.#announce(event.id, ++this.#upNumbers, false, origin);
    }
  }

  // Invariants.

  /** Only the node that has just done something can have become a second owner. */
  #check(node: LeaseNode): void {
    if (node.shards.size === 0 || !node.runs) return;
    for (const other of this.nodes) {
      if (other === node || !other.runs) continue;
      for (const [shard, epoch] of node.shards) {
        const held = other.shards.get(shard);
        if (held === undefined) continue;
        throw new Violation(
          `at ${this.time.toFixed(0)} shard ${shard} has two owners: ${
            holderKey(node.id)
          } by epoch ` +
            `${epoch} and ${holderKey(other.id)} by epoch ${held}`,
        );
      }
    }
  }

  /** A coordinator has found the configuration of its term. */
  began(coordinator: LeaseCoordinator): void {
    const version = coordinator.config.version!;
    this.#bases.push({ version, base: coordinator.base! });
    for (const commit of this.#commits.values()) {
      this.#checkBase(version, coordinator.base!, commit);
    }
  }

  committed(coordinator: LeaseCoordinator, config: LeaseConfig): void {
    const key = coordinator.term.join();
    const known = this.#commits.get(key);
    if (known !== undefined && compareVersions(config.version, known) <= 0) return;
    this.count("commits");
    this.#commits.set(key, config.version);
    for (const { version, base } of this.#bases) this.#checkBase(version, base, config.version);
  }

  /** No term begins without what another one before it has committed, or will commit. */
  #checkBase(version: ConfigVersion, base: ConfigVersion, commit: ConfigVersion): void {
    if (compareTerms(version[0], commit[0]) <= 0 || compareVersions(base, commit) >= 0) return;
    // What only the dead, and members that are not known to all, had adopted is lost. It binds nobody.
    if (!this.living().some((node) => node.isUp && node.hasAdopted(commit))) return;
    if (!this.living().some((node) => node.isBoundBy(version[0]))) return;
    throw new Violation(
      `at ${this.time.toFixed(0)} term ${
        version[0]
      } began with ${base}, but ${commit} is committed`,
    );
  }

  /** What is missing for a healthy cluster; undefined: nothing. */
  unhealthy(): string | undefined {
    const nodes = this.living();
    const leaders = nodes.filter(({ coordinator }) => coordinator.leads);
    if (leaders.length !== 1) return `${leaders.length} coordinators`;
    const { coordinator } = leaders[0]!;
    if (!coordinator.config.established) {
      return `not established; missing ${coordinator.config.missingVotes().map(holderKey)}`;
    }
    if (!coordinator.active) {
      return `waits for ${coordinator.config.unaccounted(leaders[0]!.now).map(holderKey)}`;
    }
    if (!coordinator.isComplete()) return "shards are not granted";
    if (!coordinator.config.idle) return "a change is under way";
    for (const node of nodes) {
      if (!node.holder.holds(node.now)) return `${holderKey(node.id)} holds no lease`;
    }
    for (let shard = 0; shard < this.shards; shard++) {
      if (!nodes.some((node) => node.shards.has(shard))) return `shard ${shard} does not run`;
    }
    return undefined;
  }

  /** Handles all events until a time. */
  runUntil(time: number, done: () => boolean = () => false): void {
    while (true) {
      const next = this.#queue.pop();
      if (next === undefined) break;
      if (next.at > time) {
        this.#queue.push(next.at, next.task);
        break;
      }
      this.time = Math.max(this.time, next.at);
      next.task();
      if (done()) return;
    }
    this.time = time;
  }
}
