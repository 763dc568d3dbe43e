/**
 * Actors of one process compared with a bare mailbox and with other libraries, all on one core; and
 * messages between two processes, compared with Erlang and Redis.
 *
 *     deno run -A bench/rivals.ts
 *
 * Installs the other libraries into a temporary folder, and removes it at the end. Each figure of
 * each subject is measured in its own process; the processes alternate.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Figure, figures } from "./local/figures.ts";
import { machine, text } from "./report.ts";
import { Installed } from "./rivals/installed.ts";
import { redisPackage, remoteTable } from "./rivals/remote.ts";
import { type Column, columns } from "./rivals/subjects.ts";
import { markdown } from "./rivals/table.ts";

/** The parts of the output: within one process, and between two. */
const tables = ["local", "remote"] as const;

const usage = `Usage: deno run -A bench/rivals.ts [options]

  --rounds N        runs of each figure, 1 to 99; default 5
  --markdown        print only the table
  --figures a,b     only these: ${figures.map(({ key }) => key).join(", ")}
  --subjects a,b    only these: ${columns.map(({ key }) => key).join(", ")};
                    default all but plain, which is Casty without supervision
  --core N          the core to run on, where taskset exists; default the last
  --tables a,b      only these: ${
  tables.join(", ")
}. Figures, subjects and core are those of "local"
`;

/** Milliseconds after which a process without a result is killed. */
const patience = 300_000;
/** A million actors of the larger libraries need several gigabytes. */
const heapLimit = 12_288;
/**
 * Kilobytes: xstate handles a message inside `send`, so a ring of 1,000 needs as many nested calls.
 */
const stackSize = 6_000;

interface Options {
  readonly rounds: number;
  readonly markdown: boolean;
  readonly figures: readonly Figure[];
  readonly subjects: readonly Column[];
  readonly core: number;
  readonly tables: readonly string[];
}

if (import.meta.main) {
  const options = read(Deno.args);
  if (typeof options === "string") {
    console.error(`${options}\n\n${usage}`);
    Deno.exit(2);
  }
  try {
    await compare(options);
  } catch (error) {
    // The output of npm or the child is more useful than the stack of this process.
    for (let at = error; at instanceof Error; at = at.cause) console.error(at.message);
    Deno.exit(1);
  }
}

