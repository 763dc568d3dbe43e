import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { adminOf } from "../../lib/admin/admin_access.ts";
import {
  maxTopEntities,
  maxTopic,
  parseAdminAnswer,
  parseAdminRequest,
} from "../../lib/admin/admin_protocol.ts";
import { AdminError } from "../../lib/admin/errors.ts";
import { judgeDown } from "../../lib/admin/manual_downing.ts";
import { RecentLosses } from "../../lib/admin/recent_losses.ts";
import type { ClusterMember } from "../../lib/cluster/node/cluster_state.ts";

const facts = { name: "alice", hosts: [], fingerprint: "", notAfter: 0 };

Deno.test("only an admin's certificate permits requests; without TLS anybody may look", () => {
  assertEquals(adminOf({ identity: { kind: "admin", ...facts } }, { type: "down" }), "alice");
  for (const kind of ["client", "node"] as const) {
    for (const type of ["status", "down"] as const) {
      const refused = adminOf({ identity: { kind, ...facts } }, { type });
      assert(refused instanceof AdminError && refused.code === "notAdmin");
      assertStringIncludes(refused.message, `${kind} alice`);
    }
  }
  assertEquals(adminOf({ identity: { kind: "plain" } }, { type: "explain" }), "anybody");
  for (const type of ["down", "leave"] as const) {
    const refused = adminOf({ identity: { kind: "plain" } }, { type });
    assert(refused instanceof AdminError && refused.code === "needsTls");
  }
});

Deno.test("requests of another shape or beyond the bounds are none", () => {
  const good = [
    { type: "status", request: 1 },
    { type: "members", request: 1, from: 500 },
    { type: "shards", request: 1, shardType: "", from: 0 },
    { type: "explain", request: 1, topic: "joining" },
    { type: "top", request: 1, limit: maxTopEntities },
    { type: "down", request: 1, address: "a:1", force: false },
    { type: "leave", request: 1 },
  ];
  for (const request of good) assertEquals(parseAdminRequest(request) as unknown, request);
  const bad = [
    undefined,
    "status",
    { type: "status" },
    { type: "status", request: -1 },
    { type: "status", request: 1.5 },
    { type: "members", request: 1, from: "0" },
    { type: "shards", request: 1, shardType: 3, from: 0 },
    { type: "explain", request: 1, topic: "x".repeat(maxTopic + 1) },
    { type: "top", request: 1, limit: 0 },
    { type: "top", request: 1, limit: maxTopEntities + 1 },
    { type: "down", request: 1, address: "a".repeat(301), force: true },
    { type: "down", request: 1, address: "a:1" },
    { type: "restart", request: 1 },
  ];
  for (const request of bad) assertEquals(parseAdminRequest(request), undefined);
});

Deno.test("answers of another shape are none", () => {
  const report = { type: "report", request: 1, value: { a: 1 } };
  const refused = { type: "adminRefused", request: 1, code: "a", reason: "b", remedy: "c" };
  assertEquals(parseAdminAnswer(report) as unknown, report);
  assertEquals(parseAdminAnswer(refused) as unknown, refused);
  for (
    const answer of [null, { ...report, request: "1" }, { ...refused, reason: 1 }, { request: 1 }]
  ) {
    assertEquals(parseAdminAnswer(answer), undefined);
  }
});

const member = (address: string, more: Partial<ClusterMember> = {}): ClusterMember => ({
  address,
  nodeId: address,
  incarnation: 1,
  status: "up",
  roles: [],
  upNumber: 1,
  reachable: true,
  ...more,
});

Deno.test("a reachable member is declared down by force only, and a node never downs itself", () => {
  const self = member("a:1");
  const members = [
    self,
    member("b:1"),
    member("c:1", { reachable: false }),
    member("d:1", { status: "down" }),
  ];
  const state = { self, members };
  const code = (address: string, force = false, of = state) => {
    const verdict = judgeDown(of, address, force);
    return verdict instanceof AdminError ? verdict.code : verdict;
  };
  assertEquals(code("b:1"), "memberReachable");
  assertEquals(code("b:1", true), "declare");
  assertEquals(code("c:1"), "declare");
  assertEquals(code("d:1"), "down");
  assertEquals(code("e:1", true), "unknownMember");
  assertEquals(code("a:1", true), "notPossible");
  const joining = { self: member("a:1", { status: "joining" }), members };
  assertEquals(code("c:1", false, joining), "notPossible");
});

Deno.test("recent losses are counted by target and reason, the latest first, and bounded", () => {
  const losses = new RecentLosses();
  losses.add("/a", "stopped", 0);
  losses.add("/b", "expired", 10);
  losses.add("/a", "stopped", 20);
  assertEquals(losses.list(30), [
    { target: "/a", reason: "stopped", count: 2, ago: 10 },
    { target: "/b", reason: "expired", count: 1, ago: 20 },
  ]);
  for (let index = 0; index < 1_000; index++) losses.add(`/${"x".repeat(1_000)}${index}`, "a", 40);
  for (let index = 0; index < 1_000; index++) losses.add(`/${index}`, "a", 40);
  const kept = losses.list(40);
  assert(kept.length <= 64 && kept.every(({ target }) => target.length <= 300));
});
