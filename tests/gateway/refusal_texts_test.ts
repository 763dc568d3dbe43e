/** Requests that are none of the gateway's: the author of a client reads why. */
import { assert, assertEquals } from "@std/assert";
import { fakeHost } from "./fake_host.ts";
import { serveGateway } from "./shop.ts";

const cases: readonly (readonly [string, string, RequestInit, number, RegExp])[] = [
  ["a GET of an operation", "/entities/counters/x/get", {}, 405, /GET is not possible.*POST/],
  ["a POST of no JSON", "/entities/counters/x/get", { method: "POST" }, 415, /application\/json/],
  ["a topic as a page", "/topics/totals", {}, 406, /text\/event-stream/],
  ["the path of WebSockets", "/socket", {}, 426, /WebSockets/],
  [
    "a foreign page",
    "/topics/totals",
    { headers: { origin: "https://evil.example" } },
    403,
    /origins/,
  ],
  ["another path", "/../gate/topics/totals", {}, 404, /begin with \/gateway\//],
];

for (const [what, path, init, status, why] of cases) {
  Deno.test(`a gateway refuses ${what} with a reason`, async () => {
    await using world = fakeHost();
    await using gateway = serveGateway(world.host);
    const headers = { authorization: "Bearer ann", ...init.headers };
    const response = await fetch(gateway.url + path, { ...init, headers });
    const text = await response.text();
    assertEquals(response.status, status, text);
    assert(why.test(text), text);
    assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
    assertEquals(response.headers.get("x-content-type-options"), "nosniff");
    assertEquals(response.headers.get("access-control-allow-origin"), null);
    assertEquals(world.handled, []);
  });
}
