import type { AdminClient } from "../../admin/admin_client.ts";
import type { Clock } from "../../runtime/clock.ts";

/** Milliseconds between two looks. */
const interval = 300;

/** What has become of a member. `gone`: it is none any more; `present`: it still is, and not down. */
export type MemberOutcome = "gone" | "down" | "present";

/**
 * Waits until a node sees that a member is gone or down.
 *
 * @param timeout milliseconds.
 */
export async function waitUntilGone(
  client: AdminClient,
  node: string,
  address: string,
  timeout: number,
  clock: Clock,
): Promise<MemberOutcome> {
  const end = clock.now() + timeout;
  for (;;) {
    const member = (await client.members(node)).find((row) => row.address === address);
    if (member === undefined) return "gone";
    if (member.status === "down") return "down";
    if (clock.now() >= end) return "present";
    await new Promise<void>((resolve) => clock.schedule(interval, resolve));
  }
}
