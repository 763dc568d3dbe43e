/** What a client can do to a gateway, and what it cannot. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ClusteredActorSystem } from "../../mod.ts";
import type { GatewayHost, GatewayOptions } from "../../gateway.ts";
import { gatewayClient, GatewayError, gatewayFetch } from "../../gateway_client.ts";
import { gatewaySubprotocol, tokenSubprotocol } from "../../lib/gateway/protocol/frames.ts";
import { closeReasonOf } from "../../lib/gateway/protocol/close_codes.ts";
import { fakeHost } from "./fake_host.ts";
import { type Api, serveGateway } from "./shop.ts";

/** A client that says what it likes. */
class RawClient {
  readonly frames: string[] = [];
  readonly closed: Promise<string | undefined>;
  readonly socket: WebSocket;
  readonly #waiting = new Set<() => void>();

  constructor(url: string, token = "eve") {
    this.socket = new WebSocket(`${url.replace("http", "ws")}/socket`, [
      gatewaySubprotocol,
      tokenSubprotocol + btoa(token).replaceAll("=", ""),
    ]);
    const closed = Promise.withResolvers<string | undefined>();
    this.closed = closed.promise;
    this.socket.onclose = ({ code }) => {
      closed.resolve(closeReasonOf(code) ?? String(code));
      for (const wake of this.#waiting) wake();
    };
    this.socket.onmessage = ({ data }) => {
      this.frames.push(data);
      for (const wake of this.#waiting) wake();
    };
  }

  async open(): Promise<this> {
    if (this.socket.readyState === WebSocket.CONNECTING) {
      await new Promise((resolve) => this.socket.onopen = resolve);
    }
    return this;
  }

  say(frame: unknown): void {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** The first frame that fits; what is missing fails by the close of the socket. */
  async heard(test: (frame: string) => boolean): Promise<string> {
    for (;;) {
      const found = this.frames.find(test);
      if (found !== undefined) return found;
      if (this.socket.readyState !== WebSocket.OPEN) {
        throw new Error(`closed: ${await this.closed}`);
      }
      await new Promise<void>((resolve) => {
        const wake = () => (this.#waiting.delete(wake), resolve());
        this.#waiting.add(wake);
      });
    }
  }

  async hello(resume?: object): Promise<{ session: string; secret: string; resumed: boolean }> {
    await this.open();
    this.say({ type: "hello", version: 1, ...(resume && { resume }) });
    return JSON.parse(await this.heard((frame) => frame.includes('"welcome"')));
  }
}

/** The status line for a body without a length that never ends. */
async function chunked(port: number, path: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = [
    `POST /gateway${path} HTTP/1.1`,
    "host: x",
    "authorization: Bearer ann",
    "content-type: application/json",
    "transfer-encoding: chunked",
    "",
    `800\r\n${"x".repeat(2_048)}`,
    "",
  ];
  await connection.write(new TextEncoder().encode(head.join("\r\n")));
  const answer = new Uint8Array(1_024);
  const length = await connection.read(answer);
  return new TextDecoder().decode(answer.subarray(0, length ?? 0)).split("\r\n")[0]!;
}

const call = (number: number, more: object = {}) => [
  number,
  0,
  {
    type: "call",
    id: number,
    entity: "counters",
    key: "x",
    operation: "get",
    timeout: 1_000,
    ...more,
  },
];

Deno.test("frames that break the protocol end the session with their reason", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { maxMessageBytes: 2_000, window: 8 });
  const broken: [string, unknown[]][] = [
    ["badProtocol", ["no JSON"]],
    ["badProtocol", [{ type: "unknown" }]],
    ["badProtocol", [[1, 0, { type: "call", id: 1 }]]],
    ["badProtocol", [[1, 0, { type: "unknown", id: 1 }]]],
    ["badProtocol", [[2, 0, { type: "unsubscribe", id: 1 }]]],
    ["badProtocol", [[1, 99, { type: "unsubscribe", id: 1 }]]],
    ["badProtocol", [{ type: "ack", received: 99 }]],
    ["badProtocol", [{ type: "ack", received: -1 }]],
    ["badProtocol", [{ type: "hello", version: 1 }]],
    ["badProtocol", [[1, 0, { type: "subscribe", id: 1, topic: "totals" }], call(2, { id: 1 })]],
    ["tooLarge", [call(1, { input: "x".repeat(2_000) })]],
  ];
  for (const [reason, frames] of broken) {
    const client = new RawClient(gateway.url);
    await client.hello();
    for (const frame of frames) client.say(frame);
    assertEquals(await client.closed, reason, JSON.stringify(frames).slice(0, 100));
  }
  assertEquals(gateway.handler.facts.sessions, 0);
  assertEquals(gateway.handler.facts.sockets, 0);
  assertEquals(world.handled, []);
});

Deno.test("binary frames, a late hello and another version are refused", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { helloTimeout: 50 });
  const binary = await new RawClient(gateway.url).open();
  binary.socket.send(new Uint8Array([1, 2, 3]));
  assertEquals(await binary.closed, "badProtocol");
  assertEquals(await new RawClient(gateway.url).closed, "helloTimeout");
  const old = await new RawClient(gateway.url).open();
  old.say({ type: "hello", version: 0 });
  assertEquals(await old.closed, "badProtocol");
});

