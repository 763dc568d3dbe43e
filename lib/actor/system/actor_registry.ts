import type { Asks } from "../ask/ask.ts";
import { adapterMark } from "../cell/adapter_ref.ts";
import type { HostedCell } from "../cell/cell_host.ts";
import { type HeldAsk, holdAsk } from "../ref/held_ask.ts";
import { localActorOf } from "../ref/local_ref.ts";
import type { Ref } from "../ref/ref.ts";
import { askPath, wholePath } from "../ref/reply_path.ts";
import { remoteRefusal } from "../ref/remote_filter.ts";
import type { DeadLetterReason } from "../services/dead_letter.ts";
import type { DeadLetters } from "./dead_letters.ts";

/** The actors of a system by path. */
export class ActorRegistry {
  readonly #cells = new Map<string, HostedCell>();

  /** The cell at a path such as `"/parent/child"`. */
  get(path: string): HostedCell | undefined {
    return this.#cells.get(path);
  }

  /** The cell can be found from now on. */
  register(cell: HostedCell): void {
    this.#cells.set(cell.path, cell);
  }

  /** The cell has stopped. */
  unregister(cell: HostedCell): void {
    if (this.#cells.get(cell.path) === cell) this.#cells.delete(cell.path);
  }

  /** How many actors have not stopped. */
  get size(): number {
    return this.#cells.size;
  }

  /** The actors without a parent, the youngest first. */
  get roots(): HostedCell[] {
    return [...this.#cells.values()].filter(({ parent }) => parent === undefined).reverse();
  }

  /** Messages that wait, stashed ones included. Walks all cells. */
  get held(): number {
    let sum = 0;
    for (const { held } of this.#cells.values()) sum += held;
    return sum;
  }

  /** The actor, message adapter or reply reference at a path; `uid` 0 means any incarnation. */
  find(path: string, uid: number, asks: Asks): Ref<unknown> | undefined {
    // Every reply has a different path: a lookup in the map would hash its text first.
    if (path.startsWith(askPath)) return asks.find(path, uid);
    const cell = this.#cells.get(path);
    if (cell !== undefined) return uid === 0 || uid === cell.uid ? cell : undefined;
    const mark = path.indexOf(adapterMark);
    if (mark < 0) return undefined;
    const adapter = this.#cells.get(path.slice(0, mark))?.findAdapter(path);
    return uid === 0 || uid === adapter?.uid ? adapter : undefined;
  }

  /**
   * Hands over a message from another system, and the ask at hand. Returns the reason if there is no
   * such actor, or its mailbox rejects the message.
   */
  deliver(
    path: string,
    uid: number,
    message: unknown,
    asks: Asks,
    deadLetters: DeadLetters,
    { askAtHand }: { readonly askAtHand: HeldAsk | undefined },
  ): DeadLetterReason | undefined {
    const isReply = path.startsWith(askPath);
    const cell = isReply ? undefined : this.#cells.get(path);
    if (cell !== undefined && (uid === 0 || uid === cell.uid)) {
      const details = remoteRefusal(cell, message);
      if (details !== undefined) {
        deadLetters.addUnsent("unauthorized", path, message, { details });
        return "unauthorized";
      }
      if (askAtHand !== undefined) holdAsk(cell, askAtHand);
      return cell.enqueue(message) || !cell.rejects ? undefined : "mailboxFull";
    }
    const ref = cell === undefined ? this.find(path, uid, asks) : undefined;
    if (ref !== undefined) {
      const actor = askAtHand && localActorOf(ref);
      if (actor !== undefined) holdAsk(actor, askAtHand!);
      return void ref.tell(message);
    }
    const reason = isReply ? "expired" : "noSuchActor";
    deadLetters.addUnsent(reason, wholePath(path, uid), message);
    return reason;
  }
}
