/**
 * Nodes with sharding only, on virtual time: a membership whose views arrive late, a control lane that
 * loses, repeats and reorders messages, a data lane that keeps order, and a table of all entities that
 * run. Everything follows from one seed.
 */
import type { CoordinationMessage } from "../../lib/sharding/coordinator/coordination_protocol.ts";
import type { CoordinatorTiming } from "../../lib/sharding/coordinator/coordinator.ts";
import type { CoordinatorView } from "../../lib/sharding/coordinator/coordinator_view.ts";
import { regionPath, shardingPath } from "../../lib/sharding/routing/protocol.ts";
import type { ShardRunner } from "../../lib/sharding/region/region.ts";
import { ShardingMachine } from "../../lib/sharding/sharding_machine.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { type LeaseMessage, leasePath } from "../../lib/sharding/lease/lease_protocol.ts";
import { MachineWorld } from "../machine_world.ts";

export const numShards = 12;

/** Wall time when a world begins. */
const wallStart = Date.UTC(2026, 0, 1);

/** A violated invariant. */
export class Violation extends Error {}

/** How the world is made. */
export interface WorldOptions {
  readonly seed: number;
  /** Parts of control messages that are lost, and that come twice. */
  readonly loss?: number;
  readonly repeats?: number;
  /** Milliseconds that a control message takes at most; they overtake each other. */
  readonly delay?: number;
  /** Milliseconds until a change of the members reaches a node, at most. */
  readonly lag?: number;
  readonly shardTypes?: readonly string[];
  /** 0: only requested shards are granted. */
  readonly eagerGrants?: number;
  /**
   * Whether what a node has sent to an owner that was lost and replaced may arrive after newer messages,
   * when that owner is back: nobody waits for it, as `docs/sharding.md` says. Default false: two of
   * 20 000 seeds see it, and it would hide other faults.
   */
  readonly latePassing?: boolean;
  /** Another implementation, to see that it fails. */
  readonly make?: typeof ShardingMachine;
}

interface Truth {
  readonly address: string;
  readonly incarnation: number;
  leaving: boolean;
  /** All have seen it join, and the leader has made it up. Each node learns that by itself. */
  up: boolean;
  /** In which order it became up; 0: not yet. */
  upNumber: number;
}

/** A message of the test: who has sent it, and its number there. */
interface Numbered {
  readonly sender: string;
  readonly number: number;
  /** When it was sent. */
  readonly at: number;
}

/** One incarnation of a node. */
export class WorldNode {
  readonly world: World;
  readonly address: string;
  readonly incarnation: number;
  readonly shards: ShardingMachine;
  alive = true;
  /** It has handed all shards off and sends no messages of its own any more. */
  leaving = false;
  /** It has passed messages on since. */
  passesOn = false;
  /** It has closed its connections in order: what has not arrived was certainly not read. */
  saidGoodbye = false;
  /** The number of its view; a later view has a higher one. */
  heard = -1;
  /** The incarnations that it has heard of, and those of which it knows that they are up. */
  readonly knows = new Set<string>();
  readonly ups = new Set<string>();
  /** Gives it its view again, with what it knows by now. */
  look: () => void = () => {};
  /** Entities that live here, by shard. */
  readonly entities = new Map<string, Map<number, Set<string>>>();
  #sent = 0;
  /** What entities have not done yet, since this node holds no lease. */
  #suspended: { readonly shards: Map<number, Set<string>>; shard: number; run: () => void }[] = [];

