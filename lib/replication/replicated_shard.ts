/**
 * One shard of a replicated type at one node: carries out the effects of its machine, and applies the log to
 * the content.
 *
 * @module
 */
import type { Clock } from "../runtime/clock.ts";
import type { CopyContent } from "./copy_content.ts";
import type { StoreOperation } from "./copy_record.ts";
import { decodeOperation } from "./log_form.ts";
import type { LogOperation } from "./log_operation.ts";
import type { LogPosition } from "./log_position.ts";
import type { PrimaryOptions, ReplicaStatus } from "./primary.ts";
import type { FillPoint, ReplicationMessage } from "./replication_protocol.ts";
import { storesOf } from "./replica_config.ts";
import { ShardJournal } from "./shard_journal.ts";
import type { ReplicationEffect, ReplicationEvent, ShardReplication } from "./shard_replication.ts";

/** Bytes of a part of a back-fill. */
export const fillPartBytes = 48 * 1_024;
/** Entries that are applied at once, and their bytes. */
const applyEntries = 500;
const applyBytes = 1_048_576;
/** Milliseconds until a store that has failed is called again. */
const storeRetry = 1_000;

/** What a shard needs from its node. */
export interface ReplicatedShardPort {
  readonly clock: Clock;
  /** Names the store in errors. */
  readonly name: string;
  /** Whether the node holds its lease. */
  holdsLease(): boolean;
  send(to: string, shard: number, message: ReplicationMessage): void;
  /** The grant, as it was made to this node. */
  grant(shard: number, epoch: number): PrimaryOptions;
  status(shard: number, status: ReplicaStatus): void;
  preferOwner(shard: number, epoch: number, address: string): void;
  needsEpoch(shard: number, epoch: number, above: number): void;
  lossAccepted(shard: number, epoch: number): void;
  /** The copy contradicts another one, or cannot be applied: it takes part in nothing any more. */
  failed(shard: number, what: string, fields: Record<string, unknown>): void;
  /** Makes operations durable in order. Undefined: the store is memory, where they are. */
  write: ((shard: number, operations: readonly StoreOperation[]) => Promise<void>) | undefined;
}

interface Storing {
  readonly token: number;
  readonly operations: readonly StoreOperation[];
}

