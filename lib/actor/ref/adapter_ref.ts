import type { Cell } from "../cell/cell.ts";
import type { CellHost } from "../cell/cell_host.ts";
import { EndingRef } from "./ending_ref.ts";

/** Between an actor's path and the number of its adapter; no user can name an actor so. */
export const adapterMark = "/_adapter-";

/** A reference that turns messages of another protocol into messages of one actor. */
export class AdapterRef extends EndingRef {
  override readonly path: string;
  override readonly uid: number;
  /** The actor. */
  readonly cell: Cell;
  readonly #map: (message: unknown) => unknown;
  #open = true;

  /** `number` tells the adapters of one actor apart. */
  constructor(cell: Cell, number: number, map: (message: unknown) => unknown) {
    super();
    this.cell = cell;
    this.path = `${cell.path}${adapterMark}${number}`;
    this.uid = cell.host.nextUid();
    this.#map = map;
  }

  override get host(): CellHost {
    return this.cell.host;
  }

  override get ended(): boolean {
    return !this.#open;
  }

  /** The actor has stopped, or has begun again and does not know this adapter any more. */
  close(): void {
    this.#open = false;
    this.tellEnd();
  }

  override tell(message: unknown): void {
    const { cell, path } = this;
    const { host } = cell;
    if (!this.#open || cell.ended) {
      host.ledger.sent++;
      return host.lose("stopped", path, message);
    }
    let mapped: unknown;
    try {
      mapped = this.#map(message);
    } catch (error) {
      // The mapping stands in for the actor's handler: it has had the message.
      host.ledger.sent++;
      host.ledger.delivered++;
      return cell.notice({ type: "failure", error });
    }
    cell.enqueue(mapped);
  }
}

/** The adapters of one actor. */
export class Adapters {
  readonly #cell: Cell;
  readonly #byMap = new Map<unknown, AdapterRef>();
  readonly #byPath = new Map<string, AdapterRef>();

  /** None yet. */
  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** The reference for a mapping. */
  refFor(map: (message: never) => unknown): AdapterRef {
    const known = this.#byMap.get(map);
    if (known !== undefined) return known;
    const ref = new AdapterRef(this.#cell, ++this.#cell.parts.numbered, map as never);
    this.#byMap.set(map, ref);
    this.#byPath.set(ref.path, ref);
    return ref;
  }

  /** The reference at a path. */
  find(path: string): AdapterRef | undefined {
    return this.#byPath.get(path);
  }

  /** None of them leads anywhere any more. */
  close(): void {
    const refs = [...this.#byPath.values()];
    this.#byMap.clear();
    this.#byPath.clear();
    for (const ref of refs) ref.close();
  }
}
