/** Clients whose address is wrong learn what is there, at once. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { gatewayClient, GatewayError, gatewayFetch } from "../../gateway_client.ts";
import { gatewaySubprotocol } from "../../lib/gateway/protocol/frames.ts";
import { type Api, serveGateway, startNode } from "./shop.ts";

function serve(handler: (request: Request) => Response) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  const url = `http://127.0.0.1:${server.addr.port}/gateway`;
  return { url, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Speaks with what is no gateway. */
function webSockets(protocol: string | undefined, greeting?: string) {
  return (request: Request) => {
    if (request.headers.get("upgrade") !== "websocket") return new Response(null, { status: 426 });
    const { socket, response } = Deno.upgradeWebSocket(request, protocol ? { protocol } : {});
    socket.onopen = () => {
      if (greeting !== undefined) socket.send(greeting);
    };
    return response;
  };
}

const cases: readonly (readonly [string, (request: Request) => Response, RegExp])[] = [
  ["another path", () => new Response("none", { status: 404 }), /the status 404 \(text\/plain/],
  ["a page", () => new Response("<p>", { headers: { "content-type": "text/html" } }), /200 \(text/],
  ["a redirect", () => Response.redirect("http://127.0.0.1:9/login"), /redirect|\(to http:.*login/],
  ["WebSockets without a subprotocol", webSockets(undefined), /subprotocol|gateway/],
  ["what speaks otherwise", webSockets(gatewaySubprotocol, "hello"), /other messages/],
];

for (const [what, handler, expected] of cases) {
  Deno.test(`a client that finds ${what} instead of a gateway ends at once, and says so`, async () => {
    await using server = serve(handler);
    await using client = gatewayClient<Api>({ url: server.url, timeout: 60_000 });
    const error = await assertRejects(() => client.entity("counters", "x").get(), GatewayError);
    assertEquals([error.code, error.outcome], ["badProtocol", "none"]);
    assert(error.message.includes(server.url.replace("http", "ws")), error.message);
    assert(expected.test(error.message), error.message);
    assert(error.message.includes("check the url"), error.message);
    assertEquals(client.state, "closed");
  });
}

Deno.test("a wrong path at a gateway is said over HTTP, too", async () => {
  await using node = await startNode();
  await using gateway = serveGateway(node);
  const url = gateway.url.replace("/gateway", "/gate");
  for (const client of [gatewayClient<Api>({ url, timeout: 60_000 }), gatewayFetch<Api>({ url })]) {
    const error = await assertRejects(() => client.entity("counters", "x").get(), GatewayError);
    assertEquals(error.code, "badProtocol");
    assert(/no gateway is at .*404.*check the url/.test(error.message), error.message);
  }
});

Deno.test("a server that is not ready is waited for, and a wrong address does not keep from others", async () => {
  await using node = await startNode();
  await using gateway = serveGateway(node);
  let asked = 0;
  const target = new URL(gateway.url);
  await using proxy = serve((request) => {
    const isUpgrade = request.headers.get("upgrade") === "websocket";
    asked++;
    // The proxy itself cannot make WebSockets; its clients find the gateway at the other address.
    return new Response(null, { status: isUpgrade ? 502 : 503 });
  });
  await using waiting = gatewayClient<Api>({ url: proxy.url, token: () => "ann", maxPause: 50 });
  const late = await assertRejects(
    () => waiting.entity("counters", "x").get(undefined, { timeout: 500 }),
    GatewayError,
  );
  assertEquals(late.code, "notSent");
  assertEquals(waiting.state, "connecting");
  assert(asked > 4, `${asked}`);
  await using wrong = serve(() => new Response(null, { status: 404 }));
  await using client = gatewayClient<Api>({
    urls: [wrong.url, target.href],
    token: () => "ann",
  });
  assertEquals(await client.entity("counters", "x").get(), 0);
});
