import type { Cell } from "./cell.ts";
import { Ref } from "./ref.ts";

/** A reference to an actor of this system: puts messages straight into its mailbox. */
export class LocalRef<in M> extends Ref<M> {
  /** @internal */
  readonly cell: Cell;

  /** @internal Made by the cell. */
  constructor(cell: Cell) {
    super();
    this.cell = cell;
  }

  override get path(): string {
    return this.cell.path;
  }

  override get uid(): number {
    return this.cell.uid;
  }

  override get node(): string {
    return this.cell.host.nodeAddress;
  }

  override tell(message: M): void {
    this.cell.enqueue(message);
  }
}
