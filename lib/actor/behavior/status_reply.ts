import type { StatusError } from "../errors.ts";

/**
 * A reply that says whether the request has succeeded: what `askStatus` resolves or rejects with.
 * Plain data, so that it travels between nodes of all versions. Made by {@linkcode StatusReply}.
 */
export type StatusReply<T> =
  | { readonly type: "statusReply"; readonly ok: true; readonly value: T }
  | { readonly type: "statusReply"; readonly ok: false; readonly error: StatusError };

/** The value of a status reply, for a success. */
export type StatusValue<S> = S extends
  { readonly type: "statusReply"; readonly ok: true; readonly value: infer T } ? T : never;

/** The ways to make a status reply. */
export interface StatusReplies {
  /** The request has succeeded; `askStatus` resolves with the value. */
  success(): StatusReply<void>;
  /** The same, with a value. */
  success<T>(value: T): StatusReply<T>;
  /**
   * The request was refused; `askStatus` rejects with an `AskError` of the reason `rejected`. Of an
   * `Error`, only its message and its code are sent.
   */
  error(error: string | StatusError): StatusReply<never>;
}

/**
 * Answers an ask with a value, or with an error that rejects it (`StatusReply` of Akka and Pekko).
 *
 * @example
 * ```ts
 * import {
 *   type ActorRef,
 *   ActorSystem,
 *   AskError,
 *   type Behavior,
 *   Behaviors,
 *   StatusReply,
 * } from "@casty/casty";
 *
 * type Withdraw = { type: "withdraw"; amount: number; replyTo: ActorRef<StatusReply<number>> };
 * const account = (balance: number): Behavior<Withdraw> =>
 *   Behaviors.receive<Withdraw>((_context, { amount, replyTo }) => {
 *     if (amount > balance) {
 *       replyTo.tell(StatusReply.error({ message: "not enough money", code: "overdrawn" }));
 *       return Behaviors.same();
 *     }
 *     replyTo.tell(StatusReply.success(balance - amount));
 *     return account(balance - amount);
 *   });
 *
 * await using system = new ActorSystem();
 * const ref = system.spawn(account(100), "account");
 * const withdraw = (amount: number) =>
 *   system.askStatus(ref, (replyTo) => ({ type: "withdraw", amount, replyTo }));
 * console.assert(await withdraw(30) === 70);
 * const error = await withdraw(1_000).catch((error) => error);
 * console.assert(error instanceof AskError && error.rejection?.code === "overdrawn");
 * ```
 */
export const StatusReply: StatusReplies = {
  success: <T>(value?: T): StatusReply<T> => ({
    type: "statusReply",
    ok: true,
    value: value as T,
  }),
  error: (error) => ({ type: "statusReply", ok: false, error: plainError(error) }),
};

function plainError(error: string | StatusError): StatusError {
  if (typeof error === "string") return { message: error };
  const { message, code, details } = error;
  return {
    message: String(message),
    ...(typeof code === "string" && { code }),
    ...(details !== undefined && { details }),
  };
}
