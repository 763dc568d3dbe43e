/**
 * Sharded entities over mutual TLS in two and three processes: tells per second and the latency of
 * asks to local and remote entities; and a million entities in one process.
 *
 *     deno run -A bench/sharding.ts [--entities=1000000] [--rounds=3]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type ActorRef, Behaviors, ClusteredActorSystem, shardEnvelope } from "@casty/casty";
import { createCa, issueNode } from "@casty/casty/cert";
import { machine, median, text } from "./report.ts";
import { freePort, NodeProcess } from "./sharding/cluster.ts";
import { type BenchMessage, Counters } from "./sharding/shared.ts";

const counter = () => {
  let count = 0;
  return Behaviors.receive<BenchMessage>((_context, message) => {
    count++;
    if (message.type === "get") message.replyTo.tell(count);
    return Behaviors.same();
  });
};

interface Figures {
  readonly tells: number;
  readonly ask: number;
}

if (import.meta.main) {
  const given = parseArgs([...Deno.args], {
    string: ["entities", "rounds"],
    default: { entities: "1000000", rounds: "3" },
  });
  console.log(`\n## Sharded entities\n\n${machine()}\n`);
  console.log("| processes | entities | tells | ask, sequential |");
  console.log("| ---: | --- | ---: | ---: |");
  for (const processes of [2, 3]) await processesRow(processes, Number(given.rounds));
  await many(Number(given.entities));
}

async function processesRow(processes: number, rounds: number): Promise<void> {
  const ca = await createCa();
  const { cert, key } = await issueNode(ca, { hosts: ["localhost", "127.0.0.1"] });
  const tls = { cert, key, ca: ca.cert };
  const ports = Array.from({ length: processes }, freePort);
  const seedNodes = ports.map((port) => `127.0.0.1:${port}`);
  const starting = ports.slice(1).map((port) =>
    NodeProcess.start({ port, seedNodes, quorum: processes, tls })
  );
  await using system = await ClusteredActorSystem.start({
    name: "bench",
    host: "127.0.0.1",
    port: ports[0]!,
    seedNodes,
    tls,
    requiredQuorum: processes,
  });
  const others = await Promise.all(starting);
  const counters = system.spawn(Behaviors.sharded(Counters, counter));
  const ask = (id: string) =>
    system.ask(
      counters,
      (replyTo: ActorRef<number>) => shardEnvelope(id, { type: "get" as const, replyTo }),
      { timeout: 20_000 },
    );
  const ids = Array.from({ length: 200 }, (_, index) => `entity-${index}`);
  // Before all nodes have joined, the first node would own all shards.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  for (const id of ids) await ask(id);
  const isLocal = (id: string) => system.sharding.shardOwner("counters", id) === system.address;
  for (
    const [where, chosen] of [["here", ids.filter(isLocal)], [
      "elsewhere",
      ids.filter((id) => !isLocal(id)),
    ]] as const
  ) {
    if (chosen.length === 0) continue;
    const runs: Figures[] = [];
    for (let round = 0; round < rounds; round++) {
      const count = 100_000;
      let begun = performance.now();
      for (let sent = 0; sent < count; sent++) {
        counters.tell(shardEnvelope(chosen[sent % chosen.length]!, { type: "count" }));
        if (sent % 500 === 499) await system.drained();
      }
      // A reply shows that the entity has handled all earlier messages.
      await Promise.all(chosen.map(ask));
      const tells = count / (performance.now() - begun) * 1_000;
      begun = performance.now();
      for (let asked = 0; asked < 1_000; asked++) await ask(chosen[asked % chosen.length]!);
      runs.push({ tells, ask: performance.now() - begun });
    }
    const tells = text(median(runs.map((run) => run.tells)), "/s");
    const time = text(median(runs.map((run) => run.ask)), "us");
    console.log(`| ${processes} | ${where} | ${tells} | ${time} |`);
  }
  await Promise.all(others.map((node) => node.stop()));
}

async function many(count: number): Promise<void> {
  await using system = await ClusteredActorSystem.start({
    name: "bench-many",
    host: "127.0.0.1",
    port: 0,
  });
  const counters = system.spawn(Behaviors.sharded(Counters, counter));
  const ask = (id: string) =>
    system.ask(
      counters,
      (replyTo: ActorRef<number>) => shardEnvelope(id, { type: "get" as const, replyTo }),
      { timeout: 60_000 },
    );
  // All shards have an owner before the measurement.
  for (let index = 0; index < 1_000; index++) await ask(`warm-${index}`);
  const before = Deno.memoryUsage().heapUsed;
  const begun = performance.now();
  for (let index = 0; index < count; index++) {
    counters.tell(shardEnvelope(`e${index}`, { type: "count" }));
    if (index % 1_000 === 999) await new Promise((resolve) => setTimeout(resolve));
  }
  await ask(`e${count - 1}`);
  const rate = text(count / (performance.now() - begun) * 1_000, "/s");
  const bytes = Math.round((Deno.memoryUsage().heapUsed - before) / count);
  console.log(`\n${count} entities in one process: started at ${rate}, ${bytes} B each`);
}
