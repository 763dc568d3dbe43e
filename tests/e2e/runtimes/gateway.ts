/** Serves a gateway with `node:http`, uses it as browsers do, and prints what came out as one line of JSON. */
import { createServer, type RequestListener, type Server } from "node:http";
import { connect } from "node:net";
import { type ActorRef, Behaviors, ClusteredActorSystem, entityType, Topic } from "@casty/casty";
import { gateway, gatewayHandler } from "@casty/casty/gateway";
import { gatewayClient, type GatewayError, gatewayFetch } from "@casty/casty/gateway-client";
import { nodeListeners } from "@casty/casty/gateway-node";

type Counter = { type: "add"; replyTo: ActorRef<number> };
const Counters = entityType<Counter>("counters", { numShards: 4 });
const Totals = Topic<{ total: number }>("totals", { retain: 1 });
const api = gateway.api({
  counters: gateway.entity(Counters, ({ ask }) => ({
    add: ask({ message: (replyTo) => ({ type: "add", replyTo }) }),
  })),
  totals: gateway.topic(Totals),
});

const system = await ClusteredActorSystem.start({
  name: "served",
  host: "127.0.0.1",
  port: 0,
  stallDetection: false,
  logger: { log: () => {} },
});
const totals = system.topic(Totals);
system.spawn(Behaviors.sharded(Counters, () => {
  let total = 0;
  return Behaviors.receive((_context, { replyTo }) => {
    totals.publish({ total: ++total });
    replyTo.tell(total);
    return Behaviors.same();
  });
}));

const peers = new Set<string>();
const handler = gatewayHandler(system, api, {
  authenticate: (_request, token, info) => {
    peers.add((info as { remoteAddr: { hostname: string } }).remoteAddr.hostname);
    return token === undefined ? undefined : { id: token };
  },
  maxMessageBytes: 1_000,
  origins: ["https://shop.example"],
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

/** The status line and the body of a request to become a WebSocket. */
function upgrade(port: number, ...headers: readonly string[]): Promise<string[]> {
  const lines = [
    "GET /gateway/socket HTTP/1.1",
    `host: 127.0.0.1:${port}`,
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  ];
  const socket = connect(port, "127.0.0.1");
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
      const [head, body] = text.split("\r\n\r\n");
      if (body === undefined) return;
      socket.destroy();
      resolve([head!.split("\r\n")[0]!.slice(0, 12), body]);
    });
  });
}

const listeners = nodeListeners(handler);
const server = createServer(listeners.request as RequestListener).on("upgrade", listeners.upgrade);
const port = await listen(server);
const url = `http://127.0.0.1:${port}/gateway`;

const sockets: WebSocket[] = [];
const client = gatewayClient<typeof api>({
  url,
  token: () => "ann",
  runtime: {
    webSocket(address, protocols) {
      const socket = new WebSocket(address, protocols);
      sockets.push(socket);
      return socket;
    },
  },
});
const hits = client.entity("counters", "hits");
const added = await hits.add();
const reader = client.topic("totals").subscribe();
const { value: message } = await reader.next();

const resumed = new Promise<boolean>((resolve) => {
  client.onState((change) => {
    if (change.state === "open") resolve(change.resumed);
  });
});
sockets[0]!.close();
const addedMeanwhile = await hits.add();

const refused = gatewayClient<typeof api>({ url });
const refusal = await refused.entity("counters", "hits").add().catch((error: GatewayError) =>
  error.code
);
const fetcher = gatewayFetch<typeof api>({ url, token: () => "bob" });
const overHttp = await fetcher.entity("counters", "hits").add();
const streamed: unknown[] = [];
for await (const event of fetcher.topic("totals").subscribe()) {
  streamed.push(event.type === "message" && event.message.total);
  if (streamed.length === 2) break;
  await fetcher.entity("counters", "hits").add();
}
while (handler.facts.sockets > 1) await new Promise((resolve) => setTimeout(resolve, 10));

const long = new WebSocket(`${url}/socket`.replace("http", "ws"), [
  "casty.gateway.1",
  "casty.token.YW5u",
]);
long.onopen = () => long.send("x".repeat(4_000));
const longClosed = await new Promise<number>((resolve) =>
  long.onclose = ({ code }) => resolve(code)
);

// A body that its handler does not read further.
const posted = await fetch(`${url}/entities/counters/hits/add`, {
  method: "POST",
  headers: { authorization: "Bearer ann", "content-type": "application/json" },
  body: JSON.stringify("x".repeat(4_000)),
});
await posted.text();
const plain = await fetch(`${url}/socket`);
await plain.text();

const [foreign] = await upgrade(port, "origin: https://evil.example");
const [own, frame] = await upgrade(port, "origin: https://shop.example");

// A server that does not pass upgrades on.
const other = createServer(nodeListeners(handler).request as RequestListener);
const otherPort = await listen(other);
const [without, body] = await upgrade(otherPort);

client.close();
refused.close();
handler.close();
for (const each of [server, other]) {
  each.close();
  each.closeAllConnections();
}
await system.shutdown();
console.log(JSON.stringify({
  added,
  message,
  resumed: await resumed,
  addedMeanwhile,
  refusal,
  overHttp,
  streamed,
  longClosed,
  tooLarge: posted.status,
  plain: plain.status,
  foreign,
  own: [own, frame === undefined],
  without: [without, body?.includes("nodeListeners")],
  peers: [...peers],
}));
