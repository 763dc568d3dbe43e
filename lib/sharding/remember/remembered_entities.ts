import {
  compareLists,
  type ListDigest,
  type ListMessage,
  type ListVersion,
  maxDigest,
  type RememberMessage,
} from "./remember_protocol.ts";

/** How often a new owner requests newer lists: messages can be lost. */
const recalls = 3;

/** The entities of one shard, as far as this node knows. */
interface List {
  version: ListVersion;
  readonly ids: Set<string>;
}

/** A shard that this node owns. */
interface Owned {
  /** The version of the list that this node has started from. */
  inherited: ListVersion;
  recallsLeft: number;
  /** Changes that were not sent to the others yet; the later of both counts. */
  readonly started: Set<string>;
  readonly stopped: Set<string>;
  /** Entities that were started or stopped here: that overrules the lists of former owners. */
  readonly decided: Set<string>;
}

/** A message and its receiver; all other nodes if there is none. */
export interface OutgoingMessage {
  readonly to: string | undefined;
  readonly message: RememberMessage;
}

/**
 * Which entities of one type run in the whole cluster. The owner of a shard keeps its list, and
 * replicates each change to all other nodes: each of them can be the next owner, which starts the
 * entities of the list. A node that has missed a change detects it in the next digest, and requests
 * the whole list. Pure: reads no clock and sends nothing.
 */
export class RememberedEntities {
  readonly #shardType: string;
  readonly #maxPerShard: number;
  readonly #lists = new Map<number, List>();
  readonly #owned = new Map<number, Owned>();
  /** Entities that are to be started, by shard. */
  readonly #waiting = new Map<number, Set<string>>();

  constructor(shardType: string, maxPerShard: number) {
    this.#shardType = shardType;
    this.#maxPerShard = maxPerShard;
  }

  /** The entities of a shard that run or are to be started. */
  idsOf(shard: number): readonly string[] {
    return [...this.#lists.get(shard)?.ids ?? []];
  }

  /** Shards in which entities run or should. */
  inhabited(): number[] {
    return [...this.#lists].filter(([, { ids }]) => ids.size > 0).map(([shard]) => shard);
  }

  /** Whether entities wait to be started. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Whether there are changes to send. */
  get hasChanges(): boolean {
    for (const { started, stopped } of this.#owned.values()) {
      if (started.size > 0 || stopped.size > 0) return true;
    }
    return false;
  }

  /** This node owns the shard from now on: its entities are to run here. */
  own(shard: number, epoch: number): OutgoingMessage[] {
    const list = this.#listOf(shard);
    const inherited = list.version;
    this.#owned.set(shard, {
      inherited,
      recallsLeft: recalls,
      started: new Set(),
      stopped: new Set(),
      decided: new Set(),
    });
    list.version = [epoch, 1];
    this.#await(shard, list.ids);
    return this.#recall([shard]);
  }

  /** This node does not own the shard any more. Its list is still remembered. */
  leave(shard: number): void {
    this.#owned.delete(shard);
    this.#waiting.delete(shard);
  }

  /** Whether this node owns the shard. */
  owns(shard: number): boolean {
    return this.#owned.has(shard);
  }

