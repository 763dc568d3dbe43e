/** A node and a client in one process, which record with Deno's own exporter (`OTEL_DENO=true`). */
import { type ActorRef, Behaviors, ClusteredActorSystem } from "../../mod.ts";
import { ClusterClient } from "../../client.ts";
import { memoryJournal } from "../../lib/persistence/memory_journal.ts";
import { otelTelemetry } from "../../otel.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";

type Deposit = {
  readonly type: "deposit";
  readonly amount: number;
  readonly replyTo: ActorRef<number>;
};

const runtime = { telemetry: otelTelemetry() };
await using system = await ClusteredActorSystem.start({
  name: "otel",
  host: "127.0.0.1",
  port: 0,
  stallDetection: false,
  logger: silentLogger,
  runtime,
  persistence: { journal: memoryJournal() },
});
const account = () =>
  Behaviors.eventSourced<Deposit, number, number>({
    initial: 0,
    onCommand: (_context, _balance, { amount, replyTo }, effect) =>
      effect.persist(amount).thenReply(replyTo, (after) => after),
    onEvent: (balance, amount) => balance + amount,
  });
system.spawn(Behaviors.sharded(account, { numShards: 4 }), "accounts");
await using client = await ClusterClient.connect({
  contactPoints: [system.address],
  systemName: "otel",
  logger: silentLogger,
  runtime,
});
const accounts = client.entityRef<Deposit>("accounts", { numShards: 4 });
// The first message waits for the owner of its shard, the second does not.
for (const expected of [5, 10]) {
  const balance = await accounts.entity("alice").ask(
    (replyTo) => ({ type: "deposit", amount: 5, replyTo }),
    { timeout: 60_000 },
  );
  if (balance !== expected) throw new Error(`balance ${balance}`);
}
