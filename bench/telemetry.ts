/**
 * What telemetry costs: CPU time of messages and asks with and without it. Each run is a process of its
 * own; a round is a run without, one with, and one without again, and those without say how exact the
 * figure is. Fails if metrics cost more than the bound plus that noise.
 *
 *     deno task bench:telemetry --help
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { loadAverage, machine } from "./report.ts";
import { type Figure, figures } from "./telemetry/figures.ts";
import { costOf } from "./telemetry/statistics.ts";

const usage = `Usage: deno task bench:telemetry [options]

  --rounds N        runs of each figure, 3 to 99; default 9
  --figures a,b     only these: ${figures.map(({ key }) => key).join(", ")}
  --telemetry KIND  metrics (default), or otel, which has no bound: traces cost what they cost
  --bound PERCENT   what metrics may cost; default 5
`;

interface Options {
  readonly rounds: number;
  readonly figures: readonly Figure[];
  readonly kind: "metrics" | "otel";
  readonly bound: number;
}

if (import.meta.main) {
  const options = read(Deno.args);
  if (typeof options === "string") {
    console.error(`${options}\n\n${usage}`);
    Deno.exit(2);
  }
  Deno.exit(await compare(options) ? 0 : 1);
}

/** Returns whether all figures are within the bound. */
async function compare({ rounds, figures, kind, bound }: Options): Promise<boolean> {
  console.log(`\n## Telemetry: ${kind}\n\n${machine()}; ${loadAverage()}; ${rounds} rounds\n`);
  console.log("| figure | off | on | cost | noise | |\n| --- | ---: | ---: | ---: | ---: | --- |");
  let isWithin = true;
  for (const { key, title } of figures) {
    const without: number[] = [];
    const withIt: number[] = [];
    for (let round = 0; round < rounds; round++) {
      without.push(await runChild(key, "off"));
      withIt.push(await runChild(key, kind));
      without.push(await runChild(key, "off"));
    }
    const { off, on, share, noise } = costOf(without, withIt);
    const isDear = kind === "metrics" && share > bound / 100 + noise;
    if (isDear) isWithin = false;
    const cells = [title, time(off), time(on), percent(share), percent(noise)];
    console.log(`| ${cells.join(" | ")} | ${isDear ? "too dear" : ""} |`);
  }
  return isWithin;
}

async function runChild(figure: string, kind: string): Promise<number> {
  const script = new URL("./telemetry/child.ts", import.meta.url).href;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", script, figure, kind],
    env: { OTEL_DENO: String(kind === "otel") },
    signal: AbortSignal.timeout(120_000),
  }).output();
  if (!success) throw new Error(`${figure} failed: ${new TextDecoder().decode(stderr)}`);
  return Number(new TextDecoder().decode(stdout));
}

function time(ns: number): string {
  return ns < 1_000 ? `${ns.toFixed(1)} ns` : `${(ns / 1_000).toFixed(2)} us`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** The options, or a text that describes the first wrong one. */
function read(args: readonly string[]): Options | string {
  const given = parseArgs([...args], {
    string: ["rounds", "figures", "telemetry", "bound"],
    boolean: ["help"],
  });
  if (given["help"]) {
    console.log(usage);
    Deno.exit(0);
  }
  const rounds = Number(given["rounds"] ?? 9);
  if (!Number.isInteger(rounds) || rounds < 3 || rounds > 99) {
    return `--rounds is ${given["rounds"]}, not a whole number from 3 to 99`;
  }
  const kind = given["telemetry"] ?? "metrics";
  if (kind !== "metrics" && kind !== "otel") return `--telemetry is ${kind}`;
  const bound = Number(given["bound"] ?? 5);
  if (!(bound >= 0)) return `--bound is ${given["bound"]}, not a number from 0`;
  const keys = (given["figures"] as string | undefined)?.split(",");
  const unknown = keys?.find((key) => !figures.some((figure) => figure.key === key));
  if (unknown !== undefined) return `there is no figure "${unknown}"`;
  return { rounds, kind, bound, figures: figures.filter(({ key }) => keys?.includes(key) ?? true) };
}
