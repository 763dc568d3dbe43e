import type { AskLimit } from "../../actor/ref/sent_message.ts";
import type { Telemetry } from "../../runtime/telemetry.ts";
import type { DeadLetterReason } from "../../actor/services/dead_letter.ts";

/** Dependencies of sharding on its node or client. */
export interface ShardingPort {
  /** This system's address. */
  readonly self: string;
  /** Keeps the traces of messages that wait. Absent: nothing is traced. */
  readonly traces?: Pick<Telemetry, "active" | "with"> | undefined;
  /** Milliseconds on the runtime's clock. */
  now(): number;
  /** Runs `task` in a later turn of the event loop. Absent: nothing is divided into turns. */
  yield?(task: () => void): void;
  /**
   * Sends to a path at a node or client. `deadline`: how long the asker of the message waits; a time is
   * one on the clock of `now`.
   */
  send(to: string, path: string, message: unknown, deadline?: AskLimit): void;
  /** A message is lost; says why, and in `details` more to its asker. */
  deadLetter(
    reason: DeadLetterReason,
    target: string,
    message: unknown,
    details?: string,
  ): void;
  /**
   * A message that has waited here is handed to an entity now, which has to answer its ask;
   * `undefined`: that is done. Only where there are entities.
   */
  bringAsk?(message: unknown): void;
  /**
   * A shard has another owner, and the former one, to which messages went, cannot be reached.
   */
  ownerReplaced?(owner: string, shardType: string, shard: number): void;
}
