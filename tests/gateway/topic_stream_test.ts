/** Topics over HTTP: server-sent events. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { GatewayError, gatewayFetch, type GatewayTopicEvent } from "../../gateway_client.ts";
import { topicEvents } from "../../lib/gateway/client/topic_events.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { type Api, serveGateway, startNode, type Total } from "./shop.ts";
import { fakeHost } from "./fake_host.ts";

const headers = { accept: "text/event-stream", authorization: "Bearer ann" };

/** A client that reads as it likes. */
class RawReader {
  text = "";
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();

  private constructor(response: Response) {
    this.response = response;
    this.#reader = response.body!.getReader();
  }

  static async open(url: string, more: Record<string, string> = {}): Promise<RawReader> {
    const response = await fetch(`${url}/topics/totals`, { headers: { ...headers, ...more } });
    assertEquals(response.status, 200);
    return new RawReader(response);
  }

  /** Reads until the text has so many events. */
  async events(count: number): Promise<GatewayTopicEvent<Total>[]> {
    const found = () => [...this.text.matchAll(/^data: (.*)\n\n/gm)].map(([, data]) => data!);
    while (found().length < count) {
      const { value, done } = await this.#reader.read();
      assert(!done, `the stream has ended after ${this.text}`);
      this.text += this.#decoder.decode(value, { stream: true });
    }
    return found().map((data) => JSON.parse(data));
  }

  /** The id of the latest event. */
  get id(): string {
    return this.text.match(/^id: (.*)$/gm)!.at(-1)!.slice("id: ".length);
  }

  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const message = (total: number): GatewayTopicEvent<Total> => ({
  type: "message",
  message: { counter: "x", total },
});

Deno.test("a topic is published to by POST, and read by server-sent events", async () => {
  await using node = await startNode();
  await using gateway = serveGateway(node);
  const client = gatewayFetch<Api>({ url: gateway.url, token: () => "ann" });
  const totals = client.topic("totals");
  await totals.publish({ counter: "x", total: 1 });
  const seen: unknown[] = [];
  for await (const event of totals.subscribe()) {
    seen.push(event);
    if (seen.length === 3) break;
    await totals.publish({ counter: "x", total: seen.length + 1 });
  }
  // The first one is retained.
  assertEquals(seen, [message(1), message(2), message(3)]);
  const refused = await assertRejects(() => totals.publish({ no: 1 } as never), GatewayError);
  assertEquals(refused.code, "badInput");
  await until(() => gateway.handler.facts.sockets === 0);

  const controller = new AbortController();
  const aborted = totals.subscribe({ signal: controller.signal });
  assertEquals((await aborted.next()).value, message(3));
  const waiting = aborted.next();
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  await until(() => gateway.handler.facts.sockets === 0);
});

Deno.test("a stream goes on behind the last event that its client has", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host);
  const first = await RawReader.open(gateway.url);
  await until(() => world.readers.size === 1);
  const [topic] = world.readers;
  for (let total = 1; total <= 3; total++) topic!.offer({ counter: "x", total });
  assertEquals(await first.events(3), [1, 2, 3].map(message));
  assertEquals(first.response.headers.get("cache-control"), "no-store");
  const { id } = first;
  await first.close();
  await until(() => gateway.handler.facts.sockets === 0);
  // What was published while it was away, and what it has lost on its way.
  for (let total = 4; total <= 5; total++) topic!.offer({ counter: "x", total });
  const behindSecond = id.replace(/3$/, "2");
  const again = await RawReader.open(gateway.url, { "last-event-id": behindSecond });
  assertEquals(await again.events(3), [3, 4, 5].map(message));
  assertEquals(gateway.handler.facts.sessions, 1);
  // A second connection takes the session over.
  const third = await RawReader.open(gateway.url, { "last-event-id": again.id });
  topic!.offer({ counter: "x", total: 6 });
  assertEquals(await third.events(1), [message(6)]);
  await assertRejects(() => again.events(4));
  await third.close();
});

