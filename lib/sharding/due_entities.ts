/**
 * Starts entities of this cluster that have work in a journal and do not run: their reminders are due,
 * or messages of theirs are to be delivered. One service for each journal that types of this node have.
 *
 * @module
 */
import { Wake } from "../actor/ref/internal_message.ts";
import type { ExtensionContext } from "../cluster/node/node_extension.ts";
import { DueService } from "../persistence/due/due_service.ts";
import { sliceShare } from "../persistence/due/slice_share.ts";
import type { Journal } from "../persistence/journal.ts";
import { partsOfId } from "../persistence/persistence_id.ts";
import type { DurableStore } from "../runtime/durable_store.ts";

/** What the services of a node depend on. */
export interface DueEntitiesPort {
  readonly node: Pick<ExtensionContext, "address" | "runtime" | "view">;
  /** Milliseconds between two looks into a journal. */
  readonly interval: number;
  /** Sends to an entity, wherever it runs. */
  route(shardType: string, entityId: string, message: unknown): void;
}

/** A journal, and which nodes look into it. */
interface Watched {
  readonly service: DueService;
  /** Roles of the types that it stores; undefined among them: all nodes run one. */
  readonly roles: Set<string | undefined>;
}

/** See the module's text. */
export class DueEntities {
  readonly #port: DueEntitiesPort;
  readonly #watched = new Map<DurableStore, Watched>();
  #closed = false;

  constructor(port: DueEntitiesPort) {
    this.#port = port;
  }

  /**
   * Entities of a type that runs here are stored in the journal.
   *
   * @param isShared other nodes see the same, so that each looks through a part. Otherwise it has what runs
   * at this node, and no other node sees it.
   */
  add(store: DurableStore, role: string | undefined, isShared = true): void {
    if (this.#closed) return;
    const known = this.#watched.get(store);
    if (known !== undefined) return void known.roles.add(role);
    const roles = new Set([role]);
    const journal = store as unknown as Journal;
    this.#watched.set(store, { roles, service: this.#start(journal, roles, isShared) });
  }

  /** This node starts no entities any more. */
  close(): void {
    this.#closed = true;
    for (const { service } of this.#watched.values()) service.close();
    this.#watched.clear();
  }

  #start(
    journal: Journal,
    roles: ReadonlySet<string | undefined>,
    isShared: boolean,
  ): DueService {
    const { node, interval } = this.#port;
    const { clock, logger } = node.runtime;
    return new DueService({
      clock,
      interval,
      journal,
      share: () => sliceShare(isShared ? this.#nodes(roles) : [], node.address),
      wake: (ids) => this.#wake(ids),
      log: (message, fields) => {
        logger.log("warn", "persistence", message, { journal: journal.name, ...fields });
      },
    });
  }

  /** The members that look into a journal as well. */
  #nodes(roles: ReadonlySet<string | undefined>): string[] {
    return this.#port.node.view.members
      .filter(({ status, roles: has }) =>
        status === "up" && [...roles].some((role) => role === undefined || has.includes(role))
      )
      .map(({ address }) => address);
  }

  #wake(ids: readonly string[]): void {
    for (const id of ids) {
      const parts = partsOfId(id);
      if (parts !== undefined) this.#port.route(parts.kind, parts.name, new Wake());
    }
  }
}
