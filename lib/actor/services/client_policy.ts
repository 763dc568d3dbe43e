import type { MessageSender } from "../ref/message_sender.ts";

/**
 * Decides what a client may do, by the identity in its certificate. It must be synchronous; a function
 * that throws, or returns anything but `true` and `"read"`, permits nothing.
 */
export type ClientPolicy<Access = boolean> = (client: MessageSender) => Access;

/** The verdict of a policy. */
export function matchesClient(
  policy: ClientPolicy<boolean | "read">,
  client: MessageSender,
): boolean | "read" {
  try {
    const access: unknown = policy(client);
    return access === "read" ? "read" : access === true;
  } catch {
    return false;
  }
}
