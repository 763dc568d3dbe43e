import { assert, assertEquals } from "@std/assert";
import { RecordedTelemetry } from "@casty/casty/testkit";
import { gatewayClient, gatewayFetch } from "../../gateway_client.ts";
import { instruments } from "../../lib/runtime/instruments.ts";
import { type Api, serveGateway, startNode } from "./shop.ts";

Deno.test("a gateway measures sockets, sessions, operations, refusals and frames", async () => {
  const telemetry = new RecordedTelemetry();
  await using node = await startNode({ runtime: { telemetry } });
  const { gatewaySockets, gatewaySessions, gatewaySessionStarts, gatewayPrincipals } = instruments;
  const { gatewayRefusals, gatewayOperations, gatewayMessages, gatewayQueue } = instruments;
  const starts = (outcome: string) => telemetry.sum(gatewaySessionStarts.name, { outcome });
  const sessions = (state: string) => telemetry.sum(gatewaySessions.name, { state });
  const refusals = (reason: string) => telemetry.sum(gatewayRefusals.name, { reason });
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  {
    await using gateway = serveGateway(node, { maxSocketsPerPrincipal: 1 });
    const sockets: WebSocket[] = [];
    const connect = (url: string, token: string) =>
      gatewayClient<Api>({
        url,
        token: () => token,
        maxPause: 50,
        runtime: {
          webSocket: (address, protocols) => {
            const socket = new WebSocket(address, protocols);
            sockets.push(socket);
            return socket;
          },
        },
      });
    await using client = connect(gateway.url, "ann");
    const hits = client.entity("counters", "hits");
    await hits.add({ amount: 1 });
    await hits.odd().catch(() => {});
    const totals = client.topic("totals").subscribe();
    await totals.next();
    assertEquals(telemetry.sum(gatewaySockets.name), 1);
    assertEquals([sessions("connected"), sessions("waiting")], [1, 0]);
    assertEquals(telemetry.sum(gatewayPrincipals.name), 1);

    sockets[0]!.close();
    await until(() => starts("resumed") === 1);
    await hits.get();
    assertEquals([starts("new"), starts("resumed"), starts("lost")], [1, 1, 0]);

    const other = connect(gateway.url, "ann");
    await until(() => refusals("tooManySockets") > 0);
    other.close();
    await gatewayFetch<Api>({ url: gateway.url }).entity("counters", "x").get().catch(() => {});
    assertEquals(refusals("unauthenticated"), 1);
    const foreign = await fetch(`${gateway.url}/socket`, { headers: { origin: "https://evil" } });
    await foreign.body?.cancel();
    assertEquals([foreign.status, refusals("foreignOrigin")], [403, 1]);
    await gatewayFetch<Api>({ url: gateway.url, token: () => "bob" }).topic("totals")
      .publish({ counter: "x", total: 1 });

    const operations = (kind: string, outcome: string) =>
      telemetry.sum(gatewayOperations.name, { kind, outcome });
    assertEquals(operations("call", "ok"), 2);
    assertEquals(operations("call", "badReply"), 1);
    assertEquals(operations("subscribe", "ok"), 1);
    assertEquals(operations("publish", "ok"), 1);
    // Hello, three calls and a subscription; a welcome, three answers and a message.
    assert(telemetry.sum(gatewayMessages.name, { direction: "in" }) >= 5);
    assert(telemetry.sum(gatewayMessages.name, { direction: "out" }) >= 4);
    assert(telemetry.sum(gatewayQueue.name) < 10_000);
  }
  // A gateway that was closed is read no more.
  assertEquals(telemetry.sum(gatewaySessions.name, { state: "waiting" }), 0);
});
