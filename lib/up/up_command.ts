import process from "node:process";
import { CommandArguments, UsageError } from "../cert/cli/command_arguments.ts";
import { withToolStart } from "../cert/tool_command.ts";
import { CastyError } from "../runtime/casty_error.ts";
import type { LogLevel } from "../runtime/logger.ts";
import { platform } from "../runtime/platform.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { findApp, findFolders } from "./app_place.ts";
import { UpError } from "./errors.ts";
import { keyHelp } from "./supervisor.ts";
import { LocalCluster } from "./local_cluster.ts";

const usage = `Starts a cluster for development: nodes as processes, with mutual TLS.

Usage: up [NODES] APP [options]

Examples:
  deno run -A up.ts 5 app.ts
  deno run -A up.ts 3 app.ts --open --watch ../shared

  NODES            1 to 9. Default: 5
  APP              a module whose default export, a function, sets up a node

Options:
  --open           open the dashboard in the browser
  --watch FOLDER   another folder whose sources are watched; may be repeated
  --log LEVEL      debug, info, warn or error of the nodes. Default: info
  --name NAME      name of the system. Default: up
  --help           this text

${keyHelp}
Changed sources are loaded node by node. Not for production: see docs/production.md.
`;

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/**
 * Runs `up` until it is ended by a key or a signal. Resolves with the exit code: 0 ended, 1 not
 * possible, 2 wrong use. Never rejects.
 */
export async function runUpCommand(given: readonly string[]): Promise<number> {
  try {
    return await run(given);
  } catch (error) {
    const isWrongUse = error instanceof UsageError;
    if (error instanceof CastyError || isWrongUse) console.error(error.message);
    else console.error(error);
    if (isWrongUse) console.error(`\n${withToolStart(usage, "up")}`);
    return isWrongUse ? 2 : 1;
  }
}

async function run(given: readonly string[]): Promise<number> {
  if (given.some((arg) => arg === "--help" || arg === "-h")) {
    console.log(withToolStart(usage, "up"));
    return 0;
  }
  const args = new CommandArguments(given, {
    texts: ["log", "name"],
    lists: ["watch"],
    switches: ["open"],
  });
  args.expectPositional(1, 2, "the number of nodes and a module");
  const [first, second] = args.positional;
  if (second === undefined && /^\d+$/.test(first!)) {
    throw new UsageError(`the module is missing after ${first}`);
  }
  const [count, app] = second === undefined ? ["5", first!] : [first!, second];
  if (!/^[1-9]$/.test(count)) throw new UsageError(`${count} is no number of nodes from 1 to 9`);
  const level = args.text("log") ?? "info";
  const logLevel = levels.find((one) => one === level);
  if (logLevel === undefined) {
    throw new UsageError(`--log ${level} is none of ${levels.join(", ")}`);
  }
  if (platform.name !== "deno") {
    throw new UpError("needsDeno", `up cannot start nodes on ${platform.name}`, {
      value: platform.name,
      remedy: "start it with deno run -A",
    });
  }
  const since = systemClock.now();
  const place = await findApp(app, process.cwd(), platform.files);
  const cluster = await LocalCluster.open({
    nodes: Number(count),
    place,
    watched: await findFolders(args.list("watch"), process.cwd(), platform.files),
    systemName: args.text("name") ?? "up",
    logLevel,
    opensDashboard: args.on("open"),
    inColour: process.stdout.isTTY === true && !platform.process.env("NO_COLOR"),
    since,
  });
  return await cluster.ended;
}
