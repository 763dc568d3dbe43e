import { CommandArguments, UsageError } from "../cert/cli/command_arguments.ts";
import { withToolStart } from "../cert/tool_command.ts";
import { configReference } from "../config/config_reference.ts";
import { type ConfigRow, configRows } from "../config/config_table.ts";
import { ConfigError } from "../config/errors.ts";
import { type CastyConfig, loadConfig } from "../config/load_config.ts";
import { placeText } from "../config/setting.ts";
import { tomlKey, tomlText } from "../config/toml_text.ts";
import { nearestName } from "../options/nearest_name.ts";
import { replaceUnprintableInLines } from "../runtime/unprintable.ts";
import type { CliCommand, CliIo, CliResult } from "./cli_io.ts";
import { tableText } from "./table_text.ts";

const usage = `Shows the configuration of nodes: casty.toml and environment variables.

Examples:
  deno run -A cli.ts config show
  CASTY_CLUSTER_PORT=25521 deno run -A cli.ts config show --config deploy/casty.toml --all
  deno run -A cli.ts config check
  deno run -A cli.ts config reference > casty.toml

Actions:
  show                  what is set, and where each value comes from; secrets are hidden
  check                 checks file and environment, and prints nothing else
  reference             a documented file with all keys and defaults

Options:
  --config FILE         the file. Default: CASTY_CONFIG, or casty.toml in this folder
  --all                 show: defaults as well
  --json                show: output for programs: { file, settings, actors }

Exit codes: 0 done, 1 the configuration cannot be used (each problem with its place), 2 wrong use.
`;

const actions = ["show", "check", "reference"];

/** `config`. */
export const configCommand: CliCommand = {
  name: "config",
  summary: "show or check casty.toml and the environment, with the origin of each value",
  usage,
  async run(given, io) {
    try {
      const args = new CommandArguments(given, { texts: ["config"], switches: ["all", "json"] });
      args.expectPositional(1, 1, `one of ${actions.join(", ")}`);
      return await run(args.positional[0]!, args, io);
    } catch (error) {
      const isWrongUse = error instanceof UsageError;
      if (!isWrongUse && !(error instanceof ConfigError)) throw error;
      const reason = replaceUnprintableInLines(error.message);
      const help = isWrongUse ? `\n${withToolStart(usage, "cli")}` : "";
      return { exitCode: isWrongUse ? 2 : 1, stdout: "", stderr: `${reason}\n${help}` };
    }
  },
};

async function run(action: string, args: CommandArguments, io: CliIo): Promise<CliResult> {
  if (action === "reference") return done(configReference());
  if (action !== "show" && action !== "check") {
    const nearest = nearestName(action, actions);
    const hint = nearest === undefined ? `use ${actions.join(", ")}` : `did you mean ${nearest}?`;
    throw new UsageError(`there is no action ${action}; ${hint}`);
  }
  const config = await loadConfig(io.config, args.text("config"));
  if (action === "check") return done(`${config.file ?? "no file"}: ok\n`);
  const rows = configRows(config, args.on("all"));
  return done(args.on("json") ? json(config, rows) : text(config, rows));
}

function text(config: CastyConfig, rows: readonly ConfigRow[]): string {
  const shown = rows.map(({ key, value, text, from }) => [
    key,
    value === undefined ? text : tomlText(value),
    from,
  ]);
  const actors = config.actors.map(({ name, settings, position }) => [
    `actors.${tomlKey(name)}`,
    tomlText(settings),
    placeText(config.file!, position),
  ]);
  const all = [...shown, ...actors];
  const table = all.length === 0
    ? "nothing is set\n"
    : tableText([["KEY", "VALUE", "FROM"], ...all]);
  const lines = replaceUnprintableInLines(table);
  return `file: ${config.file ?? "none"}\n\n${lines}`;
}

function json({ file, actors }: CastyConfig, rows: readonly ConfigRow[]): string {
  const overrides = actors.map(({ name, settings, position }) => ({
    name,
    settings,
    from: placeText(file!, position),
  }));
  const value = { file: file ?? null, settings: rows, actors: overrides };
  return `${JSON.stringify(value, (_, item) => item === Infinity ? "Infinity" : item, 2)}\n`;
}

function done(stdout: string): CliResult {
  return { exitCode: 0, stdout, stderr: "" };
}
