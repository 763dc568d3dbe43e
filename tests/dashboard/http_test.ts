import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Socket } from "node:net";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { dashboard } from "../../lib/dashboard/dashboard.ts";
import { maxStreamsPerIdentity } from "../../lib/dashboard/server/live_streams.ts";
import { TransportError } from "../../lib/transport/base/errors.ts";
import { RecordedLog } from "../../lib/testkit/recorded_log.ts";

async function node(): Promise<{ system: ClusteredActorSystem; log: RecordedLog }> {
  const log = new RecordedLog();
  const system = await ClusteredActorSystem.start({
    name: "served",
    host: "127.0.0.1",
    port: 0,
    stallDetection: false,
    logger: log,
  });
  return { system, log };
}

const lines = (log: RecordedLog) =>
  log.lines.filter(({ source }) => source === "dashboard").map((line) => line);

Deno.test("the log shows the address with a random token once, and never a given one", async () => {
  const { system, log } = await node();
  await using _end = system;
  await using first = await dashboard(system, { port: 0 });
  assertEquals(first.token.length, 48);
  assertEquals(lines(log).map(({ level, fields }) => [level, fields?.url]), [
    ["warn", first.openUrl],
  ]);
  await first.close();
  const token = "a-token-of-the-user";
  await using second = await dashboard(system, { port: 0, token });
  const shown = lines(log).slice(1);
  assertEquals(shown.map(({ level, fields }) => [level, fields?.url]), [["info", second.url]]);
  assert(!JSON.stringify(shown).includes(token));
});

Deno.test("a browser logs in with the token once, and goes on with the cookie", async () => {
  const { system } = await node();
  await using _end = system;
  await using board = await dashboard(system, { port: 0 });
  const refused = await fetch(board.url);
  assertEquals(refused.status, 401);
  assert(!(await refused.text()).includes(board.token));
  const login = await fetch(board.openUrl);
  assertEquals(login.status, 200);
  await login.body!.cancel();
  const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
  const page = await fetch(board.url, { headers: { cookie } });
  assert((await page.text()).includes("/assets/main.js"));
  const policy = page.headers.get("content-security-policy")!;
  assert(policy.includes("default-src 'none'") && !policy.includes("unsafe"), policy);
  assertEquals(page.headers.get("access-control-allow-origin"), null);
  const script = await fetch(`${board.url}assets/main.js`, { headers: { cookie } });
  assertEquals(script.headers.get("content-type"), "text/javascript; charset=utf-8");
  assert((await script.text()).includes("render("));
  const plain = { cookie, "accept-encoding": "identity" };
  const style = await fetch(`${board.url}assets/style.css`, { headers: plain });
  assertEquals(style.headers.get("content-encoding"), null);
  assert((await style.text()).startsWith(":root"));
  for (const path of ["assets/main.js", "api/view/cluster", "api/live/cluster", "api/about"]) {
    const response = await fetch(board.url + path);
    await response.body?.cancel();
    assertEquals(response.status, 401, path);
  }
});

/** The raw answer to a raw request. */
function raw(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new Socket();
    let text = "";
    socket.on("data", (chunk) => text += chunk);
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
    socket.connect(port, "127.0.0.1", () => socket.write(request));
  });
}

Deno.test("a request for another host, a large one and a malformed one are refused", async () => {
  const { system } = await node();
  await using _end = system;
  await using board = await dashboard(system, { port: 0 });
  const authorization = `Authorization: Bearer ${board.token}\r\nConnection: close\r\n`;
  const other = await raw(
    board.port,
    `GET /api/view/cluster HTTP/1.1\r\nHost: evil.example\r\n${authorization}\r\n`,
  );
  assert(other.startsWith("HTTP/1.1 403 "), other);
  const own = await raw(
    board.port,
    `GET /api/view/cluster HTTP/1.1\r\nHost: localhost:${board.port}\r\n${authorization}\r\n`,
  );
  assert(own.startsWith("HTTP/1.1 200 ") && own.includes('"served"'), own);
  const headers = { authorization: `Bearer ${board.token}`, "x-casty-dashboard": "action" };
  const url = `${board.url}api/actions`;
  const large = await fetch(url, { method: "POST", headers, body: "x".repeat(100_000) });
  await large.body?.cancel();
  assertEquals(large.status, 413);
  const strange = await fetch(url, { method: "PUT", headers, body: "{}" });
  await strange.body?.cancel();
  assertEquals(strange.status, 405);
  const malformed = await raw(board.port, "NONSENSE\r\n\r\n");
  assert(malformed === "" || malformed.startsWith("HTTP/1.1 400 "), malformed);
  const after = await fetch(`${board.url}api/about`, { headers });
  assertEquals((await after.json()).actions, false);
});

Deno.test("a page is live over HTTP, and ends with the node", async () => {
  const { system } = await node();
  const board = await dashboard(system, { port: 0 });
  const headers = { authorization: `Bearer ${board.token}` };
  const live = await fetch(`${board.url}api/live/cluster`, { headers });
  assertEquals(live.headers.get("content-type"), "text/event-stream");
  const reader = live.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const readUntil = async (done: () => boolean) => {
    while (!done()) {
      const { value, done: ended } = await reader.read();
      if (ended) return;
      text += value;
    }
  };
  await readUntil(() => text.includes("event: summary") && text.includes("event: view"));
  await readUntil(() => text.split("event: view").length > 2);
  assertEquals((await fetch(`${board.url}api/view/nothing`, { headers })).status, 404);

  const more = await Promise.all(
    Array.from(
      { length: maxStreamsPerIdentity },
      () => fetch(`${board.url}api/live/logs`, { headers }),
    ),
  );
  assertEquals(more.map(({ status }) => status).filter((status) => status === 429), [429]);
  await Promise.all(more.map(({ body }) => body?.cancel()));

  const ended = readUntil(() => false).catch(() => {});
  await system.shutdown();
  await ended;
  await board.close();
  const closed = await fetch(board.url).then(() => false, () => true);
  assert(closed, "the port is open still");
});

Deno.test("a port that cannot be opened is named with code and remedy, and leaves nothing behind", async () => {
  const { system } = await node();
  await using _end = system;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const taken = await assertRejects(() => dashboard(system, { port }), TransportError);
  assertEquals([taken.code, taken.value], ["addressInUse", `127.0.0.1:${port}`]);
  assertStringIncludes(taken.message, `cannot listen on 127.0.0.1:${port}: another socket`);
  assertStringIncludes(taken.message, "use port 0");
  const foreign = { hostname: "192.0.2.1", port: 0 };
  const other = await assertRejects(() => dashboard(system, foreign), TransportError);
  assertEquals(other.code, "addressNotAvailable");
  await using board = await dashboard(system, { port: 0 });
  assert(board.port > 0);
});