  constructor(world: World, address: string, incarnation: number) {
    this.world = world;
    this.address = address;
    this.incarnation = incarnation;
    this.shards = new world.make({
      self: address,
      now: () => world.now,
      wallTime: () => wallStart + world.now,
      onLease: () => this.#resume(),
      send: (to, path, message) => world.send(this, to, path, message),
      deadLetter: (reason, target) => world.lost.push(`${reason} ${target}`),
      publish: () => {},
      log: () => {},
      onAnswer: () => {},
      ownerReplaced: (_owner, shardType, shard) => world.gaveUp(this, shardType, shard),
    }, world.timing);
    for (const shardType of world.shardTypes) {
      this.shards.add({ shardType, numShards, runner: this.#runner(shardType) });
      this.shards.open(shardType);
    }
    this.#tick();
  }

  /** Sends an entity the next number of this node. */
  tell(shardType: string, entityId: string): void {
    const { world } = this;
    const sender = `${this.address}/${this.incarnation}`;
    const message: Numbered = { sender, number: ++this.#sent, at: world.now };
    world.told++;
    this.shards.routers.get(shardType)!.route(entityId, message);
  }

  /** Its process ends. */
  crash(): void {
    this.alive = false;
    for (const [shardType, shards] of this.entities) {
      for (const ids of shards.values()) {
        for (const id of ids) this.world.died(this, shardType, id);
      }
    }
    this.entities.clear();
  }

  /** Whether its entities run: a node without a lease keeps them and what is sent to them. */
  get runs(): boolean {
    return this.shards.lease.holds;
  }

  #resume(): void {
    if (!this.alive || !this.runs) return;
    for (const { run } of this.#suspended.splice(0)) run();
  }

  /** What was certainly not read comes back. False: it is lost. */
  sendAgain(to: string, path: string, message: unknown): boolean {
    if (!this.alive) return false;
    for (const router of this.shards.routers.values()) {
      if (regionPath(router.shardType) === path) return router.undelivered(to, message);
    }
    return false;
  }

  #tick(): void {
    this.world.later(250, () => {
      if (!this.alive) return;
      this.shards.tick();
      this.#tick();
    });
  }

  #runner(shardType: string): ShardRunner {
    const shards = new Map<number, Set<string>>();
    this.entities.set(shardType, shards);
    const stop = (shard: number) => {
      for (const id of shards.get(shard) ?? []) this.world.died(this, shardType, id);
      shards.delete(shard);
    };
    const handle = (shard: number, entityId: string, message: Numbered) => {
      const ids = shards.get(shard) ?? new Set();
      shards.set(shard, ids);
      if (!ids.has(entityId)) {
        ids.add(entityId);
        this.world.born(this, shardType, entityId);
      }
      this.world.got(this, shardType, entityId, message);
    };
    return {
      startShard: () => {},
      renewShard: () => {},
      deliver: (shard, entityId, message) => {
        const run = () => handle(shard, entityId, message as Numbered);
        if (this.runs) run();
        else this.#suspended.push({ shards, shard, run });
      },
      stopShard: (shard, how, done) => {
        if (how === "now") {
          const kept = this.#suspended.filter((one) =>
            one.shards !== shards || one.shard !== shard
          );
          const lost = this.#suspended.length - kept.length;
          this.#suspended = kept;
          if (lost > 0) this.world.lost.push(`${lost} of a shard that was fenced`);
          return stop(shard);
        }
        const end = () => {
          if (!this.alive) return;
          if (!this.runs) return void this.#suspended.push({ shards, shard, run: end });
          stop(shard);
          done();
        };
        this.world.later(this.world.random.next() * 120, end);
      },
    };
  }
}

/** See the module's text. */
export class World extends MachineWorld {
  readonly shardTypes: readonly string[];
  readonly timing: Partial<CoordinatorTiming>;
  readonly make: typeof ShardingMachine;
  readonly lost: string[] = [];
  readonly nodes: WorldNode[] = [];
  told = 0;
  received = 0;
  inFlight = 0;
  /** Milliseconds that a message has taken at most. */
  longest = 0;
  /**
   * Order is promised while no process dies: the dead may hold what others passed on by now. So may
   * one that leaves, if it still passes messages on when it has given all up.
   */
  ordered = true;
  /** Called with each control message that is sent. */
  onControl: (from: WorldNode, to: string, message: CoordinationMessage) => void = () => {};
  loss: number;
  repeats: number;
  lag: number;
  readonly #delay: number;
  readonly #truth: Truth[] = [];
  readonly #unreachable = new Set<string>();
  readonly #living = new Map<string, Set<WorldNode>>();
  readonly #last = new Map<string, number>();
  /** When a node has given up what it had sent for a shard to an owner that was lost and replaced. */
  readonly #gaveUp = new Map<string, number>();
  readonly #latePassing: boolean;
  #sides = new Map<string, number>();
  #version = 0;
  #lastUp = 0;

