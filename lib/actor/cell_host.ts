import type { Runtime } from "../runtime/runtime.ts";
import type { ActorSystem } from "./actor_system.ts";
import type { Cell } from "./cell.ts";
import type { DeadLetterReason } from "./dead_letter.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { EventStream } from "./event_stream.ts";
import type { LossLedger } from "./loss_ledger.ts";

/** The part of a runtime that a system without network needs. */
export type LocalRuntime = Pick<Runtime, "clock" | "random" | "logger">;

/** What a cell needs from the system that it lives in. */
export interface CellHost {
  readonly system: ActorSystem;
  readonly runtime: LocalRuntime;
  readonly dispatcher: Dispatcher;
  readonly eventStream: EventStream;
  readonly ledger: LossLedger;
  /** `"host:port"`, or empty in a system without network. */
  readonly nodeAddress: string;
  nextUid(): number;
  /** The cell can be found by its path from now on. */
  register(cell: Cell): void;
  /** The cell has stopped. */
  unregister(cell: Cell): void;
  deadLetter(reason: DeadLetterReason, target: string, message: unknown): void;
}
