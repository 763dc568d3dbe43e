/**
 * Reads from the database what a standby lacks. Only reads: it has no other part of the store.
 *
 * @module
 */
import type { Journal } from "../../persistence/journal.ts";
import { isSameEvent, markOf } from "../../persistence/warm_log.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { FillTurns } from "../fill_turns.ts";
import type { WarmEntities, WarmEntity } from "./warm_entities.ts";

/** What it needs. */
export interface WarmReaderPort {
  readonly clock: Clock;
  readonly store: Pick<Journal, "read" | "loadSnapshot">;
  /** Shared with the back-fills of the node. */
  readonly turns: Pick<FillTurns, "next">;
}

/**
 * Milliseconds that the reader rests after an entity, at most: otherwise for as long as it has read. One entity
 * at a time, and half of the time: an owner that recovers must not wait for its standbys.
 */
const longestRest = 1_000;
/** Events that are applied in one turn of the event loop. */
const eventsInTurn = 256;
/** How often a reading goes on with what was written meanwhile. */
const maxRounds = 20;
/** Milliseconds without readings after one has failed. */
const failurePause = 1_000;

/** See the module's text. */
export class WarmReader {
  readonly #port: WarmReaderPort;
  readonly #warm: WarmEntities;
  /** An entity is read, or the reader rests. */
  #isBusy = false;
  #closed = false;

  constructor(port: WarmReaderPort, warm: WarmEntities) {
    this.#port = port;
    this.#warm = warm;
  }

  /** Begins to read, if something is to be read. */
  pump(): void {
    if (this.#isBusy || this.#closed) return;
    const entity = this.#warm.nextRead();
    if (entity === undefined) return;
    this.#isBusy = true;
    const { clock } = this.#port;
    const begun = clock.now();
    this.#read(entity).then(
      () => this.#rest(Math.min(clock.now() - begun, longestRest)),
      () => {
        this.#warm.failed(entity);
        this.#rest(failurePause);
      },
    );
  }

  #rest(span: number): void {
    const end = () => {
      this.#isBusy = false;
      this.pump();
    };
    if (span > 0) this.#port.clock.schedule(span, end);
    else end();
  }

  /** Ends all. */
  close(): void {
    this.#closed = true;
  }

  async #read(entity: WarmEntity): Promise<void> {
    if (entity.last === undefined) await this.#readSnapshot(entity);
    for (let round = 0; round < maxRounds && this.#isWanted(entity); round++) {
      const isContinued = await this.#readEvents(entity);
      if (!this.#isWanted(entity)) return;
      if (!isContinued) return this.#warm.readAgain(entity);
      if (this.#warm.wasRead(entity)) return;
    }
    this.#warm.failed(entity);
  }

  async #readSnapshot(entity: WarmEntity): Promise<void> {
    const { store } = this.#port;
    const { id } = entity;
    let snapshot = await store.loadSnapshot(id);
    while (snapshot !== undefined && this.#isWanted(entity)) {
      if (this.#warm.useSnapshot(entity, snapshot)) return;
      snapshot = await store.loadSnapshot(id, snapshot.seq - 1);
    }
  }

  /** False: the store does not have the event that the state ends with. */
  async #readEvents(entity: WarmEntity): Promise<boolean> {
    const { store, turns } = this.#port;
    const { id, last, replay } = entity;
    let isConfirmed = last === undefined;
    let count = 0;
    const from = Math.max(1, last?.seq ?? replay!.recovery.seq);
    for await (const event of store.read(id, { from })) {
      if (!this.#isWanted(entity)) return true;
      if (!isConfirmed) {
        if (!isSameEvent(markOf(event), last!)) return false;
        isConfirmed = true;
      } else if (!this.#warm.apply(entity, event)) return true;
      if (++count % eventsInTurn === 0) await turns.next();
    }
    return isConfirmed;
  }

  #isWanted(entity: WarmEntity): boolean {
    return !this.#closed && this.#warm.isReading(entity);
  }
}
