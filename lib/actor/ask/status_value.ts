import type { StatusReply } from "../behavior/status_reply.ts";
import { AskError, type StatusError } from "../errors.ts";
import { askFailed } from "./ask_failure.ts";

/**
 * The value of a status reply.
 *
 * @throws {AskError} code `askRejected`: it is an error, or no status reply at all.
 */
export function statusValue(reply: unknown, target: string): unknown {
  const status = reply as Partial<StatusReply<unknown> & { value: unknown; error: unknown }> | null;
  if (typeof status === "object" && status?.type === "statusReply") {
    if (status.ok === true) return status.value;
    const error = status.error as Partial<StatusError> | null | undefined;
    if (typeof error?.message === "string") throw rejection(target, error as StatusError);
  }
  throw new AskError("askRejected", `${target} has answered with what is no status reply`, {
    reason: "invalidMessage",
    value: reply,
    remedy: "answer with StatusReply.success or StatusReply.error, or use ask",
  });
}

/** What `askStatus` gives for the promise of an ask. */
export async function statusOf(reply: Promise<unknown>, target: unknown): Promise<never> {
  return statusValue(await reply, String(target)) as never;
}

function rejection(target: string, error: StatusError): AskError {
  return askFailed(target, { reason: "rejected", details: error.message, rejection: error }, error);
}
