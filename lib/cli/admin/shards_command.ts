import type { AdminClient } from "../../admin/admin_client.ts";
import type { ShardsReport } from "../../admin/node_report.ts";
import { UsageError } from "../../cert/cli/command_arguments.ts";
import { tableText } from "../table_text.ts";
import { adminCommand, type Outcome } from "./admin_command.ts";
import { nodeHelp, nodeOf } from "./node_argument.ts";

const usage = `The sharded types, or the shards of one: owners, epochs, hand-offs.

Examples:
  deno run -A cli.ts shards --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts shards carts --contact node-1:25520 --system shop --tls certs/alice

The coordinator (the leader) is asked, since it knows all owners. Types of Casty itself, whose names
begin with "_", are shown with --all.

Arguments:
  TYPE                  name of a sharded type. Default: all types, in short

Options:
  --all                 types of Casty itself as well
${nodeHelp}`;

/** `shards`. */
export const shardsCommand = adminCommand({
  name: "shards",
  summary: "list sharded types, or the owners of the shards of one",
  usage,
  options: { texts: ["node"], switches: ["all"] },
  check: (args) => args.expectPositional(0, 1, "at most one type"),
  async run(client, args) {
    const [shardType] = args.positional;
    const node = args.text("node") === undefined
      ? client.topology.leader ?? client.contact
      : await nodeOf(client, args);
    if (shardType === undefined) return await allTypes(client, node, args.on("all"));
    const report = await client.shards(node, shardType);
    if (report.types.length === 0) {
      throw new UsageError(`${node} knows no sharded type ${shardType}; see: casty shards`);
    }
    return oneType(node, shardType, report);
  },
});

async function allTypes(client: AdminClient, node: string, all: boolean): Promise<Outcome> {
  const report = await client.shards(node);
  const types = report.types.filter(({ shardType }) => all || !shardType.startsWith("_"));
  const rows = types.map(({ shardType, numShards, runs, owned, entities, waiting }) => [
    shardType,
    numShards,
    runs ? owned : "routes only",
    entities,
    waiting,
  ]);
  const heading = ["TYPE", "SHARDS", "OWNED HERE", "ENTITIES HERE", "WAITING HERE"];
  return {
    ok: true,
    text: types.length === 0
      ? `${node} knows no sharded type\n`
      : `${tableText([heading, ...rows])}\nas seen by ${node}\n`,
    json: { seenBy: node, types },
  };
}

function oneType(
  node: string,
  shardType: string,
  { shards, coordinates }: ShardsReport,
): Outcome {
  const perOwner = new Map<string, number>();
  for (const { owner } of shards) {
    if (owner !== undefined) perOwner.set(owner, (perOwner.get(owner) ?? 0) + 1);
  }
  const rows = shards.map(({ shard, owner, epoch, phase }) => [shard, owner, epoch, phase ?? ""]);
  const owned = [...perOwner].map(([owner, number]) => `${owner}: ${number}`).join(", ") || "none";
  const without = shards.filter(({ owner }) => owner === undefined).length;
  const moving = shards.filter(({ phase }) => phase !== undefined && phase !== "running").length;
  return {
    ok: moving === 0,
    text: `${tableText([["SHARD", "OWNER", "EPOCH", "PHASE"], ...rows])}
owners: ${owned}; without one: ${without}${
      coordinates
        ? ""
        : `\n${node} does not coordinate: it knows only the owners that it has asked for`
    }\n`,
    json: { seenBy: node, shardType, coordinates, shards },
  };
}
