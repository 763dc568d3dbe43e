import type { AdminClient } from "../../admin/admin_client.ts";
import { AdminError } from "../../admin/errors.ts";
import type { DownReport } from "../../admin/manual_downing.ts";
import { adminCommand, type Outcome } from "./admin_command.ts";
import { confirmationHelp, isConfirmed } from "./confirmation.ts";
import { memberAddress } from "./node_argument.ts";
import { waitUntilGone } from "./outcome_wait.ts";

const usage = `Declares a member down: it is removed, and what it has owned starts at other nodes.

Examples:
  deno run -A cli.ts down node-3:25520 --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts down node-3 --yes --contact node-1:25520 --system shop --tls certs/alice

For a member whose process has certainly ended, so that nobody waits for the downing strategy. All
other members are told, since two have to say so. A member that is reachable is refused, unless
--force is given: have it leave instead. A process that is down and runs still stops, or joins again
(option whenDowned).

Arguments:
  MEMBER                its address or label

Options:
  --force               also if it is reachable
  --wait SECONDS        how long to wait for its removal (30)
${confirmationHelp}`;

const defaultWait = 30;
/** Members that are told. */
const maxTold = 100;

/** `down`. */
export const downCommand = adminCommand({
  name: "down",
  summary: "declare a member down whose process has ended",
  usage,
  options: { texts: ["wait"], switches: ["yes", "force"] },
  check: (args) => args.expectPositional(1, 1, "one member"),
  async run(client, args, io) {
    const address = await memberAddress(client, args.positional[0]!);
    if (!await isConfirmed(args, io, `${address} will be declared down`)) return cancelled(address);
    const { answers, told } = await tell(client, address, args.on("force"));
    if (told.length === 0) throw firstError(answers);
    const timeout = (args.number("wait") ?? defaultWait) * 1_000;
    const outcome = await waitUntilGone(client, told[0]!, address, timeout, io.clock);
    const lines = [
      `declared down by ${told.join(", ")}`,
      ...answers.flatMap(({ node, error }) =>
        error === undefined ? [] : [`not by ${node}: ${error.message}`]
      ),
      outcome === "present"
        ? `${address} is still a member after ${timeout / 1_000} s: casty why member ${address}`
        : `${address} is ${outcome === "gone" ? "no member any more" : "down"}`,
    ];
    return {
      ok: outcome !== "present",
      text: `${lines.join("\n")}\n`,
      json: {
        address,
        outcome,
        told,
        refused: answers.flatMap(({ node, error }) =>
          error === undefined ? [] : [{ node, reason: error.message }]
        ),
      },
    };
  },
});

interface Answer {
  readonly node: string;
  readonly report?: DownReport;
  readonly error?: Error;
}

async function tell(
  client: AdminClient,
  address: string,
  force: boolean,
): Promise<{ readonly answers: readonly Answer[]; readonly told: readonly string[] }> {
  const others = client.topology.members.map((member) => member.address)
    .filter((other) => other !== address).slice(0, maxTold);
  const answers = await Promise.all(others.map(async (node): Promise<Answer> => {
    try {
      return {
        node,
        report: await client.ask(node, { type: "down", address, force }) as DownReport,
      };
    } catch (error) {
      return { node, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }));
  const told = answers.flatMap(({ node, report }) => report === undefined ? [] : [node]);
  return { answers, told };
}

function firstError(answers: readonly Answer[]): Error {
  return answers.find(({ error }) => error !== undefined)?.error ??
    new AdminError("notPossible", "there is no other member that could declare it down", {
      remedy: "end its process instead",
    });
}

function cancelled(address: string): Outcome {
  return {
    ok: false,
    text: "nothing was done\n",
    json: { address, outcome: "cancelled", told: [], refused: [] },
  };
}