Deno.test("a client that ignores its window is closed, and what it sent beyond is not done", async () => {
  await using world = fakeHost([], () => new Promise(() => {}));
  await using gateway = serveGateway(world.host, { window: 8, maxCallsPerPrincipal: 4 });
  const client = new RawClient(gateway.url);
  await client.hello();
  // 4 are under way, 8 wait, and one is too much.
  for (let number = 1; number <= 13; number++) client.say(call(number));
  assertEquals(await client.closed, "windowExceeded");
  assertEquals(world.handled.length, 4);
});

Deno.test("a principal that sends too much waits; others do not", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { messagesPerSecond: 10 });
  await using eve = gatewayClient<Api>({ url: gateway.url, token: () => "eve" });
  await using ann = gatewayClient<Api>({ url: gateway.url, token: () => "ann" });
  const started = performance.now();
  const all = Array.from({ length: 25 }, () => eve.entity("counters", "x").get());
  await all[9];
  assertEquals(await ann.entity("counters", "x").get(), 1);
  const annAfter = performance.now() - started;
  await Promise.all(all);
  const eveAfter = performance.now() - started;
  // 10 at once, and 10 in each second: the last one is not before 1.5 s.
  assert(eveAfter >= 1_400, `${eveAfter} ms`);
  assert(annAfter < eveAfter);
  // Two sockets have one budget.
  const fetcher = gatewayFetch<Api>({ url: gateway.url, token: () => "eve" });
  const refused = (await Promise.allSettled(
    Array.from({ length: 20 }, () => fetcher.entity("counters", "x").get()),
  )).filter((result) => result.status === "rejected").map(({ reason }) => reason.code);
  const served = all.length + 20 - refused.length;
  const seconds = (performance.now() - started) / 1_000;
  assert(served <= 10 + 10 * seconds, `${served} in ${seconds} s`);
  assert(refused.length > 0);
  assertEquals(new Set(refused), new Set(["tooManyRequests"]));
});

