import { mergeBootstrap } from "../../lib/replication/bootstrap_record.ts";
import type { PrimaryEffect } from "../../lib/replication/primary.ts";
import { type ReplicaOrder, ReplicaPlacement } from "../../lib/replication/replica_placement.ts";
import type { ReplicationWorld } from "./replication_world.ts";
import type { WorldNode } from "./world_node.ts";

/** What an owner tells its coordinator. */
export type Told = Extract<PrimaryEffect, { type: "status" | "preferOwner" | "needsEpoch" }>;

const shard = 0;
/** Epochs of different coordinators differ in their last digits. */
const coordinators = 65_536;

interface Grant {
  readonly owner: string;
  readonly incarnation: number;
  readonly epoch: number;
  sentAt: number;
  heard: boolean;
}

/**
 * The coordinator of the model, for as long as it leads: grants the one shard, and knows at first only what
 * it is told.
 */
export class WorldCoordinator {
  readonly world: ReplicationWorld;
  readonly node: WorldNode;
  readonly number: number;
  readonly #incarnation: number;
  readonly #placement: ReplicaPlacement;
  #counter = 0;
  #grant: Grant | undefined;
  #preferred: string | undefined;
  #lostSince: number | undefined;
  #members = "";
  #ended = false;

  constructor(world: ReplicationWorld, node: WorldNode, number: number) {
    this.world = world;
    this.node = node;
    this.number = number;
    this.#incarnation = node.incarnation;
    this.#placement = new ReplicaPlacement(
      "t",
      world.options.replicas,
      world.options.minAcks,
      300,
    );
    // It knows the epochs that copies have promised, unless a report was lost.
    if (!world.chaos(0.3)) {
      for (const other of this.#reachable()) this.#raise(other.machine!.copy.promised);
    }
    this.#adopt();
    this.#tick();
  }

  end(): void {
    this.#ended = true;
  }

  get isGone(): boolean {
    return this.node.incarnation !== this.#incarnation || !this.node.up;
  }

  get owner(): string | undefined {
    return this.#grant?.owner;
  }

  isKept(address: string): boolean {
    return this.#grant?.owner === address && this.#lostSince === undefined;
  }

