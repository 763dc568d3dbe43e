/** Where a node that leaves, and those that send to its services, exchange {@linkcode Withdrawal}. */
export const withdrawalPath = "/_withdraw";

/**
 * - `withdraw`: the sender leaves. Its services get no more messages of the receiver, nor of clients
 *   whose topology the receiver sends. Repeated until it is answered.
 * - `withdrawn`: that holds from now on. On the lane of users messages and this answer travel in
 *   order, so that nothing for a service follows it.
 */
export type Withdrawal =
  | { readonly type: "withdraw" }
  | { readonly type: "withdrawn" };

/** The message, or `undefined` if the value is none. */
export function parseWithdrawal(value: unknown): Withdrawal | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type } = value as Record<string, unknown>;
  return type === "withdraw" || type === "withdrawn" ? { type } : undefined;
}
