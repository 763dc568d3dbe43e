import type { LimitedLog } from "../../runtime/limited_log.ts";
import { messageTypeOf } from "../ref/message_type.ts";
import type { DeadLetterReason } from "../services/dead_letter.ts";

/**
 * System paths on which no message of a user travels, and the ends of streams. What is lost at the first
 * is sent again; a stream that misses an element tells its user, and what reaches one that has ended is
 * wanted by nobody.
 */
const ownPath =
  /^(?!.*\/_region-).*\/_(?:cluster(?:\/\w+)?|watch|locate|shardtable|gateway|topology|askfailed|rejected|stream-\d+)$/;

/**
 * Logs dead letters: the first of each reason in a minute, and then how many more there were. A peer
 * may have chosen the target, so that is no cause of its own.
 */
export class DeadLetterLog {
  readonly #log: LimitedLog;
  #expected = false;

  constructor(log: LimitedLog) {
    this.#log = log;
  }

  /** All actors stop: what is lost from now on is not worth a warning. */
  expect(): void {
    this.#expected = true;
  }

  /** A message was lost. */
  add(reason: DeadLetterReason, target: string, message: unknown): void {
    const fields = { target, message: messageTypeOf(message) };
    if (this.#expected) {
      this.#log.add("info", "deadLetters", `dead letter while the system stops: ${reason}`, fields);
    } else if (ownPath.test(target)) {
      this.#log.add("info", "deadLetters", `dead letter of a protocol: ${reason}`, fields);
    } else this.#log.add("warn", "deadLetters", `dead letter: ${reason}`, fields);
  }
}