/** See the module's text. */
export class ReplicatedShard {
  readonly shard: number;
  readonly machine: ShardReplication;
  readonly content: CopyContent;
  /** Where the durable entities of the shard are stored while this node owns it. */
  readonly journal: ShardJournal;
  readonly #port: ReplicatedShardPort;
  /** Operations that are not durable yet. */
  #storing: Storing[] = [];
  #isStoring = false;
  #lastToken = 0;
  #storedToken = 0;
  /** What shall be applied when the operations up to a token are durable. */
  #unstored: { readonly token: number; readonly upTo: number }[] = [];
  /** Up to which index the content has the log, and shall have it. */
  #applied: number;
  #applyTo: number;
  #isApplying = false;
  /** Counts how often the content was dropped. */
  #generation = 0;
  /** Work on the content, one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #heldLease = true;

  constructor(
    port: ReplicatedShardPort,
    shard: number,
    machine: ShardReplication,
    content: CopyContent,
  ) {
    this.#port = port;
    this.shard = shard;
    this.machine = machine;
    this.content = content;
    this.#applied = machine.copy.log.base.index;
    this.#applyTo = machine.copy.acked;
    this.journal = new ShardJournal({
      name: port.name,
      clock: port.clock,
      content,
      propose: (payload) => this.#propose(payload),
      flush: () => this.#run(machine.flush(port.clock.now())),
      waitsFor: () => this.#waitsFor(),
    });
    if (this.#applyTo > this.#applied) this.#applySoon();
  }

  /** The status of the owner's part here; undefined: another node owns the shard. */
  get status(): ReplicaStatus | undefined {
    const { primary } = this.machine;
    if (primary === undefined || primary.phase === "closed") return undefined;
    return primary.status(this.#port.clock.now());
  }

  /** Whether the copy has failed, so that it takes part in nothing. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Up to which index the log is in the content. */
  get applied(): number {
    return this.#applied;
  }

  /** Takes a message of another node. */
  receive(from: string, message: ReplicationMessage): void {
    this.#checkLease();
    this.step({ type: "received", from, message });
  }

  /** Takes an event. */
  step(event: ReplicationEvent): void {
    if (this.#hasFailed) return;
    this.#run(this.machine.step(event, this.#port.clock.now()));
  }

  /** Repeats what was not answered. */
  tick(): void {
    this.#checkLease();
    if (this.machine.primary !== undefined) this.step({ type: "tick" });
  }

  /** The shard was granted to this node. */
  start(epoch: number): void {
    if (this.#hasFailed) return this.journal.refuse("the copy at this node has failed");
    this.journal.granted(epoch);
    this.#heldLease = true;
    this.step({ type: "granted", grant: this.#port.grant(this.shard, epoch) });
    this.#checkLease();
  }

  /** The node does not own the shard any more. */
  stop(): void {
    this.step({ type: "stop" });
    this.journal.closed("the node has given the shard up");
  }

  #checkLease(): void {
    const holds = this.#port.holdsLease();
    if (holds === this.#heldLease) return;
    this.#heldLease = holds;
    this.step({ type: "lease", holds });
  }

  #propose(payload: Uint8Array): number {
    this.#checkLease();
    return this.#hasFailed ? 0 : this.machine.propose(payload);
  }

  #waitsFor(): string {
    const { primary } = this.machine;
    if (primary === undefined) return "it is not granted to this node";
    return describeWait(primary.status(this.#port.clock.now()));
  }

  #run(effects: readonly ReplicationEffect[]): void {
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: ReplicationEffect): void {
    const { shard } = this;
    const port = this.#port;
    switch (effect.type) {
      case "store":
        return this.#store(effect);
      case "send":
        return port.send(effect.to, shard, effect.message);
      case "apply":
        return this.#applyUpTo(effect.upTo);
      case "opened":
        return this.journal.opened(effect.epoch, effect.index);
      case "acknowledged":
        return this.journal.acknowledged(effect.upTo);
      case "unknown":
        return this.journal.unknown(effect.upTo, effect.reason);
      case "closed":
        return this.journal.closed(
          effect.reason === "fenced"
            ? "another node has taken the shard over"
            : "the node has given the shard up",
        );
      case "status":
        return port.status(shard, effect.status);
      case "preferOwner":
        return port.preferOwner(shard, this.machine.primary!.epoch, effect.address);
      case "needsEpoch":
        return port.needsEpoch(shard, this.machine.primary!.epoch, effect.above);
      case "lossAccepted":
        return port.lossAccepted(shard, effect.epoch);
      case "readChunk":
        return this.#readPart(effect.address, effect.point);
      case "diverged":
        return this.#fail("the copy of a shard contradicts its owner's", positions(effect));
    }
  }

  #fail(what: string, fields: Record<string, unknown>): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.journal.closed("the copy at this node has failed");
    this.#port.failed(this.shard, what, fields);
  }

  // Storing.

  #store({ token, operations }: Storing): void {
    this.#lastToken = token;
    this.#storing.push({ token, operations });
    if (!this.#isStoring) this.#storeNext();
  }

  /** What waits shares one write. Invariant: tokens are confirmed in order, and writes do not overlap. */
  #storeNext(): void {
    while (!this.#isStoring && this.#storing.length > 0) {
      const batch = this.#storing;
      this.#storing = [];
      const { token } = batch.at(-1)!;
      const operations = batch.flatMap((each) => each.operations);
      const done = this.#writeAll(operations);
      if (done !== undefined) {
        this.#isStoring = true;
        done.then(() => {
          this.#isStoring = false;
          this.step({ type: "stored", token });
          this.#onStored(token);
          this.#storeNext();
        }, (error) => this.#fail("a copy cannot be stored", { error }));
        return;
      }
      this.#isStoring = true;
      this.step({ type: "stored", token });
      this.#isStoring = false;
      this.#onStored(token);
    }
  }

  #writeAll(operations: readonly StoreOperation[]): Promise<void> | undefined {
    const { write } = this.#port;
    const changes = operations.filter(({ type }) =>
      type === "reset" || type === "chunk" || type === "filled"
    );
    if (changes.length === 0) return write?.(this.shard, operations);
    // Invariant: the content is dropped after the record says so, and has a part before it does.
    return this.#inTurn(async () => {
      for (const operation of operations) {
        if (operation.type === "reset") {
          await write?.(this.shard, [operation]);
          await this.content.reset();
          this.#generation++;
          this.#unstored = [];
          this.#applied = this.#applyTo = operation.at.index;
        } else {
          if (operation.type === "chunk") await this.content.write(operation.bytes);
          await write?.(this.shard, [operation]);
        }
      }
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  // Applying.

  /** Invariant: the content never has more than the stored log. */
  #applyUpTo(upTo: number): void {
    if (this.#lastToken > this.#storedToken) {
      this.#unstored.push({ token: this.#lastToken, upTo });
      return;
    }
    if (upTo > this.#applyTo) this.#applyTo = upTo;
    this.#applySoon();
  }

  #onStored(token: number): void {
    this.#storedToken = token;
    while (this.#unstored.length > 0 && this.#unstored[0]!.token <= token) {
      const { upTo } = this.#unstored.shift()!;
      if (upTo > this.#applyTo) this.#applyTo = upTo;
    }
    if (this.#applyTo > this.#applied) this.#applySoon();
  }

  #applySoon(): void {
    if (this.#isApplying || this.#hasFailed) return;
    this.#isApplying = true;
    this.#inTurn(() => this.#apply()).then(() => {
      this.#isApplying = false;
      if (this.#applied < this.#applyTo) this.#applySoon();
    }, (error) => {
      this.#isApplying = false;
      if (error instanceof RangeError) {
        return this.#fail("an entry of a shard's log cannot be read", { error });
      }
      // What was applied before changes nothing the next time.
      this.#port.clock.schedule(storeRetry, () => this.#applySoon());
    });
  }

  async #apply(): Promise<void> {
    const generation = this.#generation;
    while (this.#applied < this.#applyTo && generation === this.#generation) {
      const entries = this.machine.copy.log.after(this.#applied, applyEntries, applyBytes)
        .filter(({ index }) => index <= this.#applyTo);
      if (entries.length === 0) return;
      const operations: LogOperation[] = [];
      for (const { payload } of entries) {
        if (payload.length > 0) operations.push(decodeOperation(payload));
      }
      await this.content.apply(operations);
      this.#applied = entries.at(-1)!.index;
      this.step({ type: "applied", index: this.#applied });
      this.journal.applied(this.#applied);
    }
  }

  // Back-fill.

  #readPart(address: string, point: FillPoint): void {
    const read = async () => {
      const part = await this.content.read(point.cursor, fillPartBytes);
      this.step({ type: "chunkRead", address, point, part });
    };
    this.#inTurn(read).catch(() => {
      this.step({ type: "chunkRead", address, point, part: undefined });
    });
  }
}

function positions(
  { expected, found }: { readonly expected: LogPosition; readonly found: LogPosition },
): Record<string, unknown> {
  const text = ({ epoch, index, chain }: LogPosition) => `(${epoch}, ${index}) ${chain}`;
  return { expected: text(expected), found: text(found) };
}

/** Why a shard does not take writes, in words. */
export function describeWait({ phase, wait, copies, config }: ReplicaStatus): string {
  switch (wait?.reason) {
    case "copies": {
      const nodes = [...new Set(wait.stores.map(({ address }) => address))].join(", ");
      return `it waits for the copies at ${nodes}`;
    }
    case "bootstrap":
      return `it is new, and waits for answers of ${wait.addresses.join(", ")}`;
    case "lost":
      return "no node has a copy of it any more";
    case "nodes":
      return `it waits for ${wait.count} more nodes that can have copies`;
  }
  // Copies that have not answered are not in the list.
  const silent = (config === undefined ? [] : storesOf(config)).map(({ address }) => address)
    .filter((address) => !copies.some((copy) => copy.address === address));
  const filled = copies.filter(({ state }) => state !== "streaming").map(({ address }) => address);
  const behind = [...new Set([...silent, ...filled])];
  switch (phase) {
    case "fencing":
      return "it waits for the promises of its copies";
    case "opening":
      return `it waits for copies to store its first entry${
        behind.length === 0 ? "" : `: ${behind.join(", ")}`
      }`;
    case "open":
      return "it is open";
    case "closed":
      return "another node owns it";
  }
}
