/**
 * One shard of a replicated type at one node: carries out the effects of its machine, and applies the log to
 * the content.
 *
 * @module
 */
import { PersistenceError } from "../persistence/errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { CopyContent } from "./copy_content.ts";
import type { StoreOperation } from "./copy_record.ts";
import type { FillTurns } from "./fill_turns.ts";
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
/** Milliseconds until the coordinator is asked again for a grant with a higher epoch. */
const needsRetry = 1_000;

/** What a shard needs from its node. */
export interface ReplicatedShardPort {
  readonly clock: Clock;
  /** The back-fills of the node. */
  readonly fills: FillTurns;
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
  /** A back-fill of the copy at a node is complete. */
  filled(shard: number, address: string): void;
  /**
   * The copy contradicts another one, or cannot be stored or applied: it takes part in nothing any more.
   * `isPassing`: until `recover` is called.
   */
  failed(
    shard: number,
    what: string,
    fields: Record<string, unknown>,
    isPassing: boolean,
  ): void;
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
  /** Where the durable entities of the shard are stored while this node owns it. */
  readonly journal: ShardJournal;
  readonly #port: ReplicatedShardPort;
  #machine: ShardReplication;
  #content: CopyContent;
  /** The epoch of the grant, while this node owns the shard. */
  #granted: number | undefined;
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
  /** What the machine was told last. Invariant: the machine goes by it for later grants as well. */
  #heldLease = true;
  /** Nodes whose copies are being filled from here. */
  readonly #filling = new Set<string>();
  /** What was asked of the coordinator last, which may not have heard it. */
  #needs: { readonly epoch: number; readonly above: number; at: number } | undefined;

  constructor(
    port: ReplicatedShardPort,
    shard: number,
    machine: ShardReplication,
    content: CopyContent,
  ) {
    this.#port = port;
    this.shard = shard;
    this.#machine = machine;
    this.#content = content;
    this.#applied = machine.copy.appliedIndex;
    this.#applyTo = machine.copy.acked;
    this.journal = new ShardJournal({
      name: port.name,
      clock: port.clock,
      content: () => this.#content,
      holdsLease: () => {
        this.#checkLease();
        return this.#heldLease;
      },
      propose: (payload) => this.#hasFailed ? 0 : this.#machine.propose(payload),
      flush: () => this.#run(this.#machine.flush(port.clock.now())),
      waitsFor: () => this.#waitsFor(),
      isInMotion: () => this.#machine.primary?.isInMotion ?? false,
    });
    if (this.#applyTo > this.#applied) this.#applySoon();
  }

  /** The copy, and the owner's part while this node owns the shard. */
  get machine(): ShardReplication {
    return this.#machine;
  }

  /** What the log has made. */
  get content(): CopyContent {
    return this.#content;
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
    this.#repeatNeeds();
  }

  #repeatNeeds(): void {
    const needs = this.#needs;
    const now = this.#port.clock.now();
    if (needs === undefined || now - needs.at < needsRetry) return;
    needs.at = now;
    this.#ask(needs);
  }

  #ask({ epoch, above }: { readonly epoch: number; readonly above: number }): void {
    const other = this.#hasFailed ? this.#otherCopy : undefined;
    if (other !== undefined) this.#port.preferOwner(this.shard, epoch, other);
    else if (!this.#hasFailed) this.#port.needsEpoch(this.shard, epoch, above);
  }

