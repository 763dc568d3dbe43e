/**
 * Replication of one shard at one node: its copy, and the owner's part while the shard is granted to the
 * node. What one of the two sends to the other does not leave the node.
 *
 * @module
 */
import type { BootstrapHolder, CopyRecord } from "./copy_record.ts";
import { Primary, type PrimaryEffect, type PrimaryOptions } from "./primary.ts";
import { Replica } from "./replica.ts";
import type { StoreId } from "./replica_config.ts";
import type { FillPoint, PrimaryMessage, ReplicationMessage } from "./replication_protocol.ts";

/** Output: see `docs/replication_protocol.md` for what the shell does with each. */
export type ReplicationEffect = PrimaryEffect;

/** Input. */
export type ReplicationEvent =
  /** The shard was granted to this node, with an epoch above all before. */
  | { readonly type: "granted"; readonly grant: PrimaryOptions }
  /** The members that run the type have changed. */
  | { readonly type: "members"; readonly addresses: readonly string[] }
  /** The coordinator wants copies at these nodes besides the owner. */
  | { readonly type: "replicas"; readonly epoch: number; readonly addresses: readonly string[] }
  | { readonly type: "lease"; readonly holds: boolean }
  /** A person goes on without the copies that are missing. */
  | { readonly type: "acceptLoss"; readonly epoch: number }
  /** A person says that a store will never be back. */
  | { readonly type: "retire"; readonly epoch: number; readonly store: StoreId }
  /** The node gives the shard up. */
  | { readonly type: "stop" }
  | { readonly type: "received"; readonly from: string; readonly message: ReplicationMessage }
  /** What was to be stored with this token, and all before it, is durable. */
  | { readonly type: "stored"; readonly token: number }
  /** The journal has applied the entries up to this index. */
  | { readonly type: "applied"; readonly index: number }
  /** A part of the journal, as `readChunk` has asked; undefined: it cannot be read from there. */
  | {
    readonly type: "chunkRead";
    readonly address: string;
    readonly point: FillPoint;
    readonly part:
      | { readonly bytes: Uint8Array; readonly next: string; readonly done: boolean }
      | undefined;
  }
  /** It is the turn of a copy that lacks entries, as `catchUp` has asked. */
  | { readonly type: "catchUp"; readonly address: string }
  | { readonly type: "tick" };

/** See the module's text. */
export class ShardReplication {
  readonly copy: Replica;
  readonly #bootstrap: BootstrapHolder;
  #primary: Primary | undefined;
  #holdsLease = true;

  /** The parameters are those of {@linkcode Replica}. */
  constructor(
    id: StoreId,
    record: CopyRecord,
    bootstrap: BootstrapHolder,
    applied?: number,
    markEvery?: number,
  ) {
    this.copy = new Replica(id, record, bootstrap, applied, markEvery);
    this.#bootstrap = bootstrap;
  }

  /** The owner's part, while the shard is granted to this node. */
  get primary(): Primary | undefined {
    return this.#primary;
  }

  /** Takes an event. */
  step(event: ReplicationEvent, now: number): ReplicationEffect[] {
    return this.#settle(this.#react(event, now), now);
  }

  /** Appends an entry; see `Primary.propose`. */
  propose(payload: Uint8Array): number {
    return this.#primary?.propose(payload) ?? 0;
  }

  /** Stores and sends what was appended: once for all of a turn. */
  flush(now: number): ReplicationEffect[] {
    return this.#primary === undefined ? [] : this.#settle(this.#primary.flush(now), now);
  }

  #react(event: ReplicationEvent, now: number): ReplicationEffect[] {
    const primary = this.#primary;
    switch (event.type) {
      case "granted": {
        const { epoch } = event.grant;
        if (primary?.epoch === epoch) return [];
        const { promised } = this.copy;
        if (epoch < promised) return [{ type: "needsEpoch", epoch, above: promised }];
        const ended = primary?.stop(now) ?? [];
        this.#primary = new Primary(
          this.copy,
          this.#bootstrap.record,
          event.grant,
          this.#holdsLease,
        );
        return [...ended, ...this.#primary.begin(now)];
      }
      case "members":
        return primary?.members(event.addresses, now) ?? [];
      case "replicas":
        if (primary?.epoch !== event.epoch) return [];
        return primary.replicas(event.addresses, now);
      case "lease":
        this.#holdsLease = event.holds;
        return primary?.lease(event.holds, now) ?? [];
      case "acceptLoss":
        return primary?.epoch === event.epoch ? primary.acceptLoss(now) : [];
      case "retire":
        return primary?.epoch === event.epoch ? primary.retire(event.store, now) : [];
      case "stop":
        return primary?.stop(now) ?? [];
      case "received":
        return this.#receive(event.from, event.message, now);
      case "stored":
        return this.copy.stored(event.token);
      case "applied":
        this.copy.applied(event.index);
        return [];
      case "chunkRead":
        return primary?.chunkRead(event.address, event.point, event.part, now) ?? [];
      case "catchUp":
        return primary?.catchUp(event.address, now) ?? [];
      case "tick":
        return primary?.tick(now) ?? [];
    }
  }

  #receive(from: string, message: ReplicationMessage, now: number): ReplicationEffect[] {
    if (!isForCopy(message)) return this.#primary?.receive(from, message, now) ?? [];
    const effects: ReplicationEffect[] = [];
    const primary = this.#primary;
    // An owner that has been replaced stops at once: its copy obeys the next one.
    if (primary !== undefined && message.epoch > primary.epoch) effects.push(...primary.fence(now));
    effects.push(...this.copy.receive(from, message));
    return effects;
  }

  /** Delivers what the copy and the owner here send each other. */
  #settle(first: readonly ReplicationEffect[], now: number): ReplicationEffect[] {
    const { address } = this.copy.id;
    const out: ReplicationEffect[] = [];
    const queue = [...first];
    for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
      if (effect.type === "send" && effect.to === address) {
        queue.push(...this.#receive(address, effect.message, now));
      } else out.push(effect);
    }
    return out;
  }
}

/** Whether a message is for the copy, not for the owner's part. */
export function isForCopy(message: ReplicationMessage): message is PrimaryMessage {
  switch (message.type) {
    case "promiseEpoch":
    case "appendLog":
    case "storeConfig":
    case "fillCopy":
    case "releaseCopy":
      return true;
    default:
      return false;
  }
}
