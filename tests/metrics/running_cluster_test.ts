/** Everything that is measured, at nodes and a client that do a little of everything. */
import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { createCa, issueClient, issueNode } from "@casty/casty/cert";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import {
  consumerController,
  producerController,
  rateLimit,
  rateLimiters,
} from "../../lib/delivery/mod.ts";
import { gateway, gatewayHandler } from "../../gateway.ts";
import { gatewayClient } from "../../gateway_client.ts";
import { MetricsTelemetry } from "../../lib/metrics/metrics_telemetry.ts";
import { metricName } from "../../lib/metrics/open_metrics.ts";
import { memoryJournal, memoryProjectionStore, projection } from "../../lib/persistence/mod.ts";
import { instruments } from "../../lib/runtime/instruments.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import type { Instrument } from "../../lib/runtime/telemetry.ts";
import { Topic } from "../../lib/topics/topic.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";

type Add = { readonly amount: number; readonly replyTo: ActorRef<number> };

/** An account whose state is made of events. */
const account = () =>
  Behaviors.eventSourced<Add, number, number>({
    initial: 0,
    onCommand: (_context, _sum, { amount, replyTo }, effect) =>
      effect.persist(amount).thenReply(replyTo, (sum) => sum),
    onEvent: (sum, amount) => sum + amount,
  });

/**
 * Only files that change are reloaded, and a program need not do that. A standby starts entities when their
 * owner is gone: `tests/sim/standby_test.ts`.
 */
const absent: readonly Instrument[] = [instruments.tlsReloads, instruments.standbyStarts];

Deno.test("each instrument has a sample in the metrics of a running cluster", async () => {
  const ca = await createCa();
  const own = await issueNode(ca, { hosts: ["127.0.0.1"] });
  const journal = memoryJournal();
  const database = Object.assign(memoryJournal(), { isShared: true });
  const all: MetricsTelemetry[] = [];
  const measured = () => {
    const telemetry = new MetricsTelemetry();
    all.push(telemetry);
    return { telemetry };
  };
  const start = async (nodeId: string, seedNodes: readonly string[]) =>
    await ClusteredActorSystem.start({
      name: "measured",
      nodeId,
      host: "127.0.0.1",
      port: 0,
      seedNodes: [...seedNodes],
      requiredQuorum: seedNodes.length + 1,
      tls: await TlsConfig.fromPem({ cert: own.cert, key: own.key, ca: ca.cert }),
      stallDetection: false,
      logger: silentLogger,
      runtime: measured(),
      persistence: { journal },
    });
  await using first = await start("first", []);
  await using second = await start("second", [first.address]);
  const nodes = [first, second];
  for (const node of nodes) {
    node.spawn(Behaviors.sharded(account, { numShards: 4 }), "accounts");
    const replication = { replicas: 1 };
    node.spawn(Behaviors.sharded(account, { numShards: 4, replication }), "copied");
    const standby = { numShards: 4, replication, journal: database };
    node.spawn(Behaviors.sharded(account, standby), "standby");
    node.spawn(rateLimiters());
    node.distributed();
  }
  first.topic(Topic<string>("news")).publish("none");
  const broken = Behaviors.receive<"go">(() => {
    throw new Error("on purpose");
  });
  first.spawn(Behaviors.supervise(broken), "broken").tell("go");
  const gone = first.spawn(Behaviors.ignore(), "gone");
  await first.stop(gone);
  gone.tell("too late");
  const views = projection<number>({
    name: "sums",
    journal,
    source: { kind: "accounts" },
    store: memoryProjectionStore(),
    handle: () => {},
  });
  views.start(first);

  const client = await issueClient(ca, { name: "shop" });
  await using outside = await ClusterClient.connect({
    contactPoints: [first.address],
    systemName: "measured",
    tls: await TlsConfig.fromPem({ cert: client.cert, key: client.key, ca: ca.cert }),
    logger: silentLogger,
    runtime: measured(),
  });
  for (const type of ["accounts", "copied", "standby"]) {
    const accounts = outside.entityRef<Add>(type, { numShards: 4 });
    for (const id of ["a", "b", "c"]) {
      const add = (replyTo: ActorRef<number>): Add => ({ amount: 5, replyTo });
      assertEquals(await accounts.entity(id).ask(add, { timeout: 60_000 }), 5);
    }
  }
  await first.distributed().counter("visits").increment();
  await rateLimit(first, { key: "mails", perSecond: 100, wait: 60_000 }).run(() => {});
  const consumer = first.spawn(consumerController<string>({ onMessage: () => {} }), "consumer");
  const producer = first.spawn(producerController<string>({ consumer }), "producer");
  await first.askStatus(producer, (confirmedTo) => ({
    type: "deliver",
    message: "parcel",
    confirmedTo,
  }));

  const news = gateway.api({ news: gateway.topic(Topic<string>("news")) });
  await using handler = gatewayHandler(first, news, {
    authenticate: (_request, token) => token === undefined ? undefined : { id: token },
  });
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  const url = `http://127.0.0.1:${server.addr.port}/gateway`;
  await (await fetch(`${url}/topics/news`, { method: "POST" })).body?.cancel();
  await using page = gatewayClient<typeof news>({ url, token: () => "ann" });
  const reading = page.topic("news").subscribe();
  first.topic(Topic<string>("news")).publish("some");

  const missing = () => {
    const texts = all.map((telemetry) => telemetry.text()).join("");
    return Object.values<Instrument>(instruments)
      .filter((each) => !absent.includes(each))
      .map(metricName)
      .filter((name) =>
        !new RegExp(`^${name}(_total|_count)?(\\{.*\\})? [0-9.e+-]+$`, "m").test(texts)
      );
  };
  // What is counted in the background, such as the events that a projection has not handled.
  const until = performance.now() + 60_000;
  while (missing().length > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assertEquals(missing(), []);
  await reading.return();
  const text = all[0]!.text();
  for (
    const line of [
      /^casty_tls_certificate_days_left\{name="own"\} \d/m,
      /^casty_connection_queue_size_bytes\{peer="127\.0\.0\.1:\d+",lane="control"\} \d+$/m,
      /^casty_connection_queue_messages\{peer="clients",lane="user"\} \d+$/m,
      /^casty_sharding_shards\{type="accounts",state="running"\} \d$/m,
      /^casty_actor_dead_letters\{reason="stopped"\} 1$/m,
      /^casty_membership_members\{status="up"\} 2$/m,
      /^casty_connection_handshakes_total\{outcome="established"\} \d+$/m,
    ]
  ) assert(line.test(text), `${line} in\n${text}`);
});
