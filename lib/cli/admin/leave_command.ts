import { adminCommand } from "./admin_command.ts";
import { confirmationHelp, isConfirmed } from "./confirmation.ts";
import { memberAddress } from "./node_argument.ts";
import { waitUntilGone } from "./outcome_wait.ts";

const usage = `Has a member leave: its shards are handed off, then its actor system stops.

Examples:
  deno run -A cli.ts leave node-3:25520 --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts leave node-3 --yes --contact node-1:25520 --system shop --tls certs/alice

The same as a stop signal at that node. Whether its process ends is up to the program; what
supervises it may start it again.

Arguments:
  MEMBER                its address or label

Options:
  --wait SECONDS        how long to wait for its removal (60)
${confirmationHelp}`;

const defaultWait = 60;

/** `leave`. */
export const leaveCommand = adminCommand({
  name: "leave",
  summary: "have a member leave the cluster and stop",
  usage,
  options: { texts: ["wait"], switches: ["yes"] },
  check: (args) => args.expectPositional(1, 1, "one member"),
  async run(client, args, io) {
    const address = await memberAddress(client, args.positional[0]!);
    if (!await isConfirmed(args, io, `${address} will leave the cluster and stop`)) {
      return { ok: false, text: "nothing was done\n", json: { address, outcome: "cancelled" } };
    }
    await client.ask(address, { type: "leave" });
    const witness = client.topology.members.find((member) => member.address !== address)?.address;
    if (witness === undefined) {
      const text = `${address} leaves; it was the last member, so nobody sees when it is gone\n`;
      return { ok: true, text, json: { address, outcome: "leaving" } };
    }
    const timeout = (args.number("wait") ?? defaultWait) * 1_000;
    const outcome = await waitUntilGone(client, witness, address, timeout, io.clock);
    const ok = outcome !== "present";
    const text = ok
      ? `${address} has left, says ${witness}\n`
      : `${address} is still a member after ${timeout / 1_000} s, says ${witness}: ` +
        `casty why member ${address}\n`;
    return { ok, text, json: { address, outcome, seenBy: witness } };
  },
});
