/**
 * Two processes over mutual TLS on loopback: messages that are delivered reliably beside plain ones, jobs
 * to workers, and work under a limit, in the same run.
 *
 *     deno run -A bench/delivery.ts [--rounds=5]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  type ActorRef,
  Behaviors,
  ClusteredActorSystem,
  discoverable,
  ServiceKey,
  TlsConfig,
} from "@casty/casty";
import { createCa, issueNode } from "@casty/casty/cert";
import {
  consumerController,
  type ConsumerMessage,
  producerController,
  type ProducerMessage,
  rateLimit,
  rateLimiters,
} from "@casty/casty/delivery";
import { printRows, type Row } from "./report.ts";

type Plain = { readonly text: string; readonly replyTo?: ActorRef<"counted"> };
const Sinks = ServiceKey<Plain>("sinks");
const Consumers = ServiceKey<ConsumerMessage<string>>("consumers");
const Workers = ServiceKey<ConsumerMessage<string>>("workers");
const text = "x".repeat(100);
const count = 50_000;

async function start(seedNodes: string[], tls: [string, string, string]) {
  const [cert, key, ca] = tls;
  return await ClusteredActorSystem.start({
    name: "delivery",
    host: "127.0.0.1",
    port: 0,
    seedNodes,
    tls: await TlsConfig.fromPem({ cert, key, ca }),
    requiredQuorum: seedNodes.length + 1,
  });
}

/** The other process: all receivers. */
async function receive(): Promise<void> {
  const { seed, tls } = JSON.parse(Deno.env.get("BENCH_DELIVERY")!);
  const node = await start([seed], tls);
  const sink = Behaviors.receive<Plain>((_context, { replyTo }) => {
    replyTo?.tell("counted");
    return Behaviors.same();
  });
  node.spawn(discoverable(sink, Sinks), "sink");
  const onMessage = () => {};
  node.spawn(
    discoverable(consumerController<string>({ window: 1_000, onMessage }), Consumers),
    "c",
  );
  for (const name of ["w1", "w2", "w3", "w4"]) {
    node.spawn(discoverable(consumerController<string>({ window: 250, onMessage }), Workers), name);
  }
  node.spawn(rateLimiters());
  // Until it is killed.
  await new Promise<void>(() => void node);
}

/** Delivers `count` messages with a bounded number under way; resolves when all are confirmed. */
async function deliver(
  node: ClusteredActorSystem,
  producer: ActorRef<ProducerMessage<string>>,
): Promise<void> {
  const confirmed = Promise.withResolvers<void>();
  let left = count;
  const answers = node.spawn(
    Behaviors.receive<unknown>(() => {
      if (--left === 0) confirmed.resolve();
      return Behaviors.same();
    }),
    `answers-${count}-${performance.now()}`,
  );
  for (let at = 0; at < count; at++) {
    producer.tell({ type: "deliver", message: text, confirmedTo: answers });
    if (at % 1_000 === 999) await new Promise<void>((resolve) => setTimeout(resolve));
  }
  await confirmed.promise;
  await node.stop(answers);
}

async function rate(name: string, of: number, work: () => Promise<unknown>): Promise<Row> {
  const begun = performance.now();
  await work();
  return { name, value: of / (performance.now() - begun) * 1_000, unit: "/s" };
}

async function measure(node: ClusteredActorSystem, rounds: number): Promise<Row[]> {
  const [sink] = node.lookup(Sinks);
  const reliable = node.spawn(
    producerController<string>({ consumer: Consumers, bufferSize: count }),
    "reliable",
  );
  const jobs = node.spawn(
    producerController<string>({ workers: Workers, bufferSize: count }),
    "jobs",
  );
  const limit = rateLimit(node, { key: "bench", perSecond: 100_000 });
  const slots = rateLimit(node, { key: "bench slots", concurrency: 10_000 });
  const asks = (run: () => Promise<unknown>) => async () => {
    for (let at = 0; at < 20; at++) await Promise.all(Array.from({ length: 100 }, run));
  };
  const rows: Row[] = [];
  for (let round = 0; round < rounds; round++) {
    rows.push(
      await rate("plain tells", count, async () => {
        for (let at = 0; at < count; at++) {
          sink!.tell({ text });
          if (at % 1_000 === 999) await new Promise<void>((resolve) => setTimeout(resolve));
        }
        await node.ask(sink!, (replyTo) => ({ text, replyTo }), { timeout: 60_000 });
      }),
      await rate("reliable tells, confirmed", count, () => deliver(node, reliable)),
      await rate("jobs of 4 workers, confirmed", count, () => deliver(node, jobs)),
      await rate("work under a rate, 100 at once", 2_000, asks(() => limit.run(() => {}))),
      await rate("work under a concurrency, 100 at once", 2_000, asks(() => slots.run(() => {}))),
    );
  }
  return rows;
}

async function main(): Promise<void> {
  const { rounds } = parseArgs([...Deno.args], { string: ["rounds"], default: { rounds: "5" } });
  const ca = await createCa();
  const { cert, key } = await issueNode(ca, { hosts: ["localhost", "127.0.0.1"] });
  const tls: [string, string, string] = [cert, key, ca.cert];
  await using node = await start([], tls);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL(import.meta.url).pathname],
    env: { BENCH_DELIVERY: JSON.stringify({ seed: node.address, tls }) },
  }).spawn();
  try {
    await node.waitFor(2);
    for await (const workers of node.subscribe(Workers)) if (workers.length === 4) break;
    // Its limiters know nothing of earlier ones: they wait.
    for (const options of [{ perSecond: 1_000 }, { concurrency: 10 }]) {
      await rateLimit(node, { key: "bench", wait: 30_000, ...options }).run(() => {});
      await rateLimit(node, { key: "bench slots", wait: 30_000, ...options }).run(() => {});
    }
    printRows("Delivery, two processes, mutual TLS, loopback", await measure(node, Number(rounds)));
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

if (import.meta.main) await (Deno.env.has("BENCH_DELIVERY") ? receive() : main());