  constructor(options: WorldOptions) {
    super(options.seed);
    this.loss = options.loss ?? 0;
    this.repeats = options.repeats ?? 0;
    this.lag = options.lag ?? 300;
    this.#delay = options.delay ?? 30;
    this.shardTypes = options.shardTypes ?? ["one", "two"];
    this.timing = {
      rebalanceInterval: 1_500,
      retryInterval: 300,
      rebalanceShare: 0.25,
      ...(options.eagerGrants !== undefined && { eagerGrants: options.eagerGrants }),
    };
    this.#latePassing = options.latePassing ?? false;
    this.make = options.make ?? ShardingMachine;
  }

  /** A number below `below`. */
  pick(below: number): number {
    return Math.floor(this.random.next() * below);
  }

  get alive(): WorldNode[] {
    return this.nodes.filter(({ alive }) => alive);
  }

  find(address: string): WorldNode | undefined {
    return this.nodes.find((node) => node.address === address && node.alive);
  }

  /** The oldest member that runs. */
  get leader(): WorldNode | undefined {
    for (const { address } of this.#truth) {
      const node = this.find(address);
      if (node !== undefined) return node;
    }
    return undefined;
  }

  /** A node joins. */
  join(address: string): WorldNode {
    const incarnation = 1 + this.nodes.filter((node) => node.address === address).length;
    const node = new WorldNode(this, address, incarnation);
    const contact = this.leader;
    this.nodes.push(node);
    this.#remove(address);
    this.#unreachable.delete(address);
    this.#truth.push({ address, incarnation, leaving: false, up: false, upNumber: 0 });
    const key = `${address}/${incarnation}`;
    for (const other of [node, contact]) other?.knows.add(key);
    for (const known of contact?.knows ?? []) node.knows.add(known);
    for (const known of contact?.ups ?? []) node.ups.add(known);
    for (const other of this.alive) {
      this.later(this.random.next() * this.lag, () => {
        other.knows.add(key);
        other.look();
        this.#promote();
      });
    }
    // What was on its way to the contact arrives here, too.
    this.later(this.lag, () => {
      for (const { up, address, incarnation } of this.#truth) {
        node.knows.add(`${address}/${incarnation}`);
        if (up) node.ups.add(`${address}/${incarnation}`);
      }
      node.look();
      this.#promote();
    });
    this.#changed();
    return node;
  }

  /** A process ends; the others remove it later. */
  crash(node: WorldNode, { heard = 1_000, dead = 2_500 } = {}): void {
    node.crash();
    this.ordered = false;
    const { address, incarnation } = node;
    const stillDead = () =>
      this.#truth.some((t) => t.address === address && t.incarnation === incarnation);
    this.later(heard * (0.5 + this.random.next()), () => {
      if (!stillDead()) return;
      this.#unreachable.add(address);
      this.#changed();
    });
    this.later(heard * 1.5 + dead, () => {
      if (!stillDead()) return;
      this.#unreachable.delete(address);
      this.#remove(address);
      this.#changed();
    });
  }

  /** A node hands its shards off, then leaves. */
  retire(node: WorldNode): void {
    node.shards.retire();
    const look = () => {
      if (!node.alive) return;
      const last = this.alive.length === 1;
      if (!node.shards.retired || (node.shards.lease.votes && !last)) return this.later(50, look);
      node.shards.lease.release();
      node.leaving = true;
      const member = this.#truth.find(({ address }) => address === node.address);
      if (member !== undefined) member.leaving = true;
      this.#changed();
      this.later(600, () => {
        if (!node.alive) return;
        if (!node.shards.retired || node.passesOn) this.ordered = false;
        this.#remove(node.address);
        this.#changed();
        this.later(this.lag, () => {
          // A node that closes in order counts what it could not forward.
          if (node.alive) {
            node.shards.close();
            node.saidGoodbye = true;
          }
          node.crash();
        });
      });
    };
    look();
  }

