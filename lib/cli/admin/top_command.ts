import type { AdminClient } from "../../admin/admin_client.ts";
import { maxTopEntities } from "../../admin/admin_protocol.ts";
import type { BusyReport } from "../../admin/busy_actors.ts";
import { type CommandArguments, UsageError } from "../../cert/cli/command_arguments.ts";
import type { Clock } from "../../runtime/clock.ts";
import { replaceUnprintableInLines } from "../../runtime/unprintable.ts";
import type { CliIo } from "../cli_io.ts";
import { tableText } from "../table_text.ts";
import { adminCommand, type Outcome } from "./admin_command.ts";
import { nodeHelp, nodeOf } from "./node_argument.ts";

const usage = `The busiest entities and actors of all nodes: messages a second, time in handlers.

Examples:
  deno run -A cli.ts top --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts top --by messages --interval 5 --node node-2 --contact node-1:25520 ...
  deno run -A cli.ts top --once --json --contact node-1:25520 --system shop --tls certs/alice

At a terminal the table is renewed until it is interrupted. Nodes count while they are asked, and stop
15 s later. The time of a handler contains that of its promise. Actors of Casty itself are left out.

Options:
  --interval SECONDS    how long each table covers, 1 to 10 (2)
  --limit NUMBER        rows, 1 to ${maxTopEntities} (20)
  --by ORDER            time or messages (time)
  --once                one table, and no more; so is it without a terminal, and with --json
${nodeHelp.replace("default: the first contact", "default: all, up to 100")}`;

const maxNodes = 100;

interface Settings {
  readonly interval: number;
  readonly limit: number;
  readonly by: "time" | "messages";
}

interface Row {
  readonly node: string;
  readonly path: string;
  /** A second. */
  readonly messages: number;
  /** Milliseconds in handlers, a second. */
  readonly handlerTime: number;
  /** Milliseconds of one message. */
  readonly perMessage: number;
}

interface Sample {
  readonly rows: readonly Row[];
  readonly nodes: readonly {
    readonly node: string;
    readonly messages?: number;
    readonly handlerTime?: number;
    readonly incomplete?: boolean;
    readonly problem?: string;
  }[];
}

/** `top`. */
export const topCommand = adminCommand({
  name: "top",
  summary: "show the busiest entities: messages a second, time in handlers",
  usage,
  options: { texts: ["node", "interval", "limit", "by"], switches: ["once"] },
  check: (args) => void settingsOf(args),
  async run(client, args, io) {
    const settings = settingsOf(args);
    const nodes = args.text("node") === undefined
      ? client.topology.members.map(({ address }) => address).slice(0, maxNodes)
      : [await nodeOf(client, args)];
    await collect(client, nodes, settings);
    const isLive = io.live !== undefined && !args.on("once") && !args.on("json");
    if (isLive) await showLive(client, nodes, settings, io);
    await pause(io.clock, settings.interval);
    const sample = await collect(client, nodes, settings);
    return outcome(sample, settings);
  },
});

/** Until the process is interrupted, or no node answers any more. */
async function showLive(
  client: AdminClient,
  nodes: readonly string[],
  settings: Settings,
  io: CliIo,
): Promise<void> {
  for (;;) {
    await pause(io.clock, settings.interval);
    const sample = await collect(client, nodes, settings);
    const { text, ok } = outcome(sample, settings);
    if (!ok) return;
    await io.live!(replaceUnprintableInLines(text));
  }
}

async function collect(
  client: AdminClient,
  nodes: readonly string[],
  { limit, by }: Settings,
): Promise<Sample> {
  const reports = await Promise.all(nodes.map(async (node) => {
    try {
      return { node, report: await client.top(node, limit) };
    } catch (error) {
      // That the certificate permits nothing holds for all nodes.
      if (nodes.length === 1 || (error as { code?: unknown }).code === "notAdmin") throw error;
      return { node, problem: error instanceof Error ? error.message : String(error) };
    }
  }));
  const rows = reports.flatMap(({ node, report }) =>
    report === undefined ? [] : rowsOf(node, report)
  );
  const order = by === "time"
    ? (a: Row, b: Row) => b.handlerTime - a.handlerTime || b.messages - a.messages
    : (a: Row, b: Row) => b.messages - a.messages || b.handlerTime - a.handlerTime;
  return {
    rows: rows.toSorted(order).slice(0, limit),
    nodes: reports.map(({ node, report, problem }) => ({
      node,
      ...(problem !== undefined && { problem }),
      ...(report !== undefined && {
        messages: perSecond(report.messages, report),
        handlerTime: perSecond(report.handlerTime, report),
        incomplete: report.incomplete,
      }),
    })),
  };
}

function rowsOf(node: string, report: BusyReport): Row[] {
  return report.actors.map(({ path, messages, handlerTime }) => ({
    node,
    path,
    messages: perSecond(messages, report),
    handlerTime: perSecond(handlerTime, report),
    perMessage: handlerTime / messages,
  }));
}

function perSecond(amount: number, { window }: BusyReport): number {
  return window <= 0 ? 0 : amount * 1_000 / window;
}

function outcome({ rows, nodes }: Sample, { by }: Settings): Outcome {
  const table = rows.map(({ node, path, messages, handlerTime, perMessage }) => [
    path,
    node,
    messages.toFixed(1),
    `${(handlerTime / 10).toFixed(1)} %`,
    perMessage.toFixed(3),
  ]);
  const lines = nodes.map(({ node, messages = 0, handlerTime = 0, incomplete, problem }) =>
    problem === undefined
      ? `${node}: ${messages.toFixed(1)} messages a second, ${(handlerTime / 10).toFixed(1)} % ` +
        `in handlers${incomplete ? "; quiet actors were left out" : ""}`
      : `${node}: ${problem}`
  );
  const heading = ["ACTOR", "NODE", "MESSAGES/S", "IN HANDLERS", "MS/MESSAGE"];
  const body = rows.length === 0 ? "nothing was handled\n" : tableText([heading, ...table]);
  return {
    ok: nodes.some(({ problem }) => problem === undefined),
    text: `${lines.join("\n")}\n\n${body}`,
    json: { by, nodes, actors: rows },
  };
}

function settingsOf(args: CommandArguments): Settings {
  args.expectPositional(0, 0, "no arguments");
  const interval = args.number("interval") ?? 2;
  if (interval < 1 || interval > 10) throw new UsageError("--interval needs 1 to 10 seconds");
  const limit = args.number("limit") ?? 20;
  if (limit < 1 || limit > maxTopEntities) {
    throw new UsageError(`--limit needs a number from 1 to ${maxTopEntities}`);
  }
  const by = args.text("by") ?? "time";
  if (by !== "time" && by !== "messages") throw new UsageError("--by needs time or messages");
  return { interval, limit, by };
}

function pause(clock: Clock, seconds: number): Promise<void> {
  return new Promise((resolve) => clock.schedule(seconds * 1_000, resolve));
}
