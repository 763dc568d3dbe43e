/** Failures before a client is connected. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { OptionError } from "../../lib/options/option_error.ts";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { ClientAskOptions } from "../../lib/client/client_ask.ts";
import type { ClientOptions } from "../../lib/client/client_options.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClientConnectionRejected } from "../../lib/client/client_state.ts";
import { ClientError } from "../../lib/client/errors.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { getValue } from "../sim/counter.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";

function options(cluster: SimulatedCluster): ClientOptions {
  const runtime = cluster.runtime("client");
  const contactPoints = ["node-1:25520"];
  return { contactPoints, systemName: "sim", runtime, logger: runtime.logger };
}

function lazily(cluster: SimulatedCluster): Promise<ClusterClient> {
  return cluster.clock.resolve(ClusterClient.connect({ ...options(cluster), lazy: true }));
}

Deno.test("a contactPoints function that never answers is named in the error, and called again", async () => {
  const cluster = new SimulatedCluster(1);
  let calls = 0;
  const contactPoints = () => {
    calls++;
    return new Promise<string[]>(() => {});
  };
  const connecting = ClusterClient.connect({
    ...options(cluster),
    contactPoints,
    connectTimeout: 5_000,
  });
  const soon = await cluster.clock.resolve(assertRejects(() => connecting, ClientError));
  assert(soon.message.includes("contactPoints() has not answered yet"), soon.message);
  const patient = ClusterClient.connect({
    ...options(cluster),
    contactPoints,
    connectTimeout: 30_000,
  });
  calls = 0;
  const late = await cluster.clock.resolve(assertRejects(() => patient, ClientError));
  assert(late.message.includes("contactPoints() has not answered within 10000 ms"), late.message);
  assert(calls >= 2, String(calls));
});

Deno.test("an invalid address map or options object is refused with a remedy", async () => {
  const cluster = new SimulatedCluster(2);
  const bad: readonly unknown[] = [7, "a:1", { "node-1:25520": "junk" }, new Map([["x", "a:1"]])];
  for (const addressMap of bad) {
    const connecting = ClusterClient.connect({ ...options(cluster), addressMap } as ClientOptions);
    const { code } = await assertRejects(() => connecting, CastyError);
    assertEquals(code, "badOption");
  }
  const nothing = ClusterClient.connect(undefined as never);
  assertEquals((await assertRejects(() => nothing, OptionError)).code, "badOption");
  assertEquals(cluster.trace, []);
});

Deno.test("connecting can be aborted before and during the attempt", async () => {
  const cluster = new SimulatedCluster(3);
  const early = ClusterClient.connect({
    ...options(cluster),
    signal: AbortSignal.abort("early"),
  });
  const { code, cause } = await cluster.clock.resolve(assertRejects(() => early, ClientError));
  assertEquals([code, cause], ["connectAborted", "early"]);
  const controller = new AbortController();
  const { signal } = controller;
  const begin = cluster.clock.now();
  const connecting = ClusterClient.connect({ ...options(cluster), signal });
  const refused = assertRejects(() => connecting, ClientError, "aborted");
  await cluster.clock.advance(500);
  controller.abort();
  await cluster.clock.resolve(refused);
  assert(cluster.clock.now() - begin < 1_000);
});

Deno.test("an ask with retry options that are not numbers is refused", async () => {
  const cluster = new SimulatedCluster(4);
  const client = await lazily(cluster);
  const ref = client.entityRef<never>("counters", { numShards: 4 });
  const bad: ClientAskOptions[] = [
    { timeout: NaN, retry: true },
    { timeout: -1, retry: true },
    { retry: { attempts: 0 } },
    { retry: { attempts: NaN } },
    { retry: { attemptTimeout: 0 } },
    { retry: { delay: NaN } },
  ];
  for (const one of bad) {
    const asking = client.ask(ref, getValue("hits") as never, one);
    assertEquals((await assertRejects(() => asking, OptionError)).code, "badOption");
  }
  await cluster.clock.resolve(client.close());
});

Deno.test("who waits when the client closes hears it at once, also in the pause before another try", async () => {
  const cluster = new SimulatedCluster(5);
  const client = await lazily(cluster);
  const ref = client.entityRef<never>("counters", { numShards: 4 });
  const codes: string[] = [];
  const note = (promise: Promise<unknown>) =>
    promise.then(() => "answered", (error: CastyError) => error.code).then((code) => {
      codes.push(code);
    });
  const once = note(client.ask(ref, getValue("hits") as never, { timeout: 60_000 }));
  const again = note(
    client.ask(ref, getValue("hits") as never, { timeout: 60_000, retry: true }),
  );
  // A message for an actor that has stopped is lost at once, so this ask is in its pause.
  const gone = client.spawn(Behaviors.ignore(), "gone");
  await cluster.clock.resolve(client.stop(gone));
  const lost = (replyTo: ActorRef<number>) => replyTo;
  const pausing = note(
    client.ask(gone, lost, { timeout: 60_000, retry: { delay: 2_000, attempts: 1_000 } }),
  );
  const listing = client.subscribe({ id: "x" } as never);
  const waiting = listing.next().then(() => listing.next());
  const begin = cluster.clock.now();
  await cluster.clock.advance(1);
  await cluster.clock.resolve(Promise.all([client.close(), client.close()]));
  await cluster.clock.resolve(Promise.all([once, again, pausing]));
  assert(cluster.clock.now() - begin < 50, `${cluster.clock.now() - begin} ms`);
  assertEquals(codes, Array(3).fill("systemStopped"));
  assertEquals((await waiting).done, true);
});

Deno.test("what is called after close says that the client was closed, and what to do", async () => {
  const cluster = new SimulatedCluster(6);
  const client = await lazily(cluster);
  const ref = client.entityRef<never>("counters", { numShards: 4 });
  const pending = client.ask(ref, getValue("hits") as never, { timeout: 60_000 })
    .catch((error) => error);
  await cluster.clock.resolve(client.close());
  const told = "the client was closed; connect another client";
  const errors: unknown[] = [await pending];
  for (const options of [{}, { retry: true }]) {
    const asking = client.ask(ref, getValue("hits") as never, options);
    errors.push(await cluster.clock.resolve(asking.catch((error) => error)));
  }
  for (
    const call of [
      () => client.entityRef("counters"),
      () => client.spawn(Behaviors.ignore(), "late"),
    ]
  ) {
    errors.push(assertThrows(call));
  }
  assertEquals(errors.map((error) => (error as Error).message), Array(5).fill(told));
});

Deno.test("a client of another system is told at once which systems both are of", async () => {
  const cluster = new SimulatedCluster(20);
  const nodes = await cluster.start(1);
  const before = cluster.clock.now();
  const connecting = ClusterClient.connect({ ...options(cluster), systemName: "simm" });
  const error = await cluster.clock.resolve(assertRejects(() => connecting, ClientError));
  assertEquals(error.code, "contactsUnusable");
  assert(cluster.clock.now() - before < 1_000, "long before connectTimeout");
  const told = 'node-1:25520: the peer rejected this client: it belongs to the system "sim", and ' +
    'this client to "simm"';
  assert(error.message.includes(told), error.message);
  await cluster.stop(nodes);
});

Deno.test("a lazy client publishes one event for each node that rejects it, until it is accepted", async () => {
  const cluster = new SimulatedCluster(21);
  const nodes = await cluster.start(1);
  const client = await cluster.clock.resolve(
    ClusterClient.connect({ ...options(cluster), systemName: "simm", lazy: true }),
  );
  const seen: ClientConnectionRejected[] = [];
  client.eventStream.subscribe("connectionRejected", (event) => void seen.push(event));
  await cluster.clock.advance(30_000);
  assertEquals(seen.map(({ address, code }) => [address, code]), [["node-1:25520", "systemName"]]);
  assert(seen[0]!.reason.includes('"sim"'), seen[0]!.reason);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a client waits while one contact point may still come up", async () => {
  const cluster = new SimulatedCluster(22);
  const nodes = await cluster.start(1);
  const connecting = ClusterClient.connect({
    ...options(cluster),
    contactPoints: ["node-1:25520", "node-2:25520"],
    systemName: "simm",
    connectTimeout: 6_000,
  });
  const before = cluster.clock.now();
  const error = await cluster.clock.resolve(assertRejects(() => connecting, ClientError));
  assertEquals([error.code, cluster.clock.now() - before], ["connectTimeout", 6_000]);
  await cluster.stop(nodes);
});
