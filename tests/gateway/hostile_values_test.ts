/** Values that a client chooses to make a gateway or its node stumble. */
import { assertEquals } from "@std/assert";
import { Behaviors, entityType, Topic } from "../../mod.ts";
import type { ActorRef } from "../../mod.ts";
import { gateway, gatewayHandler } from "../../gateway.ts";
import type { GatewayHost } from "../../gateway.ts";
import { ClusterClient } from "../../client.ts";
import { gatewayClient } from "../../gateway_client.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { schema, startNode } from "./shop.ts";

type Echo = { value: unknown; replyTo: ActorRef<unknown> };
const Echoes = entityType<Echo>("echoes", { numShards: 4 });
const Anything = Topic<unknown>("anything");
const any = schema("anything", (_value): _value is unknown => true);
const fussy = schema("shallow", (value): value is unknown => {
  // As a schema that is recursive does.
  const depth = (each: unknown): number => Array.isArray(each) ? 1 + depth(each[0]) : 0;
  return depth(value) < 10;
});
const api = gateway.api({
  echoes: gateway.entity(Echoes, ({ ask, tell }) => ({
    echo: ask({ input: any, message: (replyTo, value) => ({ value, replyTo }) }),
    fussy: ask({ input: fussy, message: (replyTo, value) => ({ value, replyTo }) }),
    tell: tell({ input: any, message: (value) => ({ value, replyTo: undefined as never }) }),
  })),
  anything: gateway.topic(Anything, { publish: any }),
  fussy: gateway.topic(Anything, { publish: fussy, subscribe: false }),
});

function serve(host: GatewayHost) {
  const handler = gatewayHandler(host, api, { authenticate: () => ({ id: "eve" }) });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  const url = `http://127.0.0.1:${server.addr.port}/gateway`;
  return {
    handler,
    url,
    async [Symbol.asyncDispose]() {
      handler.close();
      await server.shutdown();
    },
  };
}

/** JSON that is nested so deeply that what is recursive overflows the stack. */
const deepText = `${"[".repeat(20_000)}1${"]".repeat(20_000)}`;

Deno.test("deeply nested values fail their own operation, and nothing else", async () => {
  await using node = await startNode();
  node.spawn(Behaviors.sharded(Echoes, () =>
    Behaviors.receive((_context, { value, replyTo }) => {
      replyTo?.tell(value);
      return Behaviors.same();
    })));
  await using handler = gatewayHandler(node, api, { authenticate: () => ({ id: "eve" }) });
  const post = async (path: string) => {
    const response = await handler(
      new Request(`http://127.0.0.1/gateway/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: deepText,
      }),
    );
    return (await response.json()).failure?.code;
  };
  const codes: unknown[] = [];
  for (const path of ["echo", "fussy", "tell"]) codes.push(await post(`entities/echoes/x/${path}`));
  for (const path of ["anything", "fussy"]) codes.push(await post(`topics/${path}`));
  assertEquals(codes, ["badReply", "badInput", undefined, undefined, "badInput"]);
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/gateway/socket`, [
    "casty.gateway.1",
  ]);
  const frames: string[] = [];
  const heard = async (test: (frame: string) => boolean) => {
    while (!frames.some(test)) {
      assertEquals(socket.readyState, WebSocket.OPEN);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return frames.find(test)!;
  };
  socket.onmessage = ({ data }) => frames.push(data);
  await new Promise((resolve) => socket.onopen = resolve);
  socket.send('{"type":"hello","version":1}');
  const call = (id: number, operation: string) =>
    socket.send(
      `[${id},0,{"type":"call","id":${id},"entity":"echoes","key":"x","operation":"${operation}","timeout":1000,"input":${deepText}}]`,
    );
  call(1, "echo");
  call(2, "fussy");
  call(3, "tell");
  socket.send(`[4,0,{"type":"subscribe","id":4,"topic":"anything"}]`);
  socket.send(`[5,0,{"type":"publish","id":5,"topic":"anything","message":${deepText}}]`);
  socket.send(`[6,0,{"type":"publish","id":6,"topic":"fussy","message":${deepText}}]`);
  for (const id of [1, 2, 3, 5, 6]) {
    const frame = await heard((each) =>
      each.includes(`"id":${id},`) || each.includes(`"id":${id}}`)
    );
    codes.push(JSON.parse(frame)[2].code);
  }
  assertEquals(codes.slice(5), ["badReply", "badInput", undefined, undefined, "badInput"]);
  // Its subscriber learns that there was one.
  const gap = await heard((each) => each.includes('"gap"'));
  assertEquals(JSON.parse(gap)[2], { type: "gap", id: 4, missed: 1, reason: "notSendable" });
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
});

Deno.test("a gateway closes before its node or client does, and its clients go elsewhere", async () => {
  await using other = await startNode();
  await using second = serve(other);
  const onNode = async () => {
    const node = await startNode();
    return { host: node, stop: () => node.shutdown() };
  };
  const onClient = async () => {
    const client = await ClusterClient.connect({
      contactPoints: [other.address],
      systemName: "shop",
      logger: silentLogger,
    });
    return { host: client, stop: () => client.close() };
  };
  for (const start of [onNode, onClient]) {
    const { host, stop } = await start();
    await using first = serve(host);
    await using client = gatewayClient<typeof api>({ urls: [first.url, second.url] });
    const reader = client.topic("anything").subscribe();
    await client.topic("anything").publish(1);
    assertEquals((await reader.next()).value, { type: "message", message: 1 });
    await stop();
    // What was published would have been lost, and the subscription silent.
    assertEquals((await reader.next()).value, { type: "gap", missed: 0, reason: "sessionLost" });
    await client.topic("anything").publish(2);
    assertEquals((await reader.next()).value, { type: "message", message: 2 });
    const response = await first.handler(new Request(`${first.url}/topics/anything`));
    assertEquals([response.status, first.handler.facts.sessions], [503, 0]);
  }
});
