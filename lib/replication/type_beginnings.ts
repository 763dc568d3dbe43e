/**
 * How the shards of a type have begun, as a node knows it: it takes what others know, stores it before it
 * counts, and believes of the coordinator alone that none begins any more.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import { type BootstrapRecord, mergeBootstrap } from "./bootstrap_record.ts";
import { type BootstrapHolder, newBootstrapHolder } from "./copy_record.ts";

/** What a node needs for it. */
export interface TypeBeginningsPort {
  leader(): string | undefined;
  isMember(address: string): boolean;
  /** Makes a record durable. Undefined: there is no store, or the node runs nothing of the type. */
  readonly save: ((record: BootstrapRecord) => Promise<void>) | undefined;
  onError(error: unknown): void;
  /** Nothing is on its way to the store any more. */
  onStored(): void;
}

/** See the module's text. */
export class TypeBeginnings {
  /** What counts here. */
  readonly holder: BootstrapHolder = newBootstrapHolder();
  readonly #port: TypeBeginningsPort;
  /** Members that have said that all shards have begun: believed if they coordinate. */
  readonly #sayClosed = new Set<string>();
  /** Changes, one after the other. */
  #turn: Promise<void> | undefined;

  constructor(port: TypeBeginningsPort) {
    this.#port = port;
  }

  /** What counts here. */
  get record(): BootstrapRecord {
    return this.holder.record;
  }

  /** Whether something is on its way to the store. */
  get isStoring(): boolean {
    return this.#turn !== undefined;
  }

  /** The store was read. */
  loaded(record: BootstrapRecord): void {
    this.holder.record = mergeBootstrap(record, this.holder.record);
  }

  /**
   * What a node that has nothing to do with the type says does not count, and that no shard begins any more
   * only the coordinator says. The lists of stores come from all that run the type.
   */
  heard(from: string, runs: boolean, record: BootstrapRecord): void {
    const leads = from === this.#port.leader();
    if (!rules.coordinatorClosesBeginnings || leads || (runs && !record.closed)) this.take(record);
    else if (record.closed) this.#sayClosed.add(from);
  }

  /** No shard begins any more. */
  close(): void {
    this.take({ stores: [], closed: true });
  }

  /** Another node may coordinate. */
  onView(): void {
    for (const address of this.#sayClosed) {
      if (!this.#port.isMember(address)) this.#sayClosed.delete(address);
    }
    const leader = this.#port.leader();
    if (leader !== undefined && this.#sayClosed.has(leader)) this.close();
  }

  /** Takes what another node knows. Invariant: what counts here is stored. */
  take(record: BootstrapRecord): void {
    const { save } = this.#port;
    const { holder } = this;
    if (save === undefined) {
      holder.record = mergeBootstrap(holder.record, record);
      return;
    }
    if (mergeBootstrap(holder.record, record) === holder.record) return;
    const turn = (this.#turn ?? Promise.resolve()).then(async () => {
      const merged = mergeBootstrap(holder.record, record);
      if (merged !== holder.record) await save(merged);
      holder.record = mergeBootstrap(holder.record, merged);
    }).catch((error) => this.#port.onError(error)).then(() => {
      if (this.#turn === turn) this.#turn = undefined;
      this.#port.onStored();
    });
    this.#turn = turn;
  }
}