  /**
   * A node begins to hand its shards off, and closes its connections in order before that is done and
   * before others have heard of it.
   */
  leaveInHaste(node: WorldNode): void {
    node.leaving = true;
    this.ordered = false;
    node.shards.retire();
    this.later(this.random.next() * 400, () => {
      if (!node.alive) return;
      node.shards.close();
      node.saidGoodbye = true;
      node.crash();
      this.later(200, () => {
        this.#remove(node.address);
        this.#changed();
      });
    });
  }

  /** Partitions these nodes from all others; views follow later. */
  cut(addresses: readonly string[]): void {
    this.#sides = new Map(addresses.map((address) => [address, 1]));
    this.later(500, () => this.#changed());
  }

  /** One side has gone on, the others end their processes, sooner or later. */
  decide(side: number): void {
    for (const { address } of [...this.#truth]) {
      if (this.#side(address) === side) continue;
      this.#remove(address);
      const node = this.find(address);
      if (node !== undefined) this.later(this.random.next() * 2_000, () => node.crash());
    }
    this.#changed();
  }

  /** All can reach all again. */
  heal(): void {
    this.#sides = new Map();
    this.#changed();
  }

  send(from: WorldNode, to: string, path: string, message: unknown): void {
    if (!from.alive) return;
    const target = this.find(to);
    const isControl = path === shardingPath || path === leasePath;
    if (path === shardingPath) this.onControl(from, to, message as CoordinationMessage);
    const mustArrive = to === from.address;
    const copies = !isControl || mustArrive
      ? 1
      : this.copies({ loss: this.loss, duplication: this.repeats });
    for (let copy = 0; copy < copies; copy++) {
      const delay = mustArrive && isControl ? 0 : this.random.next() * this.#delay;
      // A connection keeps order, the control lane does not.
      const lane = isControl ? undefined : `${from.address}>${to}`;
      const counted = !isControl && typeof (message as unknown[])[0] === "string";
      if (counted) {
        this.inFlight++;
        if (from.leaving) from.passesOn = true;
      }
      this.carry(delay, lane, () => {
        if (counted) this.inFlight--;
        if (target === undefined || !target.alive || !this.#connected(from, target)) {
          // Without a process at the address nothing was written.
          const unread = target === undefined || (target.saidGoodbye && !target.alive);
          const kept = unread && !isControl && from.sendAgain(to, path, message);
          if (counted && !kept) this.lost.push(`connection ${path}`);
          return;
        }
        if (path === leasePath) {
          return target.shards.receiveLease(from.address, message as LeaseMessage);
        }
        if (isControl) return target.shards.receive(from.address, message as CoordinationMessage);
        for (const router of target.shards.routers.values()) {
          if (regionPath(router.shardType) !== path) continue;
          const { address } = from;
          const sender = { address, account: address, accountable: address, client: undefined };
          target.shards.intake.receive(router, sender, message);
        }
      });
    }
  }

  born(node: WorldNode, shardType: string, id: string): void {
    const key = `${shardType}/${id}`;
    const living = this.#living.get(key) ?? new Set();
    this.#living.set(key, living);
    living.add(node);
  }

  /** No other node runs the entity, whether the two reach each other or not. */
  #checkAlone(node: WorldNode, shardType: string, id: string): void {
    const key = `${shardType}/${id}`;
    for (const other of this.#living.get(key) ?? []) {
      if (other === node || !other.alive || !other.runs) continue;
      throw new Violation(
        `${key} (shard ${shardOf(id, numShards)}) runs at ${node.address} at ${
          Math.round(this.now)
        } ms, and at ${other.address}`,
      );
    }
  }

  died(node: WorldNode, shardType: string, id: string): void {
    this.#living.get(`${shardType}/${id}`)?.delete(node);
  }

  got(node: WorldNode, shardType: string, id: string, { sender, number, at }: Numbered): void {
    this.#checkAlone(node, shardType, id);
    this.received++;
    this.longest = Math.max(this.longest, this.now - at);
    const key = `${sender}>${shardType}/${id}`;
    const last = this.#last.get(key) ?? 0;
    const gaveUpAt = this.#gaveUp.get(`${sender}>${shardType}/${shardOf(id, numShards)}`);
    const isGivenUp = this.#latePassing && gaveUpAt !== undefined && at <= gaveUpAt;
    if (number <= last && this.ordered && !isGivenUp) {
      throw new Violation(`${key}: ${number} comes after ${last}, at ${Math.round(this.now)} ms`);
    }
    this.#last.set(key, Math.max(last, number));
  }

  /** A node uses a new route, and does not wait for what it has sent to the lost owner before. */
  gaveUp({ address, incarnation }: WorldNode, shardType: string, shard: number): void {
    this.#gaveUp.set(`${address}/${incarnation}>${shardType}/${shard}`, this.now);
  }

  /** The newest number that an entity has had of a node. */
  lastOf(node: WorldNode, shardType: string, id: string): number {
    return this.#last.get(`${node.address}/${node.incarnation}>${shardType}/${id}`) ?? 0;
  }

  /** Members that all have heard of become up, unless some cannot be reached. */
  #promote(): void {
    if (this.#unreachable.size > 0 || this.#sides.size > 0) return;
    const members = this.alive.filter((node) => this.#isMember(node));
    for (const member of this.#truth) {
      const key = `${member.address}/${member.incarnation}`;
      if (member.up || !members.every(({ knows }) => knows.has(key))) continue;
      member.up = true;
      member.upNumber = ++this.#lastUp;
      for (const node of members) {
        const delay = node === this.leader ? 0 : this.random.next() * this.lag;
        this.later(delay, () => {
          node.ups.add(key);
          node.look();
        });
      }
    }
  }

  #isMember({ address, incarnation }: WorldNode): boolean {
    return this.#truth.some((m) => m.address === address && m.incarnation === incarnation);
  }

  #side(address: string): number {
    return this.#sides.get(address) ?? 0;
  }

  #connected(a: WorldNode, b: WorldNode): boolean {
    return a === b || this.#side(a.address) === this.#side(b.address);
  }

