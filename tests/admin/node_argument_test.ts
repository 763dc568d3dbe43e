/** Members that are named on the command line, by address or label. */
import { assertEquals, assertRejects } from "@std/assert";
import type { MemberRow } from "../../lib/admin/node_report.ts";
import { CommandArguments, UsageError } from "../../lib/cert/cli/command_arguments.ts";
import { memberAddress, type Members, nodeOf } from "../../lib/cli/admin/node_argument.ts";
import { emptyTopology } from "../../lib/cluster/gateway/topology.ts";

const row = (address: string, nodeId: string, reachable = true): MemberRow => ({
  address,
  nodeId,
  reachable,
  status: "up",
  leader: false,
  incarnation: 1,
  roles: [],
});

/** A client that is connected to the first of these members. */
const clientOf = (...rows: MemberRow[]): Members => ({
  topology: {
    ...emptyTopology,
    members: rows.filter(({ reachable }) => reachable),
    others: rows.filter(({ reachable }) => !reachable)
      .map(({ address, incarnation }) => ({ address, incarnation, state: "unreachable" as const })),
  },
  contact: rows[0]!.address,
  members: () => Promise.resolve(rows),
});

Deno.test("an unreachable member is found by its label", async () => {
  const client = clientOf(row("a:1", "node-1"), row("b:1", "node-2"), row("c:1", "node-3", false));
  assertEquals(await memberAddress(client, "node-3"), "c:1");
  assertEquals(await memberAddress(client, "c:1"), "c:1");
  const args = new CommandArguments(["--node", "node-3"], { texts: ["node"], switches: [] });
  assertEquals(await nodeOf(client, args), "c:1");
});

Deno.test("a label that two members have is not an answer", async () => {
  const client = clientOf(row("a:1", "node-1"), row("b:1", "node-2", false), row("c:1", "node-2"));
  await assertRejects(
    () => memberAddress(client, "node-2"),
    UsageError,
    "several members have the label node-2: b:1, c:1; use an address",
  );
  assertEquals(await memberAddress(client, "b:1"), "b:1");
});

Deno.test("a name that no member has is answered with the nearest one, or all", async () => {
  const client = clientOf(row("a:1", "node-1"));
  await assertRejects(() => memberAddress(client, "nod-1"), UsageError, "did you mean node-1?");
  await assertRejects(() => memberAddress(client, "zebra"), UsageError, "members: a:1, node-1");
});