  /** Another node that can own the shard while the copy here cannot. */
  get #otherCopy(): string | undefined {
    const { config, id } = this.machine.copy;
    return config?.inSync.find(({ address }) => address !== id.address)?.address;
  }

  #need(epoch: number, above: number): void {
    this.#needs = { epoch, above, at: this.#port.clock.now() };
    this.#ask(this.#needs);
  }

  /** The shard was granted to this node. */
  start(epoch: number): void {
    this.#granted = epoch;
    this.#needs = undefined;
    if (this.#hasFailed) {
      this.journal.refuse("the copy at this node has failed");
      return this.#need(epoch, epoch);
    }
    this.journal.granted(epoch);
    this.step({ type: "granted", grant: this.#port.grant(this.shard, epoch) });
    this.#checkLease();
  }

  /** The node does not own the shard any more. */
  stop(): void {
    this.#needs = this.#granted = undefined;
    this.step({ type: "stop" });
    this.journal.closed("the node has given the shard up", true);
  }

  #checkLease(): void {
    const holds = this.#port.holdsLease();
    if (holds === this.#heldLease) return;
    this.#heldLease = holds;
    this.step({ type: "lease", holds });
    if (holds) this.journal.leaseIsBack();
  }

  #waitsFor(): string {
    const { primary } = this.machine;
    if (primary === undefined) return "it is not granted to this node";
    return describeWait(primary.status(this.#port.clock.now()));
  }

  #run(effects: readonly ReplicationEffect[]): void {
    for (const effect of effects) this.#carryOut(effect);
    if (this.#filling.size > 0) this.#settleFills();
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
          true,
        );
      case "status":
        return port.status(shard, effect.status);
      case "preferOwner":
        return port.preferOwner(shard, this.machine.primary!.epoch, effect.address);
      case "needsEpoch":
        return this.#need(effect.epoch, effect.above);
      case "lossAccepted":
        return port.lossAccepted(shard, effect.epoch);
      case "filled":
        return port.filled(shard, effect.address);
      case "readChunk":
        return this.#readPart(effect.address, effect.point);
      case "catchUp":
        return this.#catchUp(effect.address);
      case "diverged":
        return this.#fail("the copy of a shard contradicts its owner's", positions(effect), false);
    }
  }

  #fail(what: string, fields: Record<string, unknown>, isPassing: boolean): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#settleFills();
    this.journal.closed("the copy at this node has failed", false);
    this.#port.failed(this.shard, what, fields, isPassing);
    if (this.#granted !== undefined) this.#need(this.#granted, this.#granted);
  }

  /**
   * Takes part again with what the store has, as after a crash: what was not durable was told to nobody.
   *
   * Invariant: a grant that was under way is not gone on with. Its entries may be at other nodes, and there
   * must be no others with their numbers: the next grant has another epoch.
   */
  async recover(
    load: () => Promise<{ readonly machine: ShardReplication; readonly content: CopyContent }>,
  ): Promise<void> {
    await this.#turn;
    const { machine, content } = await load();
    this.#machine = machine;
    this.#content = content;
    this.#storing = [];
    this.#unstored = [];
    this.#isStoring = this.#hasFailed = false;
    this.#lastToken = this.#storedToken = 0;
    this.#generation++;
    this.#applied = machine.copy.appliedIndex;
    this.#applyTo = machine.copy.acked;
    if (this.#applyTo > this.#applied) this.#applySoon();
    const granted = this.#granted;
    if (granted !== undefined) this.#need(granted, Math.max(granted, machine.copy.promised));
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
        }, (error) => {
          // Then another process has the store, and this one must not take it back.
          const isFenced = error instanceof PersistenceError && error.code === "fenced";
          this.#fail("a copy cannot be stored", { error }, !isFenced);
        });
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
          if (operation.type === "chunk") {
            await this.#port.fills.next();
            await this.content.write(operation.bytes);
          }
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
    // Not before the answers of this turn are on their way; what comes until then is applied with it.
    this.#port.clock.yield(() => this.#applyInTurn());
  }

  #applyInTurn(): void {
    this.#inTurn(() => this.#apply()).then(() => {
      this.#isApplying = false;
      if (this.#applied < this.#applyTo) this.#applySoon();
    }, (error) => {
      this.#isApplying = false;
      if (error instanceof RangeError) {
        return this.#fail("an entry of a shard's log cannot be read", { error }, false);
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
      const { copy } = this.machine;
      const { generation: dropped } = copy;
      const operations: LogOperation[] = [];
      for (const { payload } of entries) {
        if (payload.length > 0) operations.push(decodeOperation(payload));
      }
      await this.content.apply(operations);
      this.#applied = entries.at(-1)!.index;
      // The copy begins anew meanwhile: what was applied is about to be dropped.
      if (copy.generation !== dropped) return;
      this.step({ type: "applied", index: this.#applied });
      this.journal.applied(this.#applied);
    }
  }

  // Back-fill.

  #readPart(address: string, point: FillPoint): void {
    this.#filling.add(address);
    this.#port.fills.request(address, this.#port.name, () => this.#readInTurn(address, point));
  }

  /** What a copy lacks of the log shares the budget of back-fills. */
  #catchUp(address: string): void {
    this.#filling.add(address);
    this.#port.fills.request(address, this.#port.name, () => {
      void this.#port.fills.next().then(() => this.step({ type: "catchUp", address }));
    });
  }

  /** Tells how many parts are under way. */
  #settleFills(): void {
    for (const address of this.#filling) {
      const parts = this.#hasFailed ? 0 : this.machine.primary?.partsUnderWay(address) ?? 0;
      if (parts === 0) this.#filling.delete(address);
      this.#port.fills.settle(address, this.#port.name, parts);
    }
  }

  #readInTurn(address: string, point: FillPoint): void {
    const read = async () => {
      await this.#port.fills.next();
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
