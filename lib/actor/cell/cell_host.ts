import type { AskHost } from "../ask/ask.ts";
import type { LocalRuntime, LocalSystem } from "../behavior/local_system.ts";
import type { AskOptions } from "../behavior/ask_options.ts";
import type { Asker } from "../ref/asker.ts";
import type { AskFailure } from "../ref/held_ask.ts";
import type { LocalRef, RemoteWatch, TemporaryRef } from "../ref/local_ref.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { SentMessage } from "../ref/sent_message.ts";
import type { DeadLetterReason } from "../services/dead_letter.ts";
import type { EventStream } from "../services/event_stream.ts";
import type { LimitedLog } from "../../runtime/limited_log.ts";
import type { CellObserver, TurnCount } from "./cell_observer.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { MessageCheck } from "./message_check.ts";

/** A cell as its system sees it. */
export interface HostedCell extends LocalRef<unknown> {
  /** Whether its mailbox rejects messages that do not fit, instead of dropping them. */
  readonly rejects: boolean;
  /** Messages that wait, stashed ones included. */
  readonly held: number;
  /** Takes a message. False if it is lost. */
  enqueue(message: unknown): boolean;
  /** Its message adapter at a path. */
  findAdapter(path: string): TemporaryRef | undefined;
}

/** Dependencies of a cell on its system. */
export interface CellHost extends AskHost {
  readonly system: LocalSystem;
  readonly runtime: LocalRuntime;
  /** Lines that messages of others can cause. */
  readonly limitedLog: LimitedLog;
  readonly dispatcher: Dispatcher;
  readonly eventStream: EventStream;
  /** Observes what cells do, if anything is recorded. */
  observer: CellObserver | undefined;
  /** That of the observer. */
  turns: TurnCount | undefined;
  /** The observer, if messages have traces. */
  readonly tracer: Pick<CellObserver, "slotOf"> | undefined;
  /** Checks all messages, in development. */
  readonly messageCheck: MessageCheck | undefined;
  /** Milliseconds that a stop waits for the promise of a handler. */
  readonly stopTimeout: number;
  nodeAddress: string;
  remoteWatch: RemoteWatch | undefined;
  stopping: boolean;
  /** How many asks of other systems are held whose askers have aborted them. */
  abortedAsks: number;
  /** Counts the runs of handlers. */
  step: number;
  /** In a shutdown: rejects the asks of actors that have stopped, soon. */
  sweepAsks(): void;
  /** The cell whose handler is called right now. */
  running: LocalRef<unknown> | undefined;
  /** A message that was counted as sent is lost, and its asker is told more than the reason. */
  loseTold(
    failure: AskFailure & { readonly reason: DeadLetterReason },
    target: string,
    message: unknown,
  ): void;
  /** A cell will not answer the message that it was given: its ask fails. */
  failAsk(cell: LocalRef<unknown>, message: unknown, failure: AskFailure): void;
  nextUid(): number;
  /** Asks for an actor; `within`: the message that it handles. */
  ask<M, R>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => M,
    options: AskOptions | undefined,
    asker: Asker | undefined,
    within?: SentMessage,
  ): Promise<R>;
  /** The cell can be found by its path from now on. */
  register(cell: HostedCell): void;
  /** The cell has stopped. */
  unregister(cell: HostedCell): void;
}
