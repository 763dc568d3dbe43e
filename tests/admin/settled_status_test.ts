import { assertEquals } from "@std/assert";
import { settledStatus, settleTime } from "../../lib/cli/admin/settled_status.ts";
import type { NodeStatus } from "../../lib/admin/node_report.ts";
import { ManualClock } from "../../lib/testkit/mod.ts";

/** A node whose state changes with time. */
function nodeThat(clock: ManualClock, state: (now: number) => Partial<NodeStatus>) {
  const status = (address: string): Promise<NodeStatus> =>
    Promise.resolve({
      address,
      nodeId: "a",
      status: "up",
      converged: true,
      members: { up: 2 },
      unreachable: [],
      missing: [],
      extensions: {},
      uptime: 0,
      ...state(clock.now()),
    });
  return { status };
}

async function settle(state: (now: number) => Partial<NodeStatus>) {
  const clock = new ManualClock();
  const node = nodeThat(clock, state);
  let status: NodeStatus | undefined;
  settledStatus(node, "a:1", clock).then((settled) => status = settled);
  let took = 0;
  for (; status === undefined && took <= 60_000; took += 100) await clock.advance(100);
  return { converged: status?.converged, took };
}

Deno.test("a change of the members that is still being spread is no fault", async () => {
  assertEquals(await settle(() => ({})), { converged: true, took: 100 });
  assertEquals(await settle((now) => ({ converged: now >= 800 })), { converged: true, took: 900 });
});

Deno.test("members that do not converge are told after a while", async () => {
  const { converged, took } = await settle(() => ({ converged: false }));
  assertEquals([converged, took <= settleTime + 400], [false, true]);
});

Deno.test("an unreachable member is told at once", async () => {
  const state = { converged: false, unreachable: ["b:1"] };
  assertEquals(await settle(() => state), { converged: false, took: 100 });
});
