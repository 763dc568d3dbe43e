/**
 * A client finds ten workers in a cluster, distributes 40 tasks to them, and collects the results.
 * One worker is killed meanwhile; its task goes to another worker.
 *
 * No code is sent: a job is a named function that the workers contain.
 *
 *     deno run -A examples/job_executor.ts
 *
 * The log of the nodes warns of the killed one, and at the end that they leave although it has not agreed.
 *
 * @module
 */
import {
  type ActorRef,
  AskError,
  AskTimeoutError,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  ServiceKey,
} from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { type NodeStart, nodeStart, Processes, tlsOf } from "./processes.ts";

interface Range {
  readonly from: number;
  readonly to: number;
}

interface Run {
  readonly type: "run";
  readonly job: string;
  readonly range: Range;
  readonly replyTo: ActorRef<Result>;
}

type Result =
  | { readonly type: "done"; readonly value: number }
  | { readonly type: "failed"; readonly reason: string };

const systemName = "jobs";
const workers: ServiceKey<Run> = ServiceKey("workers");
/** The number of workers of each node. */
const nodes: Readonly<Record<string, number>> = { one: 3, two: 3, three: 3, single: 1 };
const limit = 1_000_000;
const tasks = 40;

/** The jobs of the workers, by name. */
const jobs: Readonly<Record<string, (range: Range) => number>> = {
  countPrimes({ from, to }) {
    let count = 0;
    for (let number = from; number < to; number++) if (isPrime(number)) count++;
    return count;
  },
};

function isPrime(number: number): boolean {
  if (number < 2) return false;
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) return false;
  return true;
}

const worker: Behavior<Run> = Behaviors.receive((_context, { job, range, replyTo }) => {
  const work = Object.hasOwn(jobs, job) ? jobs[job] : undefined;
  replyTo.tell(
    work === undefined
      ? { type: "failed", reason: `no job is called ${job}` }
      : { type: "done", value: work(range) },
  );
  return Behaviors.same();
});

async function runNode({ name, seeds, folder }: NodeStart): Promise<void> {
  const system = await ClusteredActorSystem.start({
    name: systemName,
    nodeId: name,
    host: "127.0.0.1",
    port: 0,
    seedNodes: seeds,
    tls: await tlsOf(folder, name),
    stopOnSignals: true,
    // Convergence is impossible after the kill of a node.
    leaveTimeout: 1_000,
  });
  for (let n = 1; n <= nodes[name]!; n++) {
    system.spawn(Behaviors.discoverable(worker, workers), `worker-${n}`);
  }
  console.log(`LISTENING ${system.address}`);
}

/** Sends each worker one task after the other; returns the sum and the number of repeated tasks. */
async function execute(
  client: ClusterClient,
  found: readonly ActorRef<Run>[],
  onResult: (count: number) => void,
): Promise<{ total: number; repeated: number }> {
  const step = limit / tasks;
  const waiting = Array.from({ length: tasks }, (_, n) => ({ from: n * step, to: (n + 1) * step }));
  let total = 0;
  let done = 0;
  let repeated = 0;
  const employ = async (ref: ActorRef<Run>) => {
    for (let range = waiting.pop(); range !== undefined; range = waiting.pop()) {
      const task = range;
      try {
        const result = await client.ask(
          ref,
          (replyTo: ActorRef<Result>) => ({
            type: "run",
            job: "countPrimes",
            range: task,
            replyTo,
          }),
          { timeout: 10_000 },
        );
        if (result.type === "failed") throw new Error(result.reason);
        total += result.value;
        onResult(++done);
      } catch (error) {
        if (!(error instanceof AskError || error instanceof AskTimeoutError)) throw error;
        // The worker is gone; another one runs its task.
        repeated++;
        waiting.push(task);
        return;
      }
    }
  };
  // A task may be returned after the other workers have run out of tasks.
  for (let left = found; done < tasks; left = client.lookup(workers)) {
    await Promise.all(left.map(employ));
  }
  return { total, repeated };
}

async function main(): Promise<number> {
  const script = new URL(import.meta.url).pathname;
  await using processes = await Processes.start(script, Object.keys(nodes));
  await using client = await ClusterClient.connect({
    contactPoints: [processes.addresses.get("one")!],
    systemName,
    tls: await processes.clientTls(),
  });
  let found: readonly ActorRef<Run>[] = [];
  for await (found of client.subscribe(workers)) if (found.length === 10) break;
  console.log(`client | found ${found.length} workers`);
  const unknown = await client.ask(
    found[0]!,
    (replyTo: ActorRef<Result>) => ({
      type: "run",
      job: "evil",
      range: { from: 0, to: 1 },
      replyTo,
    }),
  );
  if (unknown.type === "failed") console.log(`client | ${unknown.reason}`);

  const { total, repeated } = await execute(client, found, (count) => {
    if (count === 5) processes.kill("single");
  });
  console.log(`client | ${total} primes below ${limit}; ${repeated} task went to another worker`);
  for await (const refs of client.subscribe(workers)) if (refs.length === 9) break;
  console.log("client | nine workers are left");
  return total === 78_498 && repeated === 1 && unknown.type === "failed" ? 0 : 1;
}

if (import.meta.main) {
  const start = nodeStart(Deno.args);
  if (start === undefined) Deno.exit(await main());
  await runNode(start);
}
