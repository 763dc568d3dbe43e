import { adapterMark } from "../ref/adapter_ref.ts";
import { askPath, type Asks } from "../ask/ask.ts";
import type { Cell } from "../cell/cell.ts";
import type { DeadLetterReason } from "./dead_letter.ts";
import type { DeadLetters } from "./dead_letters.ts";
import { LocalRef } from "../ref/local_ref.ts";
import type { Ref } from "../ref/ref.ts";

/** Who lives at which path of a system. */
export class ActorRegistry {
  readonly #cells = new Map<string, Cell>();

  /** The cell at a path such as `"/parent/child"`. */
  get(path: string): Cell | undefined {
    return this.#cells.get(path);
  }

  /** The cell can be found from now on. */
  register(cell: Cell): void {
    this.#cells.set(cell.path, cell);
  }

  /** The cell has stopped. */
  unregister(cell: Cell): void {
    if (this.#cells.get(cell.path) === cell) this.#cells.delete(cell.path);
  }

  /** The actors without a parent, the youngest first. */
  get roots(): Cell[] {
    return [...this.#cells.values()].filter(({ parent }) => parent === undefined).reverse();
  }

  /** Messages that wait, stashed ones included. Walks all cells. */
  get held(): number {
    let sum = 0;
    for (const { held } of this.#cells.values()) sum += held;
    return sum;
  }

  /** The actor, message adapter or open question at a path; `uid` 0 means whichever is there. */
  find(path: string, uid: number, asks: Asks): Ref<unknown> | undefined {
    const cell = this.#cells.get(path);
    if (cell !== undefined) return uid === 0 || uid === cell.uid ? cell.ref : undefined;
    if (path.startsWith(askPath)) return asks.find(path, uid);
    const mark = path.indexOf(adapterMark);
    if (mark < 0) return undefined;
    const adapter = this.#cells.get(path.slice(0, mark))?.existingParts?.adapters?.find(path);
    return uid === 0 || uid === adapter?.uid ? adapter : undefined;
  }

  /**
   * Hands over a message from another system. Gives the reason if nobody was there, or the mailbox
   * rejects what does not fit.
   */
  deliver(
    path: string,
    uid: number,
    message: unknown,
    asks: Asks,
    deadLetters: DeadLetters,
  ): DeadLetterReason | undefined {
    const ref = this.find(path, uid, asks);
    if (ref instanceof LocalRef) {
      return ref.cell.enqueue(message) || !ref.cell.rejects ? undefined : "mailboxFull";
    }
    if (ref !== undefined) return void ref.tell(message);
    const reason = path.startsWith(askPath) ? "expired" : "noSuchActor";
    deadLetters.addUnsent(reason, path, message);
    return reason;
  }
}
