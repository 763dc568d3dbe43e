import type { AdminClient } from "../../admin/admin_client.ts";
import type { NodeStatus } from "../../admin/node_report.ts";
import type { Clock } from "../../runtime/clock.ts";

/** Milliseconds between two looks. */
const interval = 300;
/** Milliseconds that a cluster is given to converge; gossip needs about one second. */
export const settleTime = 5_000;

/**
 * The state of a node when the members have converged, or after {@linkcode settleTime}. Each change of
 * the membership is spread by gossip for about a second, which is no fault. While a member is
 * unreachable they cannot converge, so that is not waited for.
 */
export async function settledStatus(
  client: Pick<AdminClient, "status">,
  address: string,
  clock: Clock,
): Promise<NodeStatus> {
  const end = clock.now() + settleTime;
  for (;;) {
    const status = await client.status(address);
    if (status.converged || status.unreachable.length > 0 || clock.now() >= end) return status;
    await new Promise<void>((resolve) => clock.schedule(interval, resolve));
  }
}
