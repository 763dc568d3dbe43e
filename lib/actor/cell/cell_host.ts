import type { Runtime } from "../../runtime/runtime.ts";
import type { ActorSystem } from "../system/actor_system.ts";
import type { AskOptions } from "../ask/ask.ts";
import type { Cell } from "./cell.ts";
import type { DeadLetterReason } from "../system/dead_letter.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { EventStream } from "../system/event_stream.ts";
import type { LossLedger } from "../system/loss_ledger.ts";
import type { MessageCheck } from "./message_check.ts";
import type { ActorRef, Ref } from "../ref/ref.ts";

/** The part of a runtime that a system without network needs. */
export type LocalRuntime = Pick<Runtime, "clock" | "random" | "logger">;

/** Watches actors of other systems; the layer with a network provides it. */
export interface RemoteWatch {
  /** Must call `SystemInternals.terminated` once when the target is gone. */
  watch(watcher: Ref<unknown>, target: ActorRef<never>): void;
  /** The watcher has lost interest, or has stopped. */
  unwatch(watcher: Ref<unknown>, target: ActorRef<never>): void;
}

/** What a cell needs from the system that it lives in. */
export interface CellHost {
  readonly system: ActorSystem;
  readonly runtime: LocalRuntime;
  readonly dispatcher: Dispatcher;
  readonly eventStream: EventStream;
  readonly ledger: LossLedger;
  /** Looks at all messages, in development. */
  readonly messageCheck: MessageCheck | undefined;
  /** Milliseconds that a stop waits for the promise of a handler. */
  readonly stopTimeout: number;
  /** `"host:port"`, or empty in a system without network. */
  nodeAddress: string;
  remoteWatch: RemoteWatch | undefined;
  /** All actors stop; the system takes no new ones and no questions. */
  stopping: boolean;
  /** Counts the runs of handlers. */
  step: number;
  /** In a shutdown: looks for questions that nobody will answer, soon. */
  sweepQuestions(): void;
  /** The cell whose handler is called right now. */
  running: Cell | undefined;
  nextUid(): number;
  /** Asks for an actor. */
  ask<M, R>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => M,
    options: AskOptions | undefined,
    asker: Cell | undefined,
  ): Promise<R>;
  /** The cell can be found by its path from now on. */
  register(cell: Cell): void;
  /** The cell has stopped. */
  unregister(cell: Cell): void;
  /** A message that was counted as sent is lost. */
  lose(reason: DeadLetterReason, target: string, message: unknown): void;
}
