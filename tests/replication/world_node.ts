import { appliedIn, type BootstrapHolder } from "../../lib/replication/copy_record.ts";
import type { ReplicationMessage } from "../../lib/replication/replication_protocol.ts";
import type { LogPosition } from "../../lib/replication/log_position.ts";
import type { StoreId } from "../../lib/replication/replica_config.ts";
import {
  type ReplicationEffect,
  type ReplicationEvent,
  ShardReplication,
} from "../../lib/replication/shard_replication.ts";
import type { ReplicationWorld } from "./replication_world.ts";
import { payloadOf, WorldDisk, type Write } from "./world_disk.ts";

/** Entries that are applied between two marks. */
const markEvery = 3;

/** One node, and its disk, which outlives it. */
export class WorldNode {
  readonly world: ReplicationWorld;
  readonly address: string;
  disk: WorldDisk;
  /** Grows with each restart. */
  incarnation = 0;
  /** Undefined: it is down. */
  machine: ShardReplication | undefined;
  holder: BootstrapHolder;
  downSince = 0;
  /** It stands still until then. */
  pausedUntil = 0;
  leaseUntil = 0;
  hadLease = true;
  /** Writes take so long, in milliseconds. */
  slowness = 1;
  #writes: Write[] = [];
  #isWriting = false;
  #scheduled = 0;
  readonly #backlog: (() => void)[] = [];

  constructor(world: ReplicationWorld, address: string) {
    this.world = world;
    this.address = address;
    this.disk = new WorldDisk(world.newStore());
    this.holder = { record: this.disk.bootstrap };
  }

  get id(): StoreId {
    return { address: this.address, store: this.disk.store };
  }

  get up(): boolean {
    return this.machine !== undefined;
  }

  get stands(): boolean {
    return this.world.now < this.pausedUntil;
  }

  get holdsLease(): boolean {
    return !this.world.options.leases || this.world.now < this.leaseUntil;
  }

  start(): void {
    if (this.up) return;
    const { disk } = this;
    this.incarnation++;
    this.holder = { record: disk.bootstrap };
    const applied = disk.record.filling === undefined ? appliedIn(disk.record) : 0;
    this.machine = new ShardReplication(this.id, disk.record, this.holder, applied, markEvery);
    // Nobody knows that more of it is there.
    this.#scheduled = disk.applied = applied;
    this.hadLease = true;
    this.pausedUntil = 0;
    this.leaseUntil = 0;
    const { incarnation } = this;
    const tick = () => {
      if (this.incarnation !== incarnation || !this.up) return;
      this.step({ type: "tick" });
      this.world.later(80 + 40 * this.world.random.next(), tick);
    };
    this.world.later(100 * this.world.random.next(), tick);
  }

