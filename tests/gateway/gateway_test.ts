/** A real gateway on a real port, and clients of it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClusterClient } from "../../client.ts";
import { gatewayClient, GatewayError, gatewayFetch } from "../../gateway_client.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { type Api, serveGateway, startNode } from "./shop.ts";

/** The failure of an operation, as far as a program branches on it. */
async function failure(operation: Promise<unknown>): Promise<unknown> {
  const error = await assertRejects(() => operation, GatewayError);
  return { code: error.code, outcome: error.outcome };
}

Deno.test("a client calls operations of entities, and gets topics", async () => {
  await using node = await startNode();
  await using gateway = serveGateway(node);
  await using client = gatewayClient<Api>({ url: gateway.url, token: () => "ann" });
  const hits = client.entity("counters", "hits");
  assertEquals(await hits.add({ amount: 2 }), 2);
  assertEquals(await hits.get(), 2);
  assertEquals(await hits.who(), "ann");
  const totals = client.topic("totals").subscribe();
  // Retained.
  assertEquals(await totals.next(), {
    done: false,
    value: { type: "message", message: { counter: "hits", total: 2 } },
  });
  await hits.add({ amount: 3 });
  assertEquals((await totals.next()).value, {
    type: "message",
    message: { counter: "hits", total: 5 },
  });
  await client.topic("totals").publish({ counter: "other", total: 1 });
  assertEquals((await totals.next()).value, {
    type: "message",
    message: { counter: "other", total: 1 },
  });
  assertEquals(await hits.reset(), undefined);
  assertEquals(await hits.get(), 0);
  await totals.return();
});

Deno.test("a gateway works in a process with a client of the cluster", async () => {
  await using node = await startNode();
  await using cluster = await ClusterClient.connect({
    contactPoints: [node.address],
    systemName: "shop",
    logger: silentLogger,
  });
  await using gateway = serveGateway(cluster);
  await using client = gatewayClient<Api>({ url: gateway.url, token: () => "ann" });
  const totals = client.topic("totals").subscribe();
  assertEquals(await client.entity("counters", "hits").add({ amount: 2 }), 2);
  assertEquals((await totals.next()).value, {
    type: "message",
    message: { counter: "hits", total: 2 },
  });
});

Deno.test("failures say what is known of the outcome, and nothing of the server", async () => {
  await using node = await startNode();
  await using gateway = serveGateway(node, {
    authorize: (principal, request) =>
      principal.id === "ann" || (request.kind === "call" && request.operation === "get"),
  });
  await using client = gatewayClient<Api>({ url: gateway.url, token: () => "ann" });
  await using other = gatewayClient<Api>({ url: gateway.url, token: () => "bob" });
  const hits = client.entity("counters", "hits");
  assertEquals(await failure(hits.add({ amount: "x" } as never)), {
    code: "badInput",
    outcome: "none",
  });
  assertEquals(await failure(hits.get("input" as never)), { code: "badInput", outcome: "none" });
  assertEquals(await failure((hits as unknown as { none(): Promise<void> }).none()), {
    code: "unknownOperation",
    outcome: "none",
  });
  assertEquals(await failure(hits.odd()), { code: "badReply", outcome: "handled" });
  assertEquals(await failure(hits.silent(undefined, { timeout: 50 })), {
    code: "timeout",
    outcome: "unknown",
  });
  const short = await assertRejects(() => hits.take({ amount: 9 }), GatewayError);
  assertEquals(short.rejection, { message: "not enough", code: "short" });
  const failed = await assertRejects(() => hits.fail(), GatewayError);
  assertEquals([failed.code, failed.outcome], ["handlerFailed", "unknown"]);
  assert(!failed.message.includes("secret"), failed.message);
  assertEquals(await other.entity("counters", "hits").get(), 0);
  assertEquals(await failure(other.entity("counters", "hits").add({ amount: 1 })), {
    code: "unauthorized",
    outcome: "none",
  });
  const refused = other.topic("totals").subscribe();
  assertEquals(await failure(refused.next()), { code: "unauthorized", outcome: "none" });
});

