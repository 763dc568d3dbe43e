/**
 * Erlang's mnesia on three nodes on loopback, without disks, over mutual TLS: `mnesia_bench.erl`.
 *
 * @module
 */
import { erlangMissing, ErlangNodes } from "../erlang/erlang_nodes.ts";

/** One figure of a rival; times in milliseconds. */
export interface RivalFigure {
  readonly name: string;
  /** Writes a second. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

/** Why it cannot be measured; undefined: it can. */
export const mnesiaMissing: string | undefined = await erlangMissing(["mnesia", "ssl"]);

/** Runs it for some seconds for each figure. */
export async function mnesiaFigures(seconds: number): Promise<RivalFigure[]> {
  const source = new URL("./mnesia_bench.erl", import.meta.url);
  await using nodes = await ErlangNodes.prepare(source, 3);
  for (const peer of [1, 2]) void nodes.start(peer, "peer").stdout.cancel();
  const main = nodes.start(0, "main", [String(seconds), ...nodes.names.slice(1)]);
  return parse(await new Response(main.stdout).text());
}

function parse(text: string): RivalFigure[] {
  const figures: RivalFigure[] = [];
  for (const line of text.split("\n")) {
    const [first, kind, writers, ...numbers] = line.split(" ");
    if (first !== "RESULT") continue;
    const [rate, p50, p99, stored, least] = numbers.map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    if (stored !== least) throw new Error(`a node of mnesia has ${least} of ${stored} events`);
    figures.push({
      name: `${kind}, ${writers} ${writers === "1" ? "writer" : "writers"}`,
      rate,
      p50: p50 / 1_000,
      p99: p99 / 1_000,
    });
  }
  if (figures.length !== 3) throw new Error(`mnesia did not run: ${text.slice(-500)}`);
  return figures;
}
