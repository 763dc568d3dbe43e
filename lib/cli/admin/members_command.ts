import { tableText } from "../table_text.ts";
import { adminCommand } from "./admin_command.ts";
import { nodeHelp, nodeOf } from "./node_argument.ts";

const usage = `The members of the cluster, as one of them sees it.

Examples:
  deno run -A cli.ts members --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts members --contact node-1:25520 --system shop --tls certs/alice --node node-2

Fails (1) if a member is unreachable or down.

Options:
${nodeHelp}`;

/** `members`. */
export const membersCommand = adminCommand({
  name: "members",
  summary: "list the members: status, reachability, roles",
  usage,
  options: { texts: ["node"] },
  async run(client, args) {
    const node = await nodeOf(client, args);
    const members = await client.members(node);
    const rows = members.map((member) => {
      const { address, nodeId, status, reachable, leader, roles, zone, appVersion } = member;
      const state = reachable ? status : `${status}, unreachable (${member.reason})`;
      const labels = [...roles, ...(zone === undefined ? [] : [`zone ${zone}`])].join(", ");
      return [address, nodeId, state, leader ? "leader" : "", labels, appVersion ?? ""];
    });
    const heading = ["ADDRESS", "LABEL", "STATUS", "", "ROLES", "VERSION"];
    return {
      ok: members.every(({ status, reachable }) => reachable && status !== "down"),
      text: tableText([heading, ...rows]),
      json: { seenBy: node, members },
    };
  },
});