async function compare(options: Options): Promise<void> {
  const [isLocal, isRemote] = tables.map((table) => options.tables.includes(table));
  const rivals = options.subjects.flatMap(({ rival, major }) =>
    rival === undefined ? [] : [`${rival}@${major}`]
  );
  using installed = await Installed.install([
    ...(isLocal ? rivals : []),
    ...(isRemote ? [redisPackage] : []),
  ]);
  // An interrupt must not leave the temporary folder behind.
  const onInterrupt = () => {
    installed[Symbol.dispose]();
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", onInterrupt);
  if (isLocal) await compareLocal(options, installed);
  if (isRemote) {
    const table = await remoteTable(options.rounds, installed);
    if (!options.markdown) console.log(`\n${machine()}; two processes.\n`);
    console.log(`\n${table}`);
  }
  Deno.removeSignalListener("SIGINT", onInterrupt);
}

async function compareLocal(options: Options, installed: Installed): Promise<void> {
  const pinned = await canPin(options.core);
  const subjects = options.subjects.map((column) =>
    column.rival === undefined
      ? column
      : { ...column, title: `${column.title} ${installed.version(column.rival)}` }
  );
  const measured = await measure(options, subjects, installed.folder, pinned);
  const table = markdown({
    figures: options.figures,
    columns: subjects,
    values: (figure, column) => measured.get(keyOf(figure, column)),
  });
  if (!options.markdown) {
    console.log(`\n${machine()}; ${pinned ? "pinned to one core" : "not pinned to a core"}.`);
    console.log(`Rounds: ${options.rounds}. Cells: median / best. Limit: a bare mailbox.\n`);
  }
  console.log(table);
}

/** Runs all figures. Their subjects alternate, so that load of the machine affects all alike. */
async function measure(
  { rounds, figures, core }: Options,
  subjects: readonly Column[],
  folder: string,
  pinned: boolean,
): Promise<Map<string, number[]>> {
  const measured = new Map<string, number[]>();
  for (let round = 1; round <= rounds; round++) {
    for (const figure of figures) {
      if (round > (figure.enough ?? rounds)) continue;
      const seen: string[] = [];
      for (const column of subjects) {
        const value = await runChild(column, figure, folder, pinned ? core : undefined);
        if (value === undefined) continue;
        const key = keyOf(figure, column);
        measured.set(key, [...measured.get(key) ?? [], value]);
        seen.push(`${column.key} ${text(value, figure.unit)}`);
      }
      console.error(`round ${round}/${rounds}, ${figure.key}: ${seen.join(", ")}`);
    }
  }
  return measured;
}

async function runChild(
  { key }: Column,
  figure: Figure,
  folder: string,
  core: number | undefined,
): Promise<number | undefined> {
  const flags =
    `--v8-flags=--expose-gc,--max-old-space-size=${heapLimit},--stack-size=${stackSize}`;
  const script = new URL("./rivals/child.ts", import.meta.url).href;
  const deno = [Deno.execPath(), "run", "-A", "--quiet", flags, script, key, figure.key, folder];
  const [command, ...args] = core === undefined ? deno : ["taskset", "-c", `${core}`, ...deno];
  const { success, stdout, stderr, signal } = await new Deno.Command(command!, {
    args,
    signal: AbortSignal.timeout(patience),
  }).output();
  if (!success) {
    const why = signal === null ? new TextDecoder().decode(stderr) : `ended by ${signal}`;
    throw new Error(`${figure.key} of ${key} failed: ${why}`);
  }
  const answer = new TextDecoder().decode(stdout).trim();
  return answer === "" ? undefined : Number(answer);
}

/** Whether processes can be pinned to that core on this machine. */
async function canPin(core: number): Promise<boolean> {
  try {
    const args = ["-c", `${core}`, "true"];
    return (await new Deno.Command("taskset", { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

function keyOf(figure: Figure, { key }: Column): string {
  return `${figure.key} ${key}`;
}

/** The options, or a text that describes the first wrong one. */
function read(args: readonly string[]): Options | string {
  const unknown: string[] = [];
  const given = parseArgs([...args], {
    boolean: ["markdown"],
    string: ["rounds", "figures", "subjects", "core", "tables"],
    unknown: (arg) => {
      unknown.push(arg);
      return false;
    },
  });
  if (unknown.length > 0) return `unknown argument: ${unknown.join(" ")}`;
  const rounds = Number(given.rounds ?? 5);
  if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 99)) return "rounds: 1 to 99";
  const core = Number(given.core ?? navigator.hardwareConcurrency - 1);
  if (!(Number.isInteger(core) && core >= 0)) return "core: a whole number from 0";
  const chosenFigures = choose(figures, given.figures);
  if (typeof chosenFigures === "string") return `figures: ${chosenFigures}`;
  const usual = columns.filter(({ key }) => key !== "plain");
  const subjects = given.subjects === undefined ? usual : choose(columns, given.subjects);
  if (typeof subjects === "string") return `subjects: ${subjects}`;
  const list = given.tables === undefined ? [...tables] : String(given.tables).split(",");
  const wrong = list.find((table) => !tables.some((known) => known === table));
  if (wrong !== undefined) return `tables: there is no ${JSON.stringify(wrong)}`;
  const markdown = given.markdown === true;
  return { rounds, core, subjects, figures: chosenFigures, markdown, tables: list };
}

/** The items whose keys are in the list; all items without a list. */
function choose<T extends { readonly key: string }>(
  all: readonly T[],
  list: unknown,
): T[] | string {
  if (list === undefined) return [...all];
  const keys = String(list).split(",");
  const wrong = keys.find((key) => !all.some((one) => one.key === key));
  if (wrong !== undefined) return `there is no ${JSON.stringify(wrong)}`;
  return all.filter(({ key }) => keys.includes(key));
}
