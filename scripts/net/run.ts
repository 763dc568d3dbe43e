/**
 * Runs nodes over mutual TLS in network namespaces through faults, under load: five nodes through
 * network faults, and then faults of owners, and of owners and copies of replicated shards, each on a
 * cluster of its own.
 *
 *     deno run -A scripts/net/run.ts [--short] [--only TEXT] [--runs N] [--json FILE]
 *
 * `--short`: a few network faults only. `--runs`: how often owners are killed; default 20. Needs
 * Linux, root, `ip`, `tc` and `nft`; without them it says what is missing and exits with 2. Exits with
 * 1 if a healthy node was downed, the cluster did not recover, or a target is missed.
 *
 * @module
 */
import { NetCluster } from "./cluster.ts";
import { Namespaces } from "./namespaces.ts";
import { type Figure, holds, report } from "../../bench/ownership/figures.ts";
import { loadAverage, machine } from "../../bench/report.ts";
import { ownershipScenarios, runOwnership } from "./ownership.ts";
import { replicationScenarios, runReplication } from "./replication.ts";
import { scriptArguments } from "../script_arguments.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { runStructures, structuresName } from "./structures.ts";

/** The result of one scenario. Times are milliseconds. */
export interface NetResult {
  readonly scenario: string;
  /** From the fault to the first event `unreachableMember`. */
  readonly detected: number | undefined;
  /** From the end of the fault until all nodes see each other as up. */
  readonly recovered: number;
  /** The nodes that were downed, and those of them that were healthy. */
  readonly downed: readonly string[];
  readonly wronglyDowned: readonly string[];
  readonly asks: { readonly ok: number; readonly failed: number };
  /** The part of the fault that is not possible on this machine. */
  readonly note?: string;
}

/** Milliseconds without a fault between two scenarios. */
const calm = 3_000;

/** Runs scenarios one after the other on one cluster. */
export async function runNet(
  chosen: readonly Scenario[],
  tell: (line: string) => void,
): Promise<NetResult[]> {
  await using cluster = await NetCluster.create(5);
  tell(`formed in ${Math.round(await cluster.form())} ms`);
  const results: NetResult[] = [];
  for (const scenario of chosen) {
    const result = await runScenario(cluster, scenario);
    results.push(result);
    tell(row(result));
  }
  return results;
}

async function runScenario(cluster: NetCluster, scenario: Scenario): Promise<NetResult> {
  await new Promise((resolve) => setTimeout(resolve, calm));
  const first = cluster.heard.length;
  const asks = loadOf(cluster);
  const start = performance.now();
  const note = await scenario.fault(cluster);
  const recovered = await cluster.until(scenario.name, () => cluster.whole(), 90_000);
  const news = cluster.heard.slice(first);
  const detected = news.find((line) => line.type === "event" && line.event === "unreachableMember");
  const downed = new Set<string>();
  for (const line of news) {
    if (line.type === "event" && line.event === "memberDowned") downed.add(line.about);
  }
  const after = loadOf(cluster);
  return {
    scenario: scenario.name,
    detected: detected && Math.round(detected.at - start),
    recovered: Math.round(recovered),
    downed: [...downed].sort(),
    wronglyDowned: [...downed].filter((node) => !scenario.mayDown.includes(node)).sort(),
    asks: { ok: after.ok - asks.ok, failed: after.failed - asks.failed },
    ...(note && { note }),
  };
}

/** All asks so far. A restarted node counts from 0. */
function loadOf(cluster: NetCluster): { ok: number; failed: number } {
  const total = { ok: 0, failed: 0 };
  const last = new Map<number, { ok: number; failed: number }>();
  for (const line of cluster.heard) {
    if (line.type !== "load") continue;
    const before = last.get(line.from);
    const isNew = before === undefined || line.ok + line.failed < before.ok + before.failed;
    total.ok += line.ok - (isNew ? 0 : before.ok);
    total.failed += line.failed - (isNew ? 0 : before.failed);
    last.set(line.from, line);
  }
  return total;
}