  #remove(address: string): void {
    const index = this.#truth.findIndex((member) => member.address === address);
    if (index >= 0) this.#truth.splice(index, 1);
  }

  /** The change reaches each node at a time of its own. */
  #changed(): void {
    const version = ++this.#version;
    const truth = this.#truth.map((member) => ({ ...member }));
    const unreachable = new Set(this.#unreachable);
    const sides = new Map(this.#sides);
    const sideOf = (address: string) => sides.get(address) ?? 0;
    const members = this.alive.filter(({ address }) =>
      truth.some((member) => member.address === address)
    );
    const tell = (node: WorldNode) => {
      if (!node.alive || node.heard > version) return;
      node.heard = version;
      node.look = () => tell(node);
      const reachable = (address: string) =>
        !unreachable.has(address) && sideOf(address) === sideOf(node.address);
      const known = truth.filter((m) => node.knows.has(`${m.address}/${m.incarnation}`));
      const isUp = (address: string, incarnation: number) =>
        node.ups.has(`${address}/${incarnation}`);
      const view: CoordinatorView = {
        self: node.address,
        leader: (known.find((m) => isUp(m.address, m.incarnation) && reachable(m.address)) ??
          known.find(({ address }) => reachable(address)))?.address,
        members: known.map(({ address, incarnation, leaving, upNumber }) => ({
          address,
          incarnation,
          eligible: isUp(address, incarnation) && !leaving && reachable(address),
          joining: !isUp(address, incarnation),
          full: isUp(address, incarnation),
          upNumber: isUp(address, incarnation) ? upNumber : 0,
          unreachable: reachable(address)
            ? undefined
            : unreachable.has(address)
            ? "gone" as const
            : "silent" as const,
          roles: [],
          appVersion: undefined,
        })).toSorted((a, b) => a.address < b.address ? -1 : 1),
      };
      node.shards.onView(view);
    };
    for (const node of members) {
      this.later(this.random.next() * this.lag, () => tell(node));
    }
    this.#promote();
  }
}
