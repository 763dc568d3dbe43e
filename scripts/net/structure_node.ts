/**
 * What a node does with distributed structures while it is tested, in its own process: it works from its
 * start until SIGUSR2, and writes each operation to a file; at SIGUSR1 it prints what is left.
 *
 * @module
 */
import { type ClusteredActorSystem, DistributedError, type HeldPermit } from "../../mod.ts";
import { FencedStore } from "./fenced_store.ts";
import type { FinalContent, StructureOperation } from "./structure_log.ts";

const replication = { replicas: 2, minAcks: 1 } as const;
const timeout = 4_000;
/** Milliseconds between two looks at the clock, and how much later than due one is a stall. */
const beatEvery = 10;
const shortestStall = 20;
/**
 * Leases of locks: some end long before a member that is cut off is declared down, and some long after,
 * when the cluster knows already that it has gone.
 */
const [shortLease, longLease] = [3_000, 40_000];
/** The clock that all processes of a host read alike, however busy it is. */
const hostNow = () => Date.now();
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Works with the structures; `print` takes the content at the end. */
export function workWithStructures(
  system: ClusteredActorSystem,
  path: string,
  print: (final: FinalContent) => void,
): void {
  const file = Deno.openSync(path, { create: true, append: true, write: true });
  const encoder = new TextEncoder();
  const write = (operation: StructureOperation) => {
    file.writeSync(encoder.encode(`${JSON.stringify(operation)}\n`));
  };
  const group = system.distributed({ name: "net", replication });
  const node = `${system.nodeId}.${Deno.pid}`;
  const [ids, sum, members] = [group.counter("ids"), group.counter("sum"), group.set("members")];
  const [items, lock] = [group.queue<string>("items"), "lock"];
  const store = new FencedStore(`${path.slice(0, path.lastIndexOf("/"))}/fenced.store`);
  let isOver = false;
  let beat = hostNow();
  setInterval(() => {
    const [from, to] = [beat, hostNow()];
    beat = to;
    if (to - from < beatEvery + shortestStall) return;
    write({ call: `${node}-${++calls}`, node, kind: "stall", from, to, outcome: "ok" });
  }, beatEvery);
  let count = 0;
  let calls = 0;

  /** Runs one operation and writes it down; `value`: of an outcome that nobody knows. */
  const note = async (
    kind: StructureOperation["kind"],
    run: () => Promise<string | number | undefined>,
    value?: string | number,
  ): Promise<void> => {
    const from = hostNow();
    const called = { call: `${node}-${++calls}`, node, kind, from };
    const known = { ...called, ...(value !== undefined && { value }) };
    // For a process that is killed meanwhile.
    write({ ...known, to: from, outcome: "unknown" });
    try {
      const result = await run();
      const given = result === undefined ? known : { ...called, value: result };
      write({ ...given, to: hostNow(), outcome: "ok" });
    } catch (error) {
      const outcome = error instanceof DistributedError ? "no" : "unknown";
      write({ ...known, to: hostNow(), outcome });
    }
  };
  const holdLock = async (): Promise<void> => {
    const from = hostNow();
    let held: HeldPermit;
    try {
      const ttl = Math.random() < 0.2 ? longLease : shortLease;
      held = await group.lock(lock).acquire({ timeout, ttl });
    } catch {
      return;
    }
    const to = hostNow();
    const count = store.read(held.token);
    let until = Infinity;
    held.lost.addEventListener("abort", () => until = Math.min(until, hostNow()));
    // Some outlast the lease of a holder that is cut off, and write without a look at `lost`.
    await pause(Math.random() < 0.05 ? 4_000 : Math.random() * 100);
    // By its token only, whatever it knows of its lease.
    if (count !== undefined) {
      const wrote = { call: `${node}-${++calls}`, node, kind: "write", from: hostNow() } as const;
      const outcome = store.write(held.token, count + 1) ? "ok" : "no";
      write({ ...wrote, to: hostNow(), outcome, value: count + 1 });
    }
    until = Math.min(until, hostNow());
    const value = String(held.token);
    const call = `${node}-${++calls}`;
    write({ call, node, kind: "lock", from, to, outcome: "ok", value, until });
    await held.release().catch(() => {});
  };
  const work = [
    () => note("id", () => ids.increment(1, { timeout })),
    () => {
      const amount = 1 + Math.floor(Math.random() * 5);
      return note("add", () => sum.increment(amount, { timeout }).then(() => amount), amount);
    },
    () => {
      const value = `${node}-${++count}`;
      return note("insert", () => members.add(value, { timeout }).then(() => value), value);
    },
    () => {
      const value = `${node}-${++count}`;
      return note("enqueue", () => items.enqueue(value, { timeout }).then(() => value), value);
    },
    () => note("dequeue", () => items.dequeue({ timeout })),
    holdLock,
  ];
  for (const operation of work) {
    void (async () => {
      while (!isOver) {
        await operation();
        await pause(20 + Math.random() * 60);
      }
    })();
  }
  Deno.addSignalListener("SIGUSR2", () => isOver = true);
  Deno.addSignalListener("SIGUSR1", () => {
    void (async () => {
      const wait = { timeout: 60_000 };
      const left: string[] = [];
      const all = await Array.fromAsync(members.values(wait));
      while (await items.size(wait) > 0) left.push(await items.dequeue(wait));
      print({ sum: await sum.get(wait), members: all, items: left });
    })().catch((error) => console.error("the content could not be read", error));
  });
}
