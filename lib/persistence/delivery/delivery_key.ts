import type { ActorContext } from "../../actor/behavior/context.ts";
import { Delivery } from "../../actor/ref/internal_message.ts";
import type { MessageAtHand } from "../../actor/ref/passed_on.ts";

/**
 * A text that is the same each time that a message of `thenSend` arrives, and for no other message: an
 * idempotency key for what the handler asks of the outside world. Undefined if the message at hand was
 * not sent by `thenSend`. Valid until the handler, or the promise that it returns, has ended.
 *
 * @example
 * ```ts
 * import { Behaviors } from "@casty/casty";
 * import { deliveryKey } from "@casty/casty/persistence";
 *
 * // A payment that is requested twice under one key is made once.
 * const payments = Behaviors.receive<{ cents: number }>(async (context, { cents }) => {
 *   await pay(cents, { "Idempotency-Key": deliveryKey(context) ?? "none" });
 *   return Behaviors.same();
 * });
 * console.assert(payments !== undefined);
 *
 * async function pay(_cents: number, _headers: Record<string, string>): Promise<void> {}
 * ```
 */
export function deliveryKey<M>(context: ActorContext<M>): string | undefined {
  const { current } = context as Partial<MessageAtHand>;
  return current instanceof Delivery ? current.key : undefined;
}
