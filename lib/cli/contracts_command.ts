import { isAbsolute, relative, resolve } from "node:path";
import { CommandArguments, UsageError } from "../cert/cli/command_arguments.ts";
import { contractChanges } from "../contracts/contract_changes.ts";
import type { Contracts } from "../contracts/contract.ts";
import { type ReadContracts, readContracts } from "../contracts/contract_reader.ts";
import { contractsText, parseContracts, succeeding } from "../contracts/contracts_file.ts";
import { ContractsError } from "../contracts/errors.ts";
import { withToolStart } from "../cert/tool_command.ts";
import { type Problem, problemText } from "../contracts/problem.ts";
import { isRuleName, type RuleName, rules } from "../contracts/rules.ts";
import { nearestName } from "../options/nearest_name.ts";
import type { CliCommand, CliIo, CliResult } from "./cli_io.ts";
import { type Comparison, comparisonJson, comparisonText } from "./contracts_text.ts";

const usage =
  `Keeps the shapes of messages, events and states in a file, and finds breaking changes.

Examples:
  deno run -A cli.ts contracts main.ts
  deno run -A cli.ts contracts main.ts --check
  git show origin/main:contracts.json | deno run -A cli.ts contracts main.ts --check --against -
  deno run -A cli.ts contracts main.ts --accept variantAdded

Arguments:
  MODULE...         modules that declare entityType, ServiceKey, eventSourced, durableState or
                    serializer, or import such modules

Options:
  --check           compares, and writes nothing
  --file FILE       where contracts are kept. Default: contracts.json
  --against FILE    with --check: compares with this file instead; - is standard input
  --accept RULE     changes of this rule are no failure; may be repeated
  --json            output for programs: { breaking, accepted, safe, problems, notes }

Exit codes: 0 nothing is broken, 1 a breaking change, 2 the contracts cannot be read or compared.
`;

const options = {
  texts: ["file", "against"],
  lists: ["accept"],
  switches: ["check", "json"],
};

/** `contracts`. */
export const contractsCommand: CliCommand = {
  name: "contracts",
  summary: "keep the shapes of messages, events and states, and find breaking changes",
  usage,
  async run(args, io) {
    try {
      return await run(new CommandArguments(args, options), io);
    } catch (error) {
      const isWrongUse = error instanceof UsageError;
      if (!isWrongUse && !(error instanceof ContractsError)) throw error;
      const stderr = `${error.message}\n${isWrongUse ? `\n${withToolStart(usage, "cli")}` : ""}`;
      return { exitCode: 2, stdout: "", stderr };
    }
  },
};

async function run(args: CommandArguments, io: CliIo): Promise<CliResult> {
  if (args.positional.length === 0) throw new UsageError("name the modules that declare contracts");
  const accepted = acceptedRules(args);
  const against = args.text("against");
  if (against !== undefined && !args.on("check")) {
    throw new UsageError("--against needs --check: nothing is written then");
  }
  const folder = io.folder();
  const file = resolve(folder, args.text("file") ?? "contracts.json");
  const read = await readModules(args, io, folder);
  if (read.problems.length > 0) return withProblems(read, args.on("json"));
  const old = await oldContracts(args, io, folder, file);
  if (old === undefined && args.on("check")) {
    throw new ContractsError("badContractsFile", `there is no ${relative(folder, file)}`, {
      value: file,
      remedy: "write it first: the same command without --check",
    });
  }
  const before = old?.contracts ?? { contracts: {}, types: {} };
  const after = succeeding(before, read);
  const text = contractsText(after);
  const changes = old === undefined ? [] : contractChanges(before, after);
  const isUnacceptable = changes.some(({ isBreaking, rule }) => isBreaking && !accepted.has(rule));
  const isWritten = !args.on("check") && !isUnacceptable && text !== old?.text;
  if (isWritten) await io.writeFile(file, text);
  const comparison: Comparison = {
    contracts: Object.keys(after.contracts).length,
    changes,
    accepted,
    notes: read.notes,
    file: relative(folder, file),
    isNew: old === undefined,
    isWritten,
    isBehind: against === undefined && !isWritten && text !== old?.text,
    isCheck: args.on("check"),
  };
  return {
    exitCode: isUnacceptable ? 1 : 0,
    stdout: args.on("json") ? comparisonJson(comparison) : comparisonText(comparison),
    stderr: "",
  };
}

function acceptedRules(args: CommandArguments): ReadonlySet<RuleName> {
  const accepted = new Set<RuleName>();
  for (const name of args.list("accept").flatMap((names) => names.split(","))) {
    if (!isRuleName(name)) {
      const nearest = nearestName(name, Object.keys(rules));
      const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
      throw new UsageError(`--accept ${name}: there is no such rule${hint}`);
    }
    accepted.add(name);
  }
  return accepted;
}

async function readModules(
  args: CommandArguments,
  io: CliIo,
  folder: string,
): Promise<ReadContracts> {
  const paths = args.positional.map((path) => resolve(folder, path));
  const { typescript, program, isOwn, problems } = await io.loadModules(paths, folder);
  const read = problems.length > 0
    ? { contracts: {}, types: {}, problems, notes: [] }
    : readContracts(typescript, program, isOwn);
  if (read.problems.length === 0 && Object.keys(read.contracts).length === 0) {
    throw new ContractsError("noContracts", `${args.positional.join(", ")}: no contracts found`, {
      value: args.positional,
      remedy: "name modules that call entityType, ServiceKey, eventSourced or durableState, or " +
        "import such modules",
    });
  }
  const near = (problem: Problem) => ({ ...problem, file: nearPath(folder, problem.file) });
  return { ...read, problems: read.problems.map(near), notes: read.notes.map(near) };
}

/** A path upwards would be longer than it helps. */
function nearPath(folder: string, path: string): string {
  const near = relative(folder, path);
  return near.startsWith("..") || isAbsolute(near) ? path : near;
}

async function oldContracts(
  args: CommandArguments,
  io: CliIo,
  folder: string,
  file: string,
): Promise<{ readonly text: string; readonly contracts: Contracts } | undefined> {
  const against = args.text("against");
  const text = against === "-"
    ? await io.input()
    : await io.readFile(against === undefined ? file : resolve(folder, against));
  if (text === undefined) {
    if (against === undefined) return undefined;
    throw new ContractsError("badContractsFile", `there is no ${against}`, {
      value: against,
      remedy: "name a file that `casty contracts` has written",
    });
  }
  const name = against === "-" ? "standard input" : against ?? relative(folder, file);
  return { text, contracts: parseContracts(text, name) };
}

function withProblems({ problems, notes }: ReadContracts, asJson: boolean): CliResult {
  const text = problems.map((problem) => `${problemText(problem)}\n`).join("");
  const json = { breaking: [], accepted: [], safe: [], problems, notes };
  return {
    exitCode: 2,
    stdout: asJson ? `${JSON.stringify(json, undefined, 2)}\n` : "",
    stderr: `${text}${problems.length} ${
      problems.length === 1 ? "problem" : "problems"
    }: nothing was compared or written\n`,
  };
}
