/**
 * Distributed structures, used by a client over mutual TLS, beside Redis and etcd over mutual TLS, in one
 * run: `deno task bench:distributed`. A rival that is not installed is left out. Redis: Debian's
 * `redis-server` and npm's `redis`, which is installed into a temporary folder; etcd: `etcd` in the
 * path, or `ETCD=/path/to/etcd`.
 *
 *     deno task bench:distributed --rounds 3 --milliseconds 2000
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Distributed, silentLogger } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { BenchCluster } from "./client/cluster.ts";
import { type CertificateFiles, certificateFiles } from "./distributed/certificate_files.ts";
import { etcd, redis, type Rival } from "./distributed/rival_servers.ts";
import { measured, type Subject } from "./distributed/subject.ts";
import { benchSystem } from "./remote/counter.ts";
import { loadAverage, machine, median, text, type Unit } from "./report.ts";
import { Installed } from "./rivals/installed.ts";

const program = new URL("./distributed/node.ts", import.meta.url);
const value = "x".repeat(100);

/** A measurement: what is done once, and by how many callers at a time. */
interface Figure {
  readonly name: string;
  readonly width: number;
  /** Undefined: the subject has no such structure. */
  of(subject: Subject): ((caller: number) => Promise<unknown>) | undefined;
}

const locking = (nameOf: (caller: number) => string) => ({ lock }: Subject) =>
  lock && (async (caller: number) => await (await lock(nameOf(caller)))());

const figures: readonly Figure[] = [
  { name: "lock and unlock, one caller", width: 1, of: locking(() => "one") },
  { name: "lock and unlock, 64 callers, a lock each", width: 64, of: locking((n) => `own-${n}`) },
  { name: "lock and unlock, 16 callers of one lock", width: 16, of: locking(() => "shared") },
  ...[1, 64].flatMap((width): Figure[] => {
    const callers = width === 1 ? "one caller" : `${width} callers`;
    return [
      {
        name: `increment one counter, ${callers}`,
        width,
        of: ({ increment }) => increment && (() => increment("hits")),
      },
      {
        name: `map set of 100 bytes, ${callers}`,
        width,
        of: ({ set }) => set && ((caller) => set(`key-${caller}`, value)),
      },
      {
        name: `map get of 100 bytes, ${callers}`,
        width,
        of: ({ get }) => get && ((caller) => get(`key-${caller}`)),
      },
      {
        name: `enqueue and dequeue of 100 bytes, ${callers}`,
        width,
        of: ({ enqueue, dequeue }) =>
          enqueue && dequeue && (async () => {
            await enqueue(value);
            await dequeue();
          }),
      },
    ];
  }),
];

/** A group of structures as a subject. */
function casty(name: string, group: Distributed): Subject {
  const map = group.map<string, string>("map");
  const queue = group.queue<string>("queue");
  return {
    name,
    lock: async (name) => {
      const held = await group.lock(name).acquire({ timeout: 60_000 });
      return () => held.release();
    },
    increment: (name) => group.counter(name).increment(),
    set: (key, value) => map.set(key, value),
    get: (key) => map.get(key),
    enqueue: (value) => queue.enqueue(value),
    dequeue: () => queue.dequeue(),
  };
}

async function connect(cluster: BenchCluster, files: CertificateFiles): Promise<ClusterClient> {
  return await ClusterClient.connect({
    contactPoints: cluster.addresses,
    systemName: benchSystem,
    tls: files.client,
    logger: silentLogger,
  });
}