function row(
  { scenario, detected, recovered, downed, wronglyDowned, asks, note }: NetResult,
): string {
  const cells = [
    scenario.padEnd(44),
    `${detected ?? "-"}`.padStart(10),
    `${recovered}`.padStart(10),
    `${asks.ok}`.padStart(7),
    `${asks.failed}`.padStart(7),
    ` ${downed.join(" ") || "-"}${wronglyDowned.length > 0 ? " WRONGLY" : ""}`,
    ...(note ? [`(${note})`] : []),
  ];
  return cells.join(" ");
}

/** Runs the network faults; returns whether nobody was downed wrongly. */
async function runFaults(chosen: readonly Scenario[], json: unknown): Promise<boolean> {
  if (chosen.length === 0) return true;
  console.log(
    `${"scenario".padEnd(44)} ${"detected".padStart(10)} ${"recovered".padStart(10)} ` +
      `${"asks".padStart(7)} ${"failed".padStart(7)}  downed`,
  );
  const results = await runNet(chosen, (line) => console.log(line));
  if (json) await Deno.writeTextFile(String(json), `${JSON.stringify(results, undefined, 2)}\n`);
  return results.every(({ wronglyDowned }) => wronglyDowned.length === 0);
}

/** A scenario with a cluster of its own, which gives figures. */
interface FigureScenario {
  readonly name: string;
  run(tell: (line: string) => void): Promise<readonly Figure[]>;
}

/** Runs scenarios one after the other; returns whether all targets are met. */
async function runFigures(chosen: readonly FigureScenario[]): Promise<boolean> {
  const missed: string[] = [];
  for (const scenario of chosen) {
    console.log(`\n${scenario.name} (${loadAverage()})`);
    const tell = (line: string) => console.log(line);
    let figures: readonly Figure[];
    try {
      figures = await scenario.run(tell);
    } catch (error) {
      console.log(`  FAILED: ${error instanceof Error ? error.message : error}`);
      missed.push(scenario.name);
      continue;
    }
    report(figures, tell);
    const names = figures.filter((figure) => !holds(figure)).map(({ name }) => name);
    if (names.length > 0) missed.push(`${scenario.name}: ${names.join(", ")}`);
  }
  if (missed.length > 0) console.log(`\nmissed:\n  ${missed.join("\n  ")}`);
  return missed.length === 0;
}

async function runStructuresOnce(): Promise<boolean> {
  console.log(`\n${structuresName} (${loadAverage()})`);
  const isRight = await runStructures((line) => console.log(line));
  console.log(isRight ? "  all is as it is claimed" : "  FAILED");
  return isRight;
}

const usage = `Usage: deno task net [options]

  --short      a few network faults only
  --only TEXT  only scenarios whose name contains the text
  --runs N     how often owners are killed (20)
  --json FILE  writes the figures there`;

if (import.meta.main) {
  const args = scriptArguments(usage, { boolean: ["short"], string: ["json", "only", "runs"] });
  const missing = await Namespaces.missing();
  if (missing !== undefined) {
    console.error(`the network run is not possible here: ${missing}`);
    Deno.exit(2);
  }
  const only = String(args["only"] ?? "");
  const faults = scenarios.filter(({ short, name }) =>
    (short || !args["short"]) && name.includes(only)
  );
  const runs = Number(args["runs"] ?? 20);
  const figures: readonly FigureScenario[] = [
    ...ownershipScenarios.map((scenario) => ({
      name: scenario.name,
      run: (tell: (line: string) => void) => runOwnership(scenario, { runs, tell }),
    })),
    ...replicationScenarios.map((scenario) => ({
      name: scenario.name,
      run: (tell: (line: string) => void) => runReplication(scenario, tell),
    })),
  ].filter(({ name }) => !args["short"] && name.includes(only));
  const hasStructures = !args["short"] && structuresName.includes(only);
  if (faults.length + figures.length === 0 && !hasStructures) {
    console.error(`no scenario has "${only}" in its name`);
    Deno.exit(2);
  }
  console.log(machine());
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // Otherwise namespaces, nodes and logs would stay.
    Deno.addSignalListener(
      signal,
      () => void NetCluster.endAll().then(() => Namespaces.endAll()).finally(() => Deno.exit(130)),
    );
  }
  const isSound = await runFaults(faults, args["json"]);
  const isMet = await runFigures(figures);
  const isRight = !hasStructures || await runStructuresOnce();
  Deno.exit(isSound && isMet && isRight ? 0 : 1);
}
