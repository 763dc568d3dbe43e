import { erlangMissing, ErlangNodes } from "../erlang/erlang_nodes.ts";
import type { RemoteFigures } from "./remote.ts";

/** Why Erlang cannot be measured; undefined: it can. */
export const erlangRemoteMissing = (): Promise<string | undefined> => erlangMissing(["ssl"]);

/**
 * Two Erlang nodes whose distribution runs over TLS, with both ends verified; the messages and the
 * numbers of them are those of Casty. Rates a second, and the median of sequential asks.
 */
export async function erlangRemote(): Promise<RemoteFigures> {
  await using nodes = await ErlangNodes.prepare(new URL("./remote_bench.erl", import.meta.url), 2);
  void nodes.start(1, "peer").stdout.cancel();
  const main = nodes.start(0, "main", nodes.names.slice(1));
  const text = await new Response(main.stdout).text();
  const figures = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [first, key, rate, p50] = line.split(" ");
    if (first === "RESULT") figures.set(key!, Number(key === "ask-1" ? p50 : rate));
  }
  if (figures.size !== 5) throw new Error(`the Erlang nodes did not run: ${text.slice(-500)}`);
  return figures;
}
