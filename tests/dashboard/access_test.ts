import { assert, assertEquals } from "@std/assert";
import {
  Access,
  type AccessFacts,
  isOwnOrigin,
  sessionTime,
} from "../../lib/dashboard/server/access.ts";

const token = "0123456789abcdef";

function access(hosts: readonly string[] = []): Access {
  let sessions = 0;
  return new Access(token, hosts, () => `session-${++sessions}`, "node");
}

const facts = (given: Partial<AccessFacts> = {}): AccessFacts => ({
  host: "127.0.0.1:25580",
  authorization: null,
  cookie: null,
  token: null,
  ...given,
});

Deno.test("a request without the token, or with a wrong one, is refused", () => {
  const judge = access();
  const wrong = [
    {},
    { authorization: "Bearer 0123456789abcdeF" },
    { authorization: `Basic ${token}` },
    { authorization: `Bearer ${token}x` },
    { authorization: `Bearer ${"x".repeat(100_000)}` },
    { token: "" },
    { token: `${token} ` },
    { cookie: `casty_dashboard_node=${token}` },
    { cookie: "casty_dashboard_node=session-1" },
  ];
  for (const given of wrong) {
    const verdict = judge.judge(facts(given), 0);
    assertEquals(verdict.type === "refused" && verdict.status, 401, JSON.stringify(given));
  }
});

Deno.test("the token admits as a header, and in the address only to set a cookie", () => {
  const judge = access();
  const bearer = judge.judge(facts({ authorization: `Bearer ${token}` }), 0);
  assertEquals(bearer, { type: "admitted", identity: "bearer" });
  const login = judge.judge(facts({ token }), 0);
  assert(login.type === "login");
  assertEquals(login.cookie.split("; "), [
    "casty_dashboard_node=session-1",
    "Path=/",
    "HttpOnly",
    "SameSite=Strict",
    "Max-Age=43200",
  ]);
  const cookie = "other=1; casty_dashboard_node=session-1";
  assertEquals(judge.judge(facts({ cookie }), 1), { type: "admitted", identity: "session-1" });
  const late = judge.judge(facts({ cookie }), sessionTime);
  assertEquals(late.type === "refused" && late.status, 401);
});

Deno.test("only so many sessions are kept: the oldest ends", () => {
  const judge = access();
  for (let i = 0; i < 65; i++) judge.judge(facts({ token }), 0);
  const of = (session: number) =>
    judge.judge(facts({ cookie: `casty_dashboard_node=session-${session}` }), 1).type;
  assertEquals([of(1), of(2), of(65)], ["refused", "admitted", "admitted"]);
});

Deno.test("a request for another host is refused, also with the token", () => {
  const judge = access(["board.example.org"]);
  const authorization = `Bearer ${token}`;
  const type = (host: string | null) => judge.judge(facts({ host, authorization }), 0).type;
  const admitted = [
    "localhost",
    "LOCALHOST:1",
    "127.0.0.1:25580",
    "[::1]:25580",
    "Board.Example.org",
  ];
  for (const host of admitted) assertEquals(type(host), "admitted", host);
  const refused = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:25580",
    "127.0.0.2",
    "localhost@evil.example",
    "board.example.org.evil",
    "localhost:25580:1",
    "",
    null,
  ];
  for (const host of refused) assertEquals(type(host), "refused", String(host));
});

Deno.test("an action has to come from the dashboard's own page, or from a program", () => {
  const host = "127.0.0.1:25580";
  const own = { host, origin: `http://${host}`, site: "same-origin", action: "action" };
  assert(isOwnOrigin(own));
  assert(isOwnOrigin({ ...own, origin: null, site: null }));
  assert(!isOwnOrigin({ ...own, action: null }));
  assert(!isOwnOrigin({ ...own, site: "same-site" }));
  assert(!isOwnOrigin({ ...own, site: "cross-site" }));
  assert(!isOwnOrigin({ ...own, origin: "http://evil.example" }));
  assert(!isOwnOrigin({ ...own, origin: "http://127.0.0.1:1" }));
  assert(!isOwnOrigin({ ...own, origin: "null" }));
});
