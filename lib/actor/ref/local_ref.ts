import type { Cell } from "../cell/cell.ts";
import { Ref } from "./ref.ts";

/** A reference to an actor of this system. The cell itself is one; users see `ActorRef` only. */
export abstract class LocalRef<in M> extends Ref<M> {
  /** @internal The actor. */
  abstract readonly cell: Cell;
}