  /** Takes over what an earlier coordinator has granted, if an owner tells. */
  #adopt(): void {
    const { world } = this;
    const owners = this.#reachable().filter(({ machine }) =>
      machine!.primary !== undefined && machine!.primary.phase !== "closed"
    );
    owners.sort((a, b) => b.machine!.primary!.epoch - a.machine!.primary!.epoch);
    const owner = owners[0];
    if (owner === undefined) return;
    const { epoch } = owner.machine!.primary!;
    this.#raise(epoch);
    const { address, incarnation } = owner;
    this.#grant = { owner: address, incarnation, epoch, sentAt: world.now, heard: true };
    this.#setNodes();
    this.#placement.granted(shard, address, epoch, world.now);
    this.#noteConfigs();
  }

  #noteConfigs(): void {
    for (const { machine } of this.#reachable()) {
      this.#placement.noteConfig(shard, machine!.copy.config);
    }
  }

  #raise(epoch: number): void {
    this.#counter = Math.max(this.#counter, Math.floor(epoch / coordinators) + 1);
  }

  #reachable(): WorldNode[] {
    return this.world.nodes.filter((node) =>
      node.up && !node.stands && !this.world.isCut(this.node, node)
    );
  }

  hear(from: WorldNode, told: Told): void {
    if (this.#ended || this.isGone) return;
    const { now } = this.world;
    if (told.type === "needsEpoch") {
      this.#raise(told.above);
      if (this.#grant?.owner === from.address && this.#grant.epoch <= told.above) {
        this.#grant = undefined;
      }
    } else if (told.type === "preferOwner") {
      const grant = this.#grant;
      if (grant?.owner !== from.address || from.machine?.primary?.epoch !== grant.epoch) return;
      this.#placement.preferOwner(shard, grant.epoch, told.address);
      this.#preferred = told.address;
    } else {
      const { status } = told;
      if (this.#grant?.epoch === status.epoch) this.#grant.heard = true;
      this.#send(this.#placement.status(shard, from.address, status, now));
      if (status.phase === "open") this.world.onOpenHeard(this);
    }
  }

  #tick(): void {
    const { world } = this;
    if (this.#ended || this.isGone) return;
    if (!this.node.stands) this.#act();
    world.later(100, () => this.#tick());
  }

  #setNodes(): ReplicaOrder[] {
    const nodes = this.world.members().map(({ address }, index) => ({
      address,
      ...(this.world.options.zones && { zone: `z${index % 2}` }),
    }));
    return this.#placement.nodes(nodes, this.world.now);
  }

  #act(): void {
    const { world } = this;
    const members = world.members().map(({ address }) => address);
    const text = members.join();
    if (text !== this.#members) {
      this.#members = text;
      this.#send(this.#setNodes());
    }
    for (const node of world.nodes) {
      world.carryTo(this.node, node, () => node.step({ type: "members", addresses: members }));
    }
    this.#send(this.#placement.tick(world.now));
    const grant = this.#grant;
    if (grant !== undefined) this.#watch(grant);
    if (this.#grant === undefined) this.#grantAnew();
    else if (!this.#grant.heard && world.now - this.#grant.sentAt > 300) {
      this.#sendGrant(this.#grant);
    }
  }

  /** Notices that the owner is lost, or is not the right one. */
  #watch(grant: Grant): void {
    const { world } = this;
    const owner = world.node(grant.owner);
    const primary = owner.machine?.primary;
    const isThere = owner.incarnation === grant.incarnation && owner.up &&
      !world.isCut(this.node, owner) && !owner.stands;
    const { promised = 0 } = owner.machine?.copy ?? {};
    if (isThere && promised > grant.epoch) {
      // Another coordinator has granted it as well.
      this.#raise(promised);
      this.#grant = undefined;
      return;
    }
    if (isThere && primary?.epoch === grant.epoch && primary.phase === "closed") {
      this.#grant = undefined;
      return;
    }
    if (isThere && this.#preferred !== undefined && this.#preferred !== grant.owner) {
      const preferred = world.node(this.#preferred);
      this.#preferred = undefined;
      if (preferred.up && !world.isCut(this.node, preferred)) this.#grant = undefined;
      return;
    }
    if (isThere) {
      this.#lostSince = undefined;
      return;
    }
    this.#lostSince ??= world.now;
    // A restarted owner holds no lease; the lease of another one has to end.
    const isRestarted = owner.incarnation !== grant.incarnation;
    const isOver = isRestarted || !world.options.leases || world.now > owner.leaseUntil + 50;
    if (world.now - this.#lostSince >= (isRestarted ? 100 : 500) && isOver) this.#grant = undefined;
  }

  /** Hands the shard off to another node. */
  move(): void {
    const grant = this.#grant;
    if (grant === undefined || this.isGone) return;
    const owner = this.world.node(grant.owner);
    if (!owner.up || owner.machine!.primary?.epoch !== grant.epoch) return;
    owner.step({ type: "stop" });
  }

  #grantAnew(): void {
    const { world } = this;
    this.#lostSince = undefined;
    this.#preferred = undefined;
    const able = this.#reachable().filter((node) => world.members().includes(node));
    if (able.length === 0) return;
    const addresses = able.map(({ address }) => address);
    this.#noteConfigs();
    const preferred = world.chaos(0.2) ? undefined : this.#placement.ownerOf(shard, addresses);
    const owner = preferred ?? world.pick(addresses);
    const epoch = this.#counter++ * coordinators + this.number;
    const { incarnation } = world.node(owner);
    this.#grant = { owner, incarnation, epoch, sentAt: world.now, heard: false };
    this.#setNodes();
    this.#placement.granted(shard, owner, epoch, world.now);
    this.#noteConfigs();
    world.count("grants");
    this.#sendGrant(this.#grant);
  }

  #sendGrant(grant: Grant): void {
    const { world } = this;
    grant.sentAt = world.now;
    const { owner, epoch, incarnation } = grant;
    const node = world.node(owner);
    const { minAcks, replicas } = world.options;
    const copies = this.#placement.granted(shard, owner, epoch, world.now);
    const members = world.members().map(({ address }) => address);
    world.carryTo(this.node, node, () => {
      if (node.incarnation !== incarnation) return;
      node.step({
        type: "granted",
        grant: {
          epoch,
          minAcks,
          copies: replicas + 1,
          members,
          replicas: copies,
          timing: world.options.timing,
        },
      });
    });
  }

  #send(orders: readonly ReplicaOrder[]): void {
    for (const { to, epoch, addresses } of orders) {
      const node = this.world.node(to);
      this.world.carryTo(this.node, node, () => node.step({ type: "replicas", epoch, addresses }));
    }
  }

  /** A node that starts learns which stores have run the type before it runs it. */
  teach(node: WorldNode): void {
    const merged = mergeBootstrap(node.holder.record, this.node.holder.record);
    node.holder.record = node.disk.bootstrap = merged;
  }
}