Deno.test("a client whose credentials are refused ends", async () => {
  await using node = await startNode();
  await using gateway = serveGateway(node);
  await using client = gatewayClient<Api>({ url: gateway.url });
  assertEquals(await failure(client.entity("counters", "hits").get()), {
    code: "unauthenticated",
    outcome: "none",
  });
  assertEquals(client.state, "closed");
});

Deno.test("operations over HTTP need no session", async () => {
  await using node = await startNode();
  await using gateway = serveGateway(node);
  const client = gatewayFetch<Api>({ url: gateway.url, token: () => "ann" });
  const hits = client.entity("counters", "hits/1 ä");
  assertEquals(await hits.add({ amount: 4 }), 4);
  assertEquals(await hits.get(), 4);
  assertEquals(await hits.reset(), undefined);
  await client.topic("totals").publish({ counter: "x", total: 1 });
  const short = await assertRejects(() => hits.take({ amount: 9 }), GatewayError);
  assertEquals([short.code, short.rejection?.code], ["rejected", "short"]);
  assertEquals(await failure(hits.silent(undefined, { timeout: 50 })), {
    code: "timeout",
    outcome: "unknown",
  });
  assertEquals(
    await failure(gatewayFetch<Api>({ url: gateway.url }).entity("counters", "x").get()),
    {
      code: "unauthenticated",
      outcome: "none",
    },
  );
});

Deno.test("a session goes on after its connection was cut", async () => {
  await using node = await startNode();
  await using gateway = serveGateway(node);
  const sockets: WebSocket[] = [];
  await using client = gatewayClient<Api>({
    url: gateway.url,
    token: () => "ann",
    runtime: {
      webSocket(url, protocols) {
        const socket = new WebSocket(url, protocols);
        sockets.push(socket);
        return socket;
      },
    },
  });
  const hits = client.entity("counters", "hits");
  const totals = client.topic("totals").subscribe();
  assertEquals(await hits.add({ amount: 1 }), 1);
  await totals.next();
  const states: unknown[] = [];
  const reopened = Promise.withResolvers<void>();
  client.onState(({ state, resumed }) => {
    states.push([state, resumed]);
    if (state === "open") reopened.resolve();
  });
  sockets[0]!.close();
  // Not idempotent, and made while there is no connection: done once all the same.
  const added = hits.add({ amount: 1 });
  assertEquals(await added, 2);
  await reopened.promise;
  assertEquals(states, [["connecting", false], ["open", true]]);
  assertEquals((await totals.next()).value, {
    type: "message",
    message: { counter: "hits", total: 2 },
  });
  assertEquals(gateway.handler.facts.sessions, 1);
});

Deno.test("a gateway that restarts loses sessions, and its clients learn it", async () => {
  await using node = await startNode();
  let port: number;
  const silent = Promise.withResolvers<unknown>();
  let client;
  let totals;
  {
    await using gateway = serveGateway(node);
    port = gateway.port;
    client = gatewayClient<Api>({ url: gateway.url, token: () => "ann", maxPause: 100 });
    totals = client.topic("totals").subscribe();
    await client.entity("counters", "hits").add({ amount: 1 });
    assertEquals((await totals.next()).value.type, "message");
    client.entity("counters", "hits").silent().catch(silent.resolve);
    // Answered behind it, so the gateway has both.
    await client.entity("counters", "hits").get();
  }
  await using _client = client;
  await using _again = serveGateway(node, {}, port);
  const lost = await silent.promise as GatewayError;
  assertEquals([lost.code, lost.outcome], ["outcomeUnknown", "unknown"]);
  assertEquals((await totals.next()).value, { type: "gap", missed: 0, reason: "sessionLost" });
  assertEquals((await totals.next()).value.type, "message");
  assertEquals(await client.entity("counters", "hits").get(), 1);
});
