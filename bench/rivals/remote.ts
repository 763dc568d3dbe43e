/**
 * Messages between two processes, compared with Erlang's distribution and with Redis.
 *
 * @module
 */
import { createCa, issueNode } from "@casty/casty/cert";
import { textFor } from "../remote/counter.ts";
import { asking, floodRate } from "../remote/measures.ts";
import { Subjects } from "../remote/subjects.ts";
import { best, median, text, type Unit } from "../report.ts";
import { erlangRemote, erlangRemoteMissing } from "./erlang_remote.ts";
import type { Installed } from "./installed.ts";
import { redisMissing, redisRemote } from "./redis_remote.ts";

/** One run: values by the key of their row. */
export type RemoteFigures = ReadonlyMap<string, number>;

/** The rows: a key, the title, and the unit. */
const rows: readonly (readonly [string, string, Unit])[] = [
  ["tell-100", "tell, 100 B", "/s"],
  ["tell-1k", "tell, 1 KiB", "/s"],
  ["ask-1", "ask, sequential, p50", "us"],
  ["ask-64", "ask, 64 outstanding", "/s"],
  ["ask-256", "ask, 256 outstanding", "/s"],
];

/** The npm package of the client of Redis. */
export const redisPackage = "redis@5";

interface RemoteSubject {
  readonly title: string;
  readonly run: () => Promise<RemoteFigures>;
}

/** A table in Markdown, and what was left out of it. */
export async function remoteTable(rounds: number, installed: Installed): Promise<string> {
  const leftOut: string[] = [];
  const subjects: RemoteSubject[] = [{ title: "Casty, mutual TLS", run: castyRemote }];
  const noErlang = await erlangRemoteMissing();
  if (noErlang === undefined) {
    subjects.push({ title: "Erlang, TLS, both ends verified", run: erlangRemote });
  } else leftOut.push(`Erlang (${noErlang})`);
  const noRedis = await redisMissing();
  if (noRedis === undefined) {
    const title = `Redis, no TLS, npm redis ${installed.version("redis")}`;
    subjects.push({ title, run: () => redisRemote(installed.folder) });
  } else leftOut.push(`Redis (${noRedis})`);
  const runs = await inTurns(rounds, subjects);
  const table = markdown(subjects, runs);
  return leftOut.length === 0 ? table : `${table}\n\nLeft out: ${leftOut.join(", ")}.`;
}

/** The subjects alternate, so that load of the machine affects all alike. */
async function inTurns(
  rounds: number,
  subjects: readonly RemoteSubject[],
): Promise<ReadonlyMap<RemoteSubject, RemoteFigures[]>> {
  const runs = new Map(subjects.map((subject) => [subject, [] as RemoteFigures[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const subject of subjects) {
      runs.get(subject)!.push(await subject.run());
      console.error(`round ${round}/${rounds}, two processes: ${subject.title}`);
    }
  }
  return runs;
}

function markdown(
  subjects: readonly RemoteSubject[],
  runs: ReadonlyMap<RemoteSubject, readonly RemoteFigures[]>,
): string {
  const head = ["two processes", ...subjects.map(({ title }) => title)];
  const lines = [head, head.map((_, i) => i === 0 ? "---" : "---:")];
  for (const [key, title, unit] of rows) {
    const cells = subjects.map((subject) => {
      const values = runs.get(subject)!.flatMap((figures) => figures.get(key) ?? []);
      if (values.length === 0) return "-";
      return `${text(median(values), unit)} / ${text(best(values, unit), unit)}`;
    });
    lines.push([title, ...cells]);
  }
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Two new processes, as the rivals have: each figure is measured after two runs to warm up. */
async function castyRemote(): Promise<RemoteFigures> {
  const ca = await createCa();
  const { cert, key } = await issueNode(ca, { hosts: ["localhost", "127.0.0.1"] });
  await using subjects = new Subjects({ cert, key, ca: ca.cert });
  const counter = (await subjects.casty()).counter();
  const figures = new Map<string, number>();
  const measure = async (key: string, run: () => Promise<number>) => {
    for (let warmUp = 0; warmUp < 2; warmUp++) await run();
    figures.set(key, await run());
  };
  for (
    const [key, size, tells, perAsk] of [
      ["tell-100", 100, 200_000, 10_000],
      ["tell-1k", 1_024, 50_000, 2_000],
    ] as const
  ) await measure(key, () => floodRate(counter, { text: textFor(size), tells, perAsk }));
  await measure("ask-1", async () => (await asking(counter, 3_000, 1)).p50);
  for (const width of [64, 256]) {
    await measure(`ask-${width}`, async () => (await asking(counter, 30_000, width)).rate);
  }
  return figures;
}
