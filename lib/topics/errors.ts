import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * A topic cannot be used as asked:
 *
 * - `notLocal`: the subscriber is no actor of this system.
 * - `topicMismatch`: the topic is open here with another number of retained messages.
 * - `tooManyTopics`: this node or client has as many topics open as it may have.
 * - `subscriptionOverflow`: a reader with the policy `"fail"` was slower than the topic.
 */
export type TopicErrorCode =
  | "notLocal"
  | "topicMismatch"
  | "tooManyTopics"
  | "subscriptionOverflow";

/** A topic cannot be used as asked. */
export class TopicError extends CastyError {
  /** Name of the class. */
  override name = "TopicError";
  /** Stable; see {@linkcode TopicErrorCode}. */
  declare readonly code: TopicErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: TopicErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}