  /** An entity has started here. False if it cannot be remembered: there are too many. */
  started(shard: number, id: string): boolean {
    this.#unawait(shard, id);
    const owned = this.#owned.get(shard);
    if (owned === undefined) return true;
    owned.decided.add(id);
    const { ids } = this.#listOf(shard);
    if (ids.has(id)) return true;
    if (ids.size >= this.#maxPerShard) return false;
    ids.add(id);
    if (!owned.stopped.delete(id)) owned.started.add(id);
    return true;
  }

  /** An entity has stopped itself, or was passivated: it is forgotten. */
  stopped(shard: number, id: string): void {
    this.#unawait(shard, id);
    const owned = this.#owned.get(shard);
    if (owned === undefined) return;
    owned.decided.add(id);
    if (!this.#listOf(shard).ids.delete(id)) return;
    if (!owned.started.delete(id)) owned.stopped.add(id);
  }

  /**
   * The list of a store, of before this cluster. Counts only where no node has a newer one: with a
   * `version` it is a list of this cluster, and as new as that.
   */
  loaded(shard: number, ids: readonly string[], version?: ListVersion): void {
    const owned = this.#owned.get(shard);
    if (owned === undefined) return;
    if (version !== undefined) return this.#inherit(shard, owned, ids, version);
    if (owned.inherited[0] === 0) this.#merge(shard, owned, ids);
  }

  /** The list of a store that is known to be of another cluster: none of this one was ever saved. */
  restored(shard: number, ids: readonly string[]): void {
    const owned = this.#owned.get(shard);
    if (owned !== undefined) this.#merge(shard, owned, ids);
  }

  /** The version of a shard's list, without changes that are not sent yet. */
  versionOf(shard: number): ListVersion {
    return this.#listOf(shard).version;
  }

  /** Takes out some entities that are to be started. */
  takeWaiting(count: number): [shard: number, id: string][] {
    const taken: [number, string][] = [];
    for (const [shard, ids] of this.#waiting) {
      for (const id of ids) {
        if (taken.length >= count) return taken;
        taken.push([shard, id]);
        ids.delete(id);
      }
      this.#waiting.delete(shard);
    }
    return taken;
  }

  /** Takes out the changes to send. */
  takeChanges(): OutgoingMessage[] {
    const changes: OutgoingMessage[] = [];
    for (const [shard, { started, stopped }] of this.#owned) {
      if (started.size === 0 && stopped.size === 0) continue;
      const list = this.#listOf(shard);
      const [epoch, change] = list.version;
      list.version = [epoch, change + 1];
      const message: RememberMessage = {
        type: "changed",
        shardType: this.#shardType,
        shard,
        epoch,
        change: change + 1,
        started: [...started],
        stopped: [...stopped],
      };
      changes.push({ to: undefined, message });
      started.clear();
      stopped.clear();
    }
    return changes;
  }

  /** To be sent at intervals: nodes that have missed a change see it, and request the list. */
  digests(): OutgoingMessage[] {
    const digests: ListDigest[] = [];
    for (const shard of this.#owned.keys()) digests.push([shard, ...this.#listOf(shard).version]);
    const messages: OutgoingMessage[] = [];
    for (let from = 0; from < digests.length; from += maxDigest) {
      const shards = digests.slice(from, from + maxDigest);
      const message: RememberMessage = { type: "digest", shardType: this.#shardType, shards };
      messages.push({ to: undefined, message });
    }
    return [...messages, ...this.#recall([...this.#owned.keys()])];
  }

  /** A message of another node. */
  receive(from: string, message: RememberMessage): OutgoingMessage[] {
    switch (message.type) {
      case "changed":
        return this.#onChanged(from, message);
      case "digest":
        return this.#onDigest(from, message.shards);
      case "want":
        return message.shards.filter((shard) => this.#lists.has(shard))
          .map((shard) => ({ to: from, message: this.#list(shard) }));
      case "recall":
        return message.shards
          .filter(([shard, ...version]) => {
            const known = this.#lists.get(shard);
            return known !== undefined && compareLists(known.version, version) > 0;
          })
          .map(([shard]) => ({ to: from, message: this.#list(shard) }));
      case "list":
        this.#onList(message);
        return [];
    }
  }

  #onChanged(from: string, message: RememberMessage & { type: "changed" }): OutgoingMessage[] {
    const { shard, epoch, change, started, stopped } = message;
    if (this.#owned.has(shard)) return [];
    const list = this.#listOf(shard);
    if (compareLists(list.version, [epoch, change]) >= 0) return [];
    if (compareLists(list.version, [epoch, change - 1]) !== 0) return [this.#want(from, [shard])];
    list.version = [epoch, change];
    for (const id of stopped) list.ids.delete(id);
    for (const id of started) if (list.ids.size < this.#maxPerShard) list.ids.add(id);
    return [];
  }

  #onDigest(from: string, shards: readonly ListDigest[]): OutgoingMessage[] {
    const missed = shards.filter(([shard, ...version]) =>
      !this.#owned.has(shard) && compareLists(this.#listOf(shard).version, version) < 0
    );
    return missed.length === 0 ? [] : [this.#want(from, missed.map(([shard]) => shard))];
  }

  #onList({ shard, epoch, change, ids }: ListMessage): void {
    const owned = this.#owned.get(shard);
    if (owned === undefined) {
      if (compareLists(this.#listOf(shard).version, [epoch, change]) >= 0) return;
      const kept = new Set(ids.slice(0, this.#maxPerShard));
      this.#lists.set(shard, { version: [epoch, change], ids: kept });
      return;
    }
    this.#inherit(shard, owned, ids, [epoch, change]);
  }

  /** A list of a former owner. */
  #inherit(shard: number, owned: Owned, ids: readonly string[], version: ListVersion): void {
    // Of a later owner than this node, which will be fenced.
    if (version[0] >= this.#listOf(shard).version[0]) return;
    if (compareLists(owned.inherited, version) >= 0) return;
    owned.inherited = version;
    // Entities that have stopped there, and were not started here, need not start.
    const listed = new Set(ids);
    for (const id of [...this.#waiting.get(shard) ?? []]) {
      if (!listed.has(id)) this.#forget(shard, owned, id);
    }
    this.#merge(shard, owned, ids);
  }

  #merge(shard: number, owned: Owned, ids: readonly string[]): void {
    const list = this.#listOf(shard);
    const added: string[] = [];
    for (const id of ids) {
      if (owned.decided.has(id) || list.ids.has(id) || list.ids.size >= this.#maxPerShard) continue;
      list.ids.add(id);
      if (!owned.stopped.delete(id)) owned.started.add(id);
      added.push(id);
    }
    this.#await(shard, added);
  }

  #forget(shard: number, owned: Owned, id: string): void {
    this.#unawait(shard, id);
    if (!this.#listOf(shard).ids.delete(id)) return;
    if (!owned.started.delete(id)) owned.stopped.add(id);
  }

  #recall(shards: readonly number[]): OutgoingMessage[] {
    const requested: ListDigest[] = [];
    for (const shard of shards) {
      const owned = this.#owned.get(shard)!;
      if (owned.recallsLeft === 0) continue;
      owned.recallsLeft--;
      requested.push([shard, ...owned.inherited]);
    }
    const messages: OutgoingMessage[] = [];
    for (let from = 0; from < requested.length; from += maxDigest) {
      const part = requested.slice(from, from + maxDigest);
      messages.push({
        to: undefined,
        message: { type: "recall", shardType: this.#shardType, shards: part },
      });
    }
    return messages;
  }

  #want(to: string, shards: readonly number[]): OutgoingMessage {
    return { to, message: { type: "want", shardType: this.#shardType, shards } };
  }

  #list(shard: number): ListMessage {
    const { version: [epoch, change], ids } = this.#listOf(shard);
    return { type: "list", shardType: this.#shardType, shard, epoch, change, ids: [...ids] };
  }

  #listOf(shard: number): List {
    let list = this.#lists.get(shard);
    if (list === undefined) {
      list = { version: [0, 0], ids: new Set() };
      this.#lists.set(shard, list);
    }
    return list;
  }

  #await(shard: number, ids: Iterable<string>): void {
    const waiting = this.#waiting.get(shard) ?? new Set();
    for (const id of ids) waiting.add(id);
    if (waiting.size > 0) this.#waiting.set(shard, waiting);
  }

  #unawait(shard: number, id: string): void {
    const waiting = this.#waiting.get(shard);
    if (waiting?.delete(id) && waiting.size === 0) this.#waiting.delete(shard);
  }
}
