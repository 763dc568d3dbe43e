import { rules } from "../../runtime/rules.ts";

/** Milliseconds for which a message shows that its sender can be reached. */
const heardFor = 1_000;

/**
 * The nodes that cannot be reached, so that nothing comes through them any more. A view may be late, or
 * tell what other members observe: a node from which something has come since is not lost.
 */
export class LostNodes {
  /** When each node that the view calls unreachable was heard last; `-Infinity`: not since then. */
  #nodes = new Map<string, number>();

  /** The view calls these nodes unreachable. */
  onView(unreachable: Iterable<string>): void {
    const before = this.#nodes;
    this.#nodes = new Map();
    for (const address of unreachable) {
      this.#nodes.set(address, before.get(address) ?? -Infinity);
    }
  }

  /** A message of a node has arrived. */
  heard(address: string, now: number): void {
    if (this.#nodes.size > 0 && this.#nodes.has(address)) this.#nodes.set(address, now);
  }

  /** Whether a node is lost. */
  has(address: string, now: number): boolean {
    const heardAt = this.#nodes.get(address);
    if (heardAt === undefined) return false;
    return now - heardAt > heardFor || !rules.heardNodesAreNotLost;
  }
}
