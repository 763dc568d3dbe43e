/**
 * Some copies of one shard, connected by hand: messages are delivered in order at once unless they are held,
 * and what is stored is durable at once. For tests of single steps; `replication_world.ts` is the model.
 *
 * @module
 */
import { newBootstrapHolder, noCopy } from "../../lib/replication/copy_record.ts";
import type { PrimaryOptions } from "../../lib/replication/primary.ts";
import type { StoreId } from "../../lib/replication/replica_config.ts";
import type { ReplicationMessage } from "../../lib/replication/replication_protocol.ts";
import {
  type ReplicationEffect,
  type ReplicationEvent,
  ShardReplication,
} from "../../lib/replication/shard_replication.ts";

/** A message on its way. */
export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: ReplicationMessage;
}

/** See the module's text. */
export class Copies {
  now = 0;
  readonly nodes = new Map<string, ShardReplication>();
  /** Effects besides messages and stores, by node, in order. */
  readonly effects: { readonly at: string; readonly effect: ReplicationEffect }[] = [];
  /** Messages for which this answers true are kept in `held`. */
  holds: (sent: Sent) => boolean = () => false;
  readonly held: Sent[] = [];
  readonly sent: Sent[] = [];
  /** What a back-fill reads: a part for each key, in order. */
  keys = ["a", "b", "c"];
  /** Whether a back-fill waits for its turn to read: until `reads` are called. */
  holdsReads = false;
  readonly reads: (() => void)[] = [];
  #queue: Sent[] = [];
  #isRunning = false;

  constructor(...addresses: string[]) {
    for (const address of addresses) this.replace(address, 1);
  }

  /** A node starts with an empty store. */
  replace(address: string, store: number): void {
    const id: StoreId = { address, store };
    this.nodes.set(address, new ShardReplication(id, noCopy, newBootstrapHolder()));
  }

  of(address: string): ShardReplication {
    return this.nodes.get(address)!;
  }

  step(address: string, event: ReplicationEvent): void {
    this.#carryOut(address, this.of(address).step(event, this.now));
    this.#run();
  }

  grant(address: string, epoch: number, options: Partial<PrimaryOptions> = {}): void {
    const members = [...this.nodes.keys()];
    const replicas = members.filter((other) => other !== address);
    const grant = { epoch, minAcks: 1, copies: members.length, members, replicas, ...options };
    this.step(address, { type: "granted", grant });
    // The list of stores goes around once more before a shard begins.
    this.tick(300);
  }

  propose(address: string, count = 1): number {
    let index = 0;
    for (let i = 0; i < count; i++) index = this.of(address).propose(new Uint8Array([i]));
    this.#carryOut(address, this.of(address).flush(this.now));
    this.#run();
    return index;
  }

  /** Time passes for all nodes. */
  tick(by: number): void {
    this.now += by;
    for (const address of this.nodes.keys()) this.step(address, { type: "tick" });
  }

  /** Delivers what was held, and holds nothing more. */
  release(): void {
    this.holds = () => false;
    this.#queue.push(...this.held.splice(0));
    this.#run();
  }

  /** Delivers one message. */
  deliver({ from, to, message }: Sent): void {
    this.step(to, { type: "received", from, message });
  }

  /** The effects of a type at a node. */
  seen<T extends ReplicationEffect["type"]>(
    at: string,
    type: T,
  ): Extract<ReplicationEffect, { readonly type: T }>[] {
    return this.effects.filter((one) => one.at === at && one.effect.type === type)
      .map(({ effect }) => effect as Extract<ReplicationEffect, { readonly type: T }>);
  }

  #carryOut(at: string, effects: readonly ReplicationEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "send") {
        const sent = { from: at, to: effect.to, message: effect.message };
        this.sent.push(sent);
        if (this.holds(sent)) this.held.push(sent);
        else this.#queue.push(sent);
        continue;
      }
      if (effect.type === "store") {
        this.#carryOut(at, this.of(at).step({ type: "stored", token: effect.token }, this.now));
        continue;
      }
      this.effects.push({ at, effect });
      if (effect.type === "apply") {
        this.of(at).step({ type: "applied", index: effect.upTo }, this.now);
      } else if (effect.type === "readChunk") {
        const { address, point } = effect;
        const index = this.keys.findIndex((key) => key > point.cursor);
        const next = this.keys[index]!;
        const done = index === this.keys.length - 1;
        const part = { bytes: new TextEncoder().encode(next), next, done };
        const event = { type: "chunkRead", address, point, part } as const;
        const read = () => this.#carryOut(at, this.of(at).step(event, this.now));
        if (this.holdsReads) this.reads.push(read);
        else read();
      } else if (effect.type === "catchUp") {
        const { address } = effect;
        const send = () => {
          this.#carryOut(at, this.of(at).step({ type: "catchUp", address }, this.now));
          this.#run();
        };
        if (this.holdsReads) this.reads.push(send);
        else send();
      }
    }
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let sent = this.#queue.shift(); sent !== undefined; sent = this.#queue.shift()) {
      const { from, to, message } = sent;
      const node = this.nodes.get(to);
      if (node === undefined) continue;
      this.#carryOut(to, node.step({ type: "received", from, message }, this.now));
    }
    this.#isRunning = false;
  }
}