Deno.test("sockets, sessions and subscriptions of a principal are bounded", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, {
    maxSocketsPerPrincipal: 2,
    maxSessionsPerPrincipal: 3,
    maxSubscriptions: 2,
  });
  const first = new RawClient(gateway.url);
  const second = new RawClient(gateway.url);
  const { session, secret } = await first.hello();
  await second.hello();
  assertEquals(await new RawClient(gateway.url).closed, "tooManySockets");
  await new RawClient(gateway.url, "ann").hello();
  for (let number = 1; number <= 3; number++) {
    first.say([number, 0, { type: "subscribe", id: number, topic: "totals" }]);
  }
  await first.heard((frame) => frame.includes("tooManySubscriptions"));
  assertEquals(world.readers.size, 2);

  // Sessions without a connection make room, the oldest first.
  first.socket.close();
  await first.closed;
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await until(() => gateway.handler.facts.sockets === 2);
  for (let count = 0; count < 3; count++) {
    const more = new RawClient(gateway.url);
    await more.hello();
    more.socket.close();
    await more.closed;
    await until(() => gateway.handler.facts.sockets === 2);
  }
  // Three of eve, one of ann.
  assertEquals(gateway.handler.facts.sessions, 4);
  assertEquals(world.readers.size, 0, "the session that was dropped has ended its subscriptions");
  const late = await new RawClient(gateway.url).hello({ session, secret, received: 0 });
  assert(!late.resumed);
  assert(late.session !== session);
});

Deno.test("a principal that opens and closes sockets without end is refused; others are not", async () => {
  await using world = fakeHost();
  // Three in a second are too many, so a machine that is busy is fast enough.
  await using gateway = serveGateway(world.host, { messagesPerSecond: 2 });
  const reasons: unknown[] = [];
  for (let count = 0; count < 30; count++) {
    const client = new RawClient(gateway.url);
    await client.open();
    client.socket.close();
    reasons.push(await client.closed);
  }
  const refused = reasons.filter((reason) => reason === "tooManySockets").length;
  assert(refused > 0, `${refused}`);
  await new RawClient(gateway.url, "ann").hello();
});