Deno.test("a stream that cannot go on begins with a gap, and nobody gets that of another", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { maxSessionsPerPrincipal: 100 });
  const owner = await RawReader.open(gateway.url);
  await until(() => world.readers.size === 1);
  const [topic] = world.readers;
  topic!.offer({ counter: "secret", total: 1 });
  await owner.events(1);
  const { id } = owner;
  const lost: GatewayTopicEvent<Total> = { type: "gap", missed: 0, reason: "sessionLost" };
  const [session, secret] = id.split(".");
  const guess = secret!.replace(/^./, (digit) => digit === "0" ? "1" : "0");
  const wrong: Record<string, string>[] = [
    { "last-event-id": "no id" },
    { "last-event-id": `${session}.${guess}.0` },
    { "last-event-id": `${guess}.${secret}.0` },
    { "last-event-id": `${session}.${secret}.0`, authorization: "Bearer eve" },
  ];
  for (const more of wrong) {
    const reader = await RawReader.open(gateway.url, more);
    assertEquals(await reader.events(1), [lost]);
    assert(!reader.id.startsWith(session!));
    await reader.close();
  }
  // The owner was not disturbed.
  topic!.offer({ counter: "x", total: 2 });
  assertEquals((await owner.events(2))[1], message(2));
  // A number that it cannot have ends the session.
  const ahead = await RawReader.open(gateway.url, { "last-event-id": `${session}.${secret}.99` });
  assertEquals(await ahead.events(1), [lost]);
  await ahead.close();
  await owner.close();
});

