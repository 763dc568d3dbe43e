/**
 * Runs five nodes over mutual TLS in network namespaces through network faults, under load:
 *
 *     deno run -A scripts/net/run.ts [--short] [--only TEXT] [--json FILE]
 *
 * Needs Linux, root, `ip`, `tc` and `nft`. Exits with 1 if a healthy node was downed or the cluster
 * did not recover.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { NetCluster } from "./cluster.ts";
import { Namespaces } from "./namespaces.ts";
import { type Scenario, scenarios } from "./scenarios.ts";

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
  for (const host of [1, 2, 3, 4, 5]) cluster.start(host);
  const formed = await cluster.until("forming", () => cluster.whole(), 60_000);
  tell(`formed in ${Math.round(formed)} ms`);
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

if (import.meta.main) {
  const args = parseArgs(Deno.args, { boolean: ["short"], string: ["json", "only"] });
  const missing = await Namespaces.missing();
  if (missing !== undefined) {
    console.error(`the network run is not possible here: ${missing}`);
    Deno.exit(2);
  }
  console.log(
    `${"scenario".padEnd(44)} ${"detected".padStart(10)} ${"recovered".padStart(10)} ` +
      `${"asks".padStart(7)} ${"failed".padStart(7)}  downed`,
  );
  const chosen = scenarios.filter(({ short, name }) =>
    (short || !args.short) && name.includes(String(args.only ?? ""))
  );
  const results = await runNet(chosen, (line) => console.log(line));
  if (args.json) {
    await Deno.writeTextFile(String(args.json), `${JSON.stringify(results, undefined, 2)}\n`);
  }
  Deno.exit(results.some(({ wronglyDowned }) => wronglyDowned.length > 0) ? 1 : 0);
}