/** A client that becomes a WebSocket, and never answers the close of the gateway. */
async function lingering(port: number, token?: string): Promise<{ status: string } & Disposable> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = [
    "GET /gateway/socket HTTP/1.1",
    "host: x",
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ...token === undefined ? [] : [`authorization: Bearer ${token}`],
  ];
  await connection.write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n`));
  const answer = new Uint8Array(1_024);
  const length = await connection.read(answer);
  const text = new TextDecoder().decode(answer.subarray(0, length ?? 0));
  return { status: text.slice(9, 12), [Symbol.dispose]: () => connection.close() };
}

Deno.test("clients that do not answer the close of their socket are bounded, and keep nobody out", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { helloTimeout: 20, maxSocketsPerPrincipal: 4 });
  const count = (held: readonly { status: string }[], status: string) =>
    held.filter((each) => each.status === status).length;
  const refused: Awaited<ReturnType<typeof lingering>>[] = [];
  for (let at = 0; at < 270; at++) refused.push(await lingering(gateway.port));
  assertEquals([count(refused, "101"), count(refused, "401")], [256, 14]);
  // One with credentials that says no hello is closed as often as it comes, and then refused.
  const eve: typeof refused = [];
  while (count(eve, "503") === 0) {
    eve.push(await lingering(gateway.port, "eve"));
    while (gateway.handler.facts.sockets > 0) await new Promise((done) => setTimeout(done, 5));
  }
  assertEquals(count(eve, "101"), 16);
  await new RawClient(gateway.url, "ann").hello();
  for (const each of [...refused, ...eve]) each[Symbol.dispose]();
  // Once they are gone, refused clients learn why again.
  for (let status = ""; status !== "101";) {
    using again = await lingering(gateway.port);
    status = again.status;
  }
});

Deno.test("a session is resumed with its secret, by its principal only", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host);
  const owner = new RawClient(gateway.url, "ann");
  const { session, secret } = await owner.hello();
  const guess = secret.replace(/^./, (digit) => digit === "0" ? "1" : "0");
  const wrong = [
    { token: "ann", resume: { session, secret: guess, received: 0 } },
    { token: "ann", resume: { session, secret: "", received: 0 } },
    { token: "ann", resume: { session: guess, secret, received: 0 } },
    { token: "eve", resume: { session, secret, received: 0 } },
  ];
  for (const { token, resume } of wrong) {
    const client = new RawClient(gateway.url, token);
    if (resume.secret === "") {
      await client.open();
      client.say({ type: "hello", version: 1, resume });
      assertEquals(await client.closed, "badProtocol");
      continue;
    }
    const welcome = await client.hello(resume);
    assert(!welcome.resumed && welcome.session !== session);
  }
  // The owner was not disturbed.
  owner.say({ type: "ping" });
  await owner.heard((frame) => frame.includes("pong"));
  const again = new RawClient(gateway.url, "ann");
  assert((await again.hello({ session, secret, received: 0 })).resumed);
  assertEquals(await owner.closed, "replaced");
});

Deno.test("a repeated frame is not done twice", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host);
  const client = new RawClient(gateway.url);
  const { session, secret } = await client.hello();
  client.say(call(1));
  client.say(call(1));
  client.say(call(2));
  await client.heard((frame) => frame.includes('"id":2'));
  assertEquals(world.handled.length, 2);
  const again = new RawClient(gateway.url);
  await again.hello({ session, secret, received: 0 });
  again.say(call(1));
  again.say(call(2));
  again.say(call(3));
  await again.heard((frame) => frame.includes('"id":3'));
  assertEquals(world.handled.length, 3);
  // What was not acknowledged has come again, under its number.
  assertEquals(
    again.frames.filter((frame) => frame.startsWith("[")).map((frame) => JSON.parse(frame)[0]),
    [1, 2, 3],
  );
});

Deno.test("a client that reads nothing gets a gap, and costs no more than its window", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { window: 16, slowAfter: 200, resumeFor: 60_000 });
  const client = new RawClient(gateway.url);
  const { session, secret } = await client.hello();
  client.say([1, 0, { type: "subscribe", id: 1, topic: "totals" }]);
  await client.heard((frame) => frame.includes('"ack"'));
  const [reader] = world.readers;
  const message = { counter: "x".repeat(1_000), total: 1 };
  for (let count = 0; count < 1_000; count++) reader!.offer(message);
  // It never acknowledges.
  assertEquals(await client.closed, "slowClient");
  const { bufferedBytes } = gateway.handler.facts;
  assert(bufferedBytes > 10_000 && bufferedBytes < 20_000, `${bufferedBytes}`);
  const again = new RawClient(gateway.url);
  assert((await again.hello({ session, secret, received: 16 })).resumed);
  const gap = await again.heard((frame) => frame.includes('"gap"'));
  assertEquals(JSON.parse(gap)[2], { type: "gap", id: 1, missed: 984, reason: "overflow" });
  // What waits for a session that ends is given back.
  reader!.offer(message);
  await again.heard((frame) => frame.includes('"message"'));
  assert(gateway.handler.facts.bufferedBytes > 1_000);
  again.say("no JSON");
  assertEquals(await again.closed, "badProtocol");
  assertEquals(gateway.handler.facts.bufferedBytes, 0);
});

Deno.test("what waits for all clients together is bounded", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { maxBufferedBytes: 65_536, slowAfter: 60_000 });
  const clients = await Promise.all(Array.from({ length: 4 }, async () => {
    const client = new RawClient(gateway.url);
    await client.hello();
    client.say([1, 0, { type: "subscribe", id: 1, topic: "totals" }]);
    await client.heard((frame) => frame.includes('"ack"'));
    return client;
  }));
  const message = { counter: "x".repeat(1_000), total: 1 };
  for (let count = 0; count < 100; count++) {
    for (const reader of world.readers) reader.offer(message);
  }
  await Promise.all(clients.map((client) => client.heard((frame) => frame.includes("message"))));
  for (const client of clients) {
    client.say({ type: "ping" });
    await client.heard((frame) => frame.includes("pong"));
  }
  const { bufferedBytes } = gateway.handler.facts;
  assert(bufferedBytes < 65_536 + 2_000, `${bufferedBytes}`);
});

Deno.test("pages of foreign origins are refused", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { origins: ["https://shop.example"] });
  const post = async (origin: string | undefined, more: HeadersInit = {}) => {
    const response = await fetch(`${gateway.url}/entities/counters/x/get`, {
      method: "POST",
      headers: {
        authorization: "Bearer ann",
        "content-type": "application/json",
        ...(origin !== undefined && { origin }),
        ...more,
      },
    });
    await response.body?.cancel();
    return [response.status, response.headers.get("access-control-allow-origin")];
  };
  assertEquals(await post(undefined), [200, null]);
  assertEquals(await post(new URL(gateway.url).origin), [200, null]);
  assertEquals(await post("https://shop.example"), [200, "https://shop.example"]);
  assertEquals(await post("https://evil.example"), [403, null]);
  assertEquals(await post("null"), [403, null]);
  // A form needs no preflight, and is no JSON.
  assertEquals(await post(undefined, { "content-type": "text/plain" }), [415, null]);
  const upgrade = await fetch(`${gateway.url}/socket`, {
    headers: { origin: "https://evil.example" },
  });
  assertEquals(upgrade.status, 403);
  assertEquals(world.handled.length, 3);
});

Deno.test("requests that are too long or of no use are refused before they are handled", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { maxMessageBytes: 1_000 });
  const post = async (path: string, body: BodyInit | null, headers: HeadersInit = {}) => {
    const response = await fetch(gateway.url + path, {
      method: "POST",
      headers: { authorization: "Bearer ann", "content-type": "application/json", ...headers },
      body,
    });
    await response.body?.cancel();
    return response.status;
  };
  const get = "/entities/counters/x/get";
  assertEquals(await post(get, "x".repeat(2_000)), 413);
  assertEquals(await chunked(gateway.port, get), "HTTP/1.1 413 Payload Too Large");
  assertEquals(await post(get, "{"), 400);
  assertEquals(await post(get, "1"), 400);
  assertEquals(await post("/entities/counters/x/toString", null), 404);
  assertEquals(await post("/entities/__proto__/x/get", null), 404);
  assertEquals(await post("/entities/counters/%/get", null), 404);
  assertEquals(await post("/nothing", null), 404);
  assertEquals(await post(get, null, { authorization: "" }), 401);
  assertEquals(world.handled, []);
});

Deno.test("an authenticate that fails refuses, and says nothing of its error", async () => {
  await using world = fakeHost();
  const broken: GatewayOptions["authenticate"][] = [
    () => {
      throw new Error("a secret of the server");
    },
    () => Promise.reject(new Error("a secret of the server")),
    () => ({ id: "" }),
    () => ({ id: 5 }) as never,
  ];
  for (const authenticate of broken) {
    await using gateway = serveGateway(world.host, { authenticate });
    const error = await assertRejects(
      () => gatewayFetch<Api>({ url: gateway.url }).entity("counters", "x").get(),
      GatewayError,
    );
    assertEquals([error.code, error.message.includes("secret")], ["unauthenticated", false]);
    assertEquals(await new RawClient(gateway.url).closed, "unauthenticated");
  }
});

Deno.test("principals that do something are bounded, and idle ones make room", async () => {
  await using world = fakeHost();
  await using gateway = serveGateway(world.host, { maxPrincipals: 2 });
  const ann = new RawClient(gateway.url, "ann");
  const bob = new RawClient(gateway.url, "bob");
  await ann.hello();
  await bob.hello();
  assertEquals(await new RawClient(gateway.url, "eve").closed, "tooManySockets");
  const error = await assertRejects(
    () => gatewayFetch<Api>({ url: gateway.url, token: () => "eve" }).entity("counters", "x").get(),
    GatewayError,
  );
  assertEquals(error.code, "tooManyRequests");
  assertEquals(gateway.handler.facts.principals, 2);
});

// The type of a whole node fits, too.
((node: ClusteredActorSystem): GatewayHost => node) satisfies unknown;