Deno.test("a session of a WebSocket is not gone on with by a stream, nor the reverse", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host);
  const reader = await RawReader.open(gateway.url);
  await reader.events(0);
  await until(() => world.readers.size === 1);
  const [topic] = world.readers;
  topic!.offer({ counter: "x", total: 1 });
  await reader.events(1);
  const [session, secret] = reader.id.split(".");
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/socket`, [
    "casty.gateway.1",
    `casty.token.${btoa("ann")}`,
  ]);
  await new Promise((resolve) => socket.onopen = resolve);
  socket.send(
    JSON.stringify({ type: "hello", version: 1, resume: { session, secret, received: 0 } }),
  );
  const welcome = await new Promise<{ session: string; secret: string; resumed: boolean }>(
    (resolve) => socket.onmessage = ({ data }) => resolve(JSON.parse(data)),
  );
  assertEquals([welcome.resumed, welcome.session === session], [false, false]);
  const other = await RawReader.open(gateway.url, {
    "last-event-id": `${welcome.session}.${welcome.secret}.0`,
  });
  assertEquals((await other.events(1))[0]?.type, "gap");
  await other.close();
  await reader.close();
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
});

Deno.test("a stream whose client reads nothing costs no more than its window, and has a gap", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { window: 16, slowAfter: 100 });
  // Called without a server: nothing reads the body but this test.
  const request = new Request(`${gateway.url}/topics/totals`, { headers });
  const unread = (await gateway.handler(request)).body!;
  await until(() => world.readers.size === 1);
  const [topic] = world.readers;
  const counter = "x".repeat(1_000);
  for (let total = 1; total <= 1_000; total++) topic!.offer({ counter, total });
  await until(() => gateway.handler.facts.bufferedBytes > 15_000);
  assert(gateway.handler.facts.bufferedBytes < 20_000, `${gateway.handler.facts.bufferedBytes}`);
  // It is disconnected, and may come back.
  await until(() => gateway.handler.facts.sockets === 0);
  await assertRejects(() => unread.getReader().read());
  assertEquals(gateway.handler.facts.sessions, 1);
});

Deno.test("a reader that is slow gets all messages, or the exact number that it has missed", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { window: 32 });
  const client = gatewayFetch<Api>({
    url: gateway.url,
    token: () => "ann",
    fetch: (url, init) => gateway.handler(new Request(url, init)),
  });
  const reader = client.topic("totals").subscribe();
  const first = reader.next();
  await until(() => world.readers.size === 1);
  const [topic] = world.readers;
  for (let total = 1; total <= 500; total++) topic!.offer({ counter: "x", total });
  let seen = 0;
  let gaps = 0;
  const count = (event: GatewayTopicEvent<Total>) => {
    if (event.type === "message") assertEquals(event.message.total, ++seen);
    else {
      assertEquals(event.reason, "overflow");
      gaps++;
      seen += event.missed;
    }
  };
  count((await first).value!);
  while (seen < 500) count((await reader.next()).value!);
  assert(gaps > 0);
  topic!.offer({ counter: "x", total: 501 });
  count((await reader.next()).value!);
  assertEquals(seen, 501);
  await reader.return!();
});

Deno.test("what a principal may not read, and requests that are no streams, are refused", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, {
    authorize: ({ id }) => id !== "eve",
    maxSocketsPerPrincipal: 2,
  });
  const status = async (topic: string, more: Record<string, string> = {}) => {
    const response = await fetch(`${gateway.url}/topics/${topic}`, {
      headers: { ...headers, ...more },
    });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status("totals", { authorization: "" }), 401);
  assertEquals(await status("totals", { authorization: "Bearer eve" }), 403);
  assertEquals(await status("none"), 404);
  assertEquals(await status("totals", { accept: "*/*" }), 406);
  assertEquals(await status("totals", { origin: "https://evil.example" }), 403);
  assertEquals(world.readers.size, 0);
  const readers = [await RawReader.open(gateway.url), await RawReader.open(gateway.url)];
  assertEquals(await status("totals"), 429);
  for (const reader of readers) await reader.close();
  const refused = gatewayFetch<Api>({ url: gateway.url, token: () => "eve" }).topic("totals");
  const error = await assertRejects(() => refused.subscribe().next(), GatewayError);
  assertEquals(error.code, "unauthorized");
  const wrong = gatewayFetch<Api>({ url: `${gateway.url}/x`, token: () => "ann" }).topic("totals");
  const notThere = await assertRejects(() => wrong.subscribe().next(), GatewayError);
  assertEquals(notThere.code, "badProtocol");
});

Deno.test("a request whose principal is looked for while the gateway closes is refused, and opens nothing", async () => {
  await using world = fakeHost();
  const asked = Promise.withResolvers<void>();
  const found = Promise.withResolvers<{ id: string }>();
  await using gateway = serveGateway(world.host, {
    authenticate: () => {
      asked.resolve();
      return found.promise;
    },
  });
  const answered = fetch(`${gateway.url}/topics/totals`, { headers });
  await asked.promise;
  gateway.handler.close();
  found.resolve({ id: "ann" });
  const response = await answered;
  await response.body?.cancel();
  assertEquals([response.status, gateway.handler.facts.sessions, world.readers.size], [503, 0, 0]);
});

Deno.test("each message arrives once and in order, or a gap says how many are missing, however often the connection breaks", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const clock = new ManualClock();
    await using world = fakeHost();
    await using gateway = serveGateway(world.host, { window: 16, messagesPerSecond: 10_000 });
    // Breaks at a random byte, whatever was written.
    const broken = (body: ReadableStream<Uint8Array>) => {
      let left = 200 + Math.floor(random.next() * 3_000);
      const source = body.getReader();
      return new ReadableStream<Uint8Array>({
        async pull(controller) {
          const { value, done } = await source.read();
          if (done) return controller.close();
          controller.enqueue(value.subarray(0, left));
          left -= value.length;
          if (left > 0) return;
          await source.cancel();
          controller.error(new Error("broken"));
        },
        cancel: () => source.cancel(),
      }, { highWaterMark: 0 });
    };
    const events = topicEvents<Total>({
      open: async (lastEventId, signal) => {
        const response = await gateway.handler(
          new Request(`${gateway.url}/topics/totals`, {
            headers: { ...headers, ...(lastEventId && { "last-event-id": lastEventId }) },
            signal,
          }),
        );
        return new Response(broken(response.body!));
      },
      clock,
      random,
      signal: undefined,
    });
    let total = 0;
    let seen = 0;
    let waiting = events.next();
    await until(() => world.readers.size === 1);
    const [topic] = world.readers;
    while (seen < 300) {
      if (total < 300) {
        const more = Math.floor(random.next() * 12);
        for (let count = 0; count < more && total < 300; count++) {
          topic!.offer({ counter: "x", total: ++total });
        }
      }
      // Pauses between connections.
      await clock.advance(5_000);
      const settled = await Promise.race([
        waiting,
        new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1)),
      ]);
      if (settled === undefined) continue;
      const event = settled.value!;
      if (event.type === "message") assertEquals(event.message.total, ++seen, `seed ${seed}`);
      else {
        assertEquals(event.reason, "overflow", `seed ${seed}`);
        seen += event.missed;
      }
      if (seen < 300) waiting = events.next();
    }
    await events.return();
  }
});
