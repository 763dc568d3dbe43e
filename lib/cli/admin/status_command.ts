import type { AdminClient } from "../../admin/admin_client.ts";
import type { NodeStatus } from "../../admin/node_report.ts";
import { count, spanText } from "../table_text.ts";
import { adminCommand, type Outcome } from "./admin_command.ts";
import { settledStatus, settleTime } from "./settled_status.ts";

const usage = `The state of the cluster and of each of its nodes.

Examples:
  deno run -A cli.ts status --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts status --contact node-1:25520 --system shop --tls certs/alice --json

All nodes are asked, up to 100. Fails (1) if one is unhealthy, unreachable or does not answer, or
if some have not heard of the latest change of the members after ${settleTime / 1_000} s.
`;

const maxNodes = 100;

interface NodeAnswer {
  readonly address: string;
  readonly status?: NodeStatus;
  readonly problem?: string;
}

/** `status`. */
export const statusCommand = adminCommand({
  name: "status",
  summary: "show the state of the cluster and the health of its nodes",
  usage,
  async run(client, _args, { clock }) {
    const first = await settledStatus(client, client.contact, clock);
    const others = client.topology.members.map(({ address }) => address)
      .filter((address) => address !== first.address).slice(0, maxNodes - 1);
    const nodes: NodeAnswer[] = [
      { address: first.address, status: first },
      ...await Promise.all(others.map((address) => ask(client, address))),
    ];
    return outcome(first, nodes);
  },
});

async function ask(client: AdminClient, address: string): Promise<NodeAnswer> {
  try {
    return { address, status: await client.status(address) };
  } catch (error) {
    return { address, problem: error instanceof Error ? error.message : String(error) };
  }
}

function outcome(first: NodeStatus, nodes: readonly NodeAnswer[]): Outcome {
  const members = Object.entries(first.members).map(([status, number]) => `${number} ${status}`);
  const problems = [
    ...first.unreachable.map((address) => `${address} is unreachable: casty why member ${address}`),
    ...first.converged ? [] : ["the cluster has not converged: casty why convergence"],
    ...nodes.flatMap(problemsOf),
  ];
  const lines = [
    `cluster ${first.clusterId ?? "(none)"}, seen by ${first.address} ("${first.nodeId}")`,
    `members: ${members.join(", ") || "none"}; leader: ${first.leader ?? "none"}`,
    "",
    ...nodes.map(({ address, status, problem }) =>
      status === undefined
        ? `${address}: ${problem}`
        : `${address} ("${status.nodeId}"): ${status.status}, started ${
          spanText(status.uptime)
        } ago` +
          certificateText(status)
    ),
    "",
    ...problems.length === 0
      ? ["all is well"]
      : [`${count(problems.length, "problem")}:`, ...problems.map((text) => `- ${text}`)],
  ];
  const ok = problems.length === 0;
  return { ok, text: `${lines.join("\n")}\n`, json: { ok, cluster: first, nodes, problems } };
}

function problemsOf({ address, status, problem }: NodeAnswer): string[] {
  if (status === undefined) return [`${address}: ${problem}`];
  return Object.entries(status.extensions).filter(([, { healthy }]) => !healthy)
    .map(([name, { reason }]) => `${address}: ${name}: ${reason ?? "unhealthy"}`);
}

function certificateText({ certificate }: NodeStatus): string {
  if (certificate === undefined) return ", without TLS";
  return `, certificate valid until ${new Date(certificate.notAfter).toISOString().slice(0, 16)}Z`;
}
