import type { AdminClient } from "../../admin/admin_client.ts";
import { type CommandArguments, UsageError } from "../../cert/cli/command_arguments.ts";
import { nearestName } from "../../options/nearest_name.ts";

/** Help for the option. */
export const nodeHelp =
  "  --node ADDRESS        ask this member (address or label); default: the first contact\n";

/** What names are looked up in. */
export type Members = Pick<AdminClient, "topology" | "contact" | "members">;

/** The node to ask: that of `--node`, or the first contact. */
export async function nodeOf(client: Members, args: CommandArguments): Promise<string> {
  const name = args.text("node");
  if (name === undefined) return client.contact;
  const { members, others } = client.topology;
  const found = [...members, ...others].find(({ address }) => address === name) ??
    members.findLast(({ nodeId }) => nodeId === name);
  return found?.address ?? await memberAddress(client, name);
}

/**
 * The address of a member, by its address or label. The first contact is asked, because the topology
 * has no labels of members that are unreachable, joining or leaving.
 */
export async function memberAddress(client: Members, name: string): Promise<string> {
  const members = await client.members(client.contact);
  if (members.some(({ address }) => address === name)) return name;
  const labelled = members.filter(({ nodeId }) => nodeId === name).map(({ address }) => address);
  // A node that has been replaced at another address: the two must not be confused.
  if (labelled.length > 1) {
    throw new UsageError(
      `several members have the label ${name}: ${labelled.join(", ")}; use an address`,
    );
  }
  if (labelled[0] !== undefined) return labelled[0];
  const names = members.flatMap(({ address, nodeId }) => [address, nodeId]);
  const nearest = nearestName(name, names);
  const hint = nearest === undefined
    ? `; members: ${names.join(", ")}`
    : `; did you mean ${nearest}?`;
  throw new UsageError(`there is no member ${name}${hint}`);
}
