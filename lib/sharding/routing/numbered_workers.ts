import type { AskOptions } from "../../actor/behavior/ask_options.ts";
import type { EntityRef } from "./entity_ref.ts";

/** The references to the workers of a name, by their numbers. See `Behaviors.workers`. */
export interface NumberedWorkers<M, O extends AskOptions = AskOptions> {
  /** How many there are. */
  readonly count: number;
  /**
   * The reference to one worker, wherever it runs.
   *
   * @param index from 0 to `count - 1`.
   * @throws {OptionError}
   */
  worker(index: number): EntityRef<M, O>;
}