  /** The process ends; of what was not durable yet a beginning may be. */
  crash(loseDisk: boolean): void {
    if (!this.up) return;
    const durable = this.world.int(this.#writes.length + 1);
    for (const write of this.#writes.slice(0, durable)) this.disk.write(write);
    this.#writes = [];
    this.#isWriting = false;
    this.machine = undefined;
    this.incarnation++;
    this.downSince = this.world.now;
    this.#backlog.length = 0;
    if (loseDisk) this.disk = new WorldDisk(this.world.newStore());
  }

  pause(duration: number): void {
    if (!this.up) return;
    this.pausedUntil = Math.max(this.pausedUntil, this.world.now + duration);
    this.world.later(this.pausedUntil - this.world.now, () => this.#resume());
  }

  #resume(): void {
    if (this.stands) return;
    for (const task of this.#backlog.splice(0)) task();
  }

  /** Runs a task of this incarnation, later if the node stands still. */
  run(task: () => void): void {
    const { incarnation } = this;
    const guarded = () => {
      if (this.incarnation === incarnation && this.up) task();
    };
    if (this.stands) this.#backlog.push(guarded);
    else guarded();
  }

  step(event: ReplicationEvent): void {
    this.run(() => {
      this.#lookAtLease();
      this.#carryOut(this.machine!.step(event, this.world.now));
    });
  }

  /** Proposes values, all in one turn. */
  propose(count: number): void {
    this.run(() => {
      this.#lookAtLease();
      for (let i = 0; i < count; i++) {
        const value = this.world.newValue();
        this.machine!.propose(payloadOf(`k${this.world.int(5)}`, value));
      }
      this.#carryOut(this.machine!.flush(this.world.now));
    });
  }

  #lookAtLease(): void {
    const holds = this.holdsLease;
    if (holds === this.hadLease) return;
    this.hadLease = holds;
    this.#carryOut(this.machine!.step({ type: "lease", holds }, this.world.now));
  }

  #carryOut(effects: readonly ReplicationEffect[]): void {
    const { world } = this;
    for (const effect of effects) {
      switch (effect.type) {
        case "store":
          for (const operation of effect.operations) {
            if (operation.type === "reset") this.#scheduled = 0;
          }
          this.#write(effect);
          break;
        case "apply":
          this.#apply(effect.upTo);
          break;
        case "send":
          world.send(this, effect.to, effect.message as ReplicationMessage);
          break;
        case "readChunk": {
          const { address, point } = effect;
          world.later(20 * world.random.next(), () =>
            this.run(() => {
              const part = world.chaos(0.02)
                ? undefined
                : this.disk.chunk(point.cursor, 1 + world.int(2));
              if (this.disk.applied < point.at.index) return;
              this.step({ type: "chunkRead", address, point, part });
            }));
          break;
        }
        case "catchUp": {
          const { address } = effect;
          world.later(
            20 * world.random.next(),
            () => this.run(() => this.step({ type: "catchUp", address })),
          );
          break;
        }
        case "opened":
          world.onOpened(this, effect.epoch, effect.index);
          break;
        case "acknowledged":
          world.onAcknowledged(this, effect.upTo);
          break;
        case "diverged":
          world.fail(`${this.address} diverged: ${JSON.stringify(effect)}`);
          break;
        case "lossAccepted":
          world.count("losses accepted");
          if (!world.acceptsLoss) world.fail(`${this.address} accepted a loss`);
          break;
        case "unknown":
          world.count(`unknown ${effect.reason}`);
          break;
        case "closed":
          world.count(`closed ${effect.reason}`);
          break;
        case "status":
        case "preferOwner":
        case "needsEpoch":
          world.toCoordinator(this, effect);
      }
    }
  }

  #apply(upTo: number): void {
    const { log } = this.machine!.copy;
    const from = Math.max(this.#scheduled, log.base.index);
    if (this.#scheduled < log.base.index && this.#scheduled > 0) {
      this.world.fail(
        `${this.address}: entries after ${this.#scheduled} were cut before they applied`,
      );
    }
    if (upTo <= from) return;
    const entries = log.after(from, upTo - from, Infinity);
    for (const entry of entries) this.world.onCommitted(this, entry);
    this.#scheduled = upTo;
    this.#write({ apply: entries });
  }

  /** Only the position of entries is needed to compare. */
  positionAt(index: number): LogPosition | undefined {
    return this.machine?.copy.log.at(index);
  }

  #write(write: Write): void {
    this.#writes.push(write);
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#sync();
  }

  #sync(): void {
    const { incarnation, world } = this;
    const batch = this.#writes.length;
    world.later(this.slowness * (0.2 + 2 * world.random.next()), () => {
      if (this.incarnation !== incarnation) return;
      const written = this.#writes.splice(0, batch);
      for (const write of written) this.disk.write(write);
      const token = written.findLast((write) => write.token !== undefined)?.token;
      if (token !== undefined) this.step({ type: "stored", token });
      const { applied, record: { generation } } = this.disk;
      if (written.some((write) => write.apply !== undefined)) {
        // A node that stands still hears of it later, perhaps when its copy has been dropped.
        this.run(() => {
          if (this.machine!.copy.generation !== generation) return;
          this.step({ type: "applied", index: applied });
        });
      }
      if (this.incarnation !== incarnation) return;
      if (this.#writes.length > 0) this.#sync();
      else this.#isWriting = false;
    });
  }
}
