/** A page that reads a topic with the EventSource of Chromium, as docs/gateway.md says. */
import { assert, assertEquals } from "@std/assert";
import { gatewayHandler } from "../../gateway.ts";
import { startChromium, withChromium } from "../chromium.ts";
import { fakeHost } from "./fake_host.ts";
import { api } from "./shop.ts";

const page = `<!DOCTYPE html><title>totals</title><script type="module">
globalThis.seen = [];
globalThis.opened = 0;
globalThis.source = new EventSource("/gateway/topics/totals");
source.onopen = () => opened++;
source.onmessage = ({ data }) => seen.push(JSON.parse(data));
</script>`;

/** The page and a gateway; a visitor is the cookie that the page has set. */
function serveTotals(host: Parameters<typeof gatewayHandler>[0], port = 0) {
  const handler = gatewayHandler(host, api, {
    authenticate: ({ headers }) => {
      const id = /visitor=(\w+)/.exec(headers.get("cookie") ?? "")?.[1];
      return id === undefined ? undefined : { id };
    },
  });
  /** Ends all connections, as a proxy that restarts. */
  let cut = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, onListen() {} },
    async (request, info) => {
      if (new URL(request.url).pathname === "/") {
        const headers = {
          "content-type": "text/html",
          "set-cookie": "visitor=ann; SameSite=Strict",
        };
        return new Response(page, { headers });
      }
      const { body, status, headers } = await handler(request, info);
      if (body === null) return new Response(null, { status, headers });
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      body.pipeTo(writable, { signal: cut.signal, preventAbort: true }).catch(() => {
        // Either it was cut, or the page has gone away.
        writable.close().catch(() => {});
      });
      return new Response(readable, { status, headers });
    },
  );
  return {
    handler,
    port: server.addr.port,
    url: `http://127.0.0.1:${server.addr.port}/`,
    cut() {
      cut.abort();
      cut = new AbortController();
    },
    async [Symbol.asyncDispose]() {
      handler.close();
      cut.abort();
      await server.shutdown();
    },
  };
}

Deno.test({
  name:
    "an EventSource reads a topic, comes back behind its last event, and learns of a lost session",
  ...withChromium,
}, async () => {
  await using world = fakeHost();
  let site = serveTotals(world.host);
  await using browser = await startChromium();
  try {
    const tab = await browser.newPage();
    const problems: string[] = [];
    tab.on("pageerror", ({ message }) => problems.push(message));
    await tab.goto(site.url);
    await tab.waitForFunction("opened === 1");
    const publish = (total: number) => {
      for (const reader of world.readers) reader.offer({ counter: "x", total });
    };
    const seen = async () => await tab.evaluate("seen") as unknown[];
    const message = (total: number) => ({ type: "message", message: { counter: "x", total } });

    publish(1);
    publish(2);
    await tab.waitForFunction("seen.length === 2");
    assertEquals(await seen(), [message(1), message(2)]);

    // The connection breaks; the browser comes back by itself, with the id of its last event.
    site.cut();
    publish(3);
    await tab.waitForFunction("opened === 2");
    publish(4);
    await tab.waitForFunction("seen.length === 4");
    assertEquals(await seen(), [1, 2, 3, 4].map(message));
    assertEquals(site.handler.facts.sessions, 1);

    // Another gateway takes the place of the first, and has no session of it.
    const { port } = site;
    await site[Symbol.asyncDispose]();
    site = serveTotals(world.host, port);
    await tab.waitForFunction("opened === 3");
    publish(5);
    await tab.waitForFunction("seen.length === 6");
    const [gap, last] = (await seen()).slice(4) as { type: string; reason: string }[];
    assertEquals([gap!.type, gap!.reason], ["gap", "sessionLost"]);
    assertEquals(last as unknown, message(5));

    // A page that goes away ends its stream.
    await tab.close();
    while (site.handler.facts.sockets > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assertEquals(problems, []);
    assert(site.handler.facts.sessions <= 1);
  } finally {
    await site[Symbol.asyncDispose]();
  }
});