/** The command, if it can be run. */
async function existing(command: string): Promise<string | undefined> {
  try {
    const { success } = await new Deno.Command(command, {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success ? command : undefined;
  } catch {
    return undefined;
  }
}

/** The rivals that are installed. */
async function rivals(files: CertificateFiles, folder: string): Promise<Rival[]> {
  const found: Rival[] = [];
  if (await existing("redis-server") !== undefined) {
    for (const fsync of [false, true]) found.push(await redis(files, folder, { fsync }));
  }
  const command = await existing(Deno.env.get("ETCD") ?? "etcd");
  if (command !== undefined) found.push(await etcd(command, files));
  return found;
}

/** Waits until structures answer, wherever they are. */
async function warmUp({ lock, increment, set, enqueue }: Subject): Promise<void> {
  await increment?.("hits");
  await set?.("key-0", value);
  await enqueue?.(value);
  const names = ["one", "shared", ...Array.from({ length: 64 }, (_, n) => `own-${n}`)];
  await Promise.all(names.map(async (name) => await (await lock?.(name))?.()));
}

type Add = (figure: string, subject: string, value: number, unit: Unit) => void;

/** Subjects take turns, so that load of the machine affects all alike. */
async function run(subjects: readonly Subject[], milliseconds: number, add: Add): Promise<void> {
  for (const figure of figures) {
    const seen: string[] = [];
    for (const subject of subjects) {
      const operation = figure.of(subject);
      if (operation === undefined) continue;
      const { rate, p50 } = await measured(operation, figure.width, milliseconds);
      add(figure.name, subject.name, rate, "/s");
      add(`${figure.name}, p50`, subject.name, p50, "us");
      seen.push(`${subject.name} ${text(rate, "/s")}`);
    }
    console.error(`${figure.name}: ${seen.join(", ")}`);
  }
}

function print(subjects: readonly string[], values: Map<string, Map<string, Cell>>): void {
  console.log(`| figure | ${subjects.join(" | ")} |`);
  console.log(`| --- | ${subjects.map(() => "---:").join(" | ")} |`);
  for (const [figure, row] of values) {
    const cells = subjects.map((subject) => {
      const cell = row.get(subject);
      return cell === undefined ? "-" : text(median(cell.values), cell.unit);
    });
    console.log(`| ${figure} | ${cells.join(" | ")} |`);
  }
}

interface Cell {
  readonly unit: Unit;
  readonly values: number[];
}

async function compare(rounds: number, milliseconds: number): Promise<void> {
  using installed = await Installed.install(["redis@5"]);
  const files = await certificateFiles(installed.folder);
  await using one = await BenchCluster.start(files.node, 1, program);
  await using three = await BenchCluster.start(files.node, 3, program);
  await using single = await connect(one, files);
  await using client = await connect(three, files);
  await using stack = new AsyncDisposableStack();
  const others = await rivals(files, installed.folder);
  for (const other of others) stack.use(other);
  const subjects = [
    casty("Casty, 1 node", single.distributed()),
    casty("Casty, 3 nodes", client.distributed()),
    casty("Casty, 3 nodes, replicated", client.distributed({ name: "replicated" })),
    casty("Casty, 1 node, SQLite", single.distributed({ name: "sqlite" })),
    ...others.map(({ subject }) => subject),
  ];
  for (const subject of subjects) await warmUp(subject);
  const values = new Map<string, Map<string, Cell>>();
  const add: Add = (figure, subject, value, unit) => {
    const row = values.get(figure) ?? new Map<string, Cell>();
    values.set(figure, row);
    const cell = row.get(subject) ?? { unit, values: [] };
    row.set(subject, cell);
    cell.values.push(value);
  };
  for (let round = 0; round < rounds; round++) await run(subjects, milliseconds, add);
  console.log(`\n${machine()}; ${loadAverage()}. Median of ${rounds} rounds.\n`);
  print(subjects.map(({ name }) => name), values);
}

if (import.meta.main) {
  const given = parseArgs(Deno.args, { string: ["rounds", "milliseconds"] });
  const rounds = Number(given.rounds ?? "3");
  const milliseconds = Number(given.milliseconds ?? "2000");
  if (!Number.isInteger(rounds) || rounds < 1 || !(milliseconds >= 100)) {
    console.error("--rounds is a whole number from 1, --milliseconds a number from 100");
    Deno.exit(2);
  }
  await compare(rounds, milliseconds);
}
