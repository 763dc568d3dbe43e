import { assert, assertEquals } from "@std/assert";
import v8 from "node:v8";
import vm from "node:vm";
import { RefTable } from "../../lib/remoting/ref_table.ts";
import { RemoteRef } from "../../lib/remoting/remote_ref.ts";
import { TestRef } from "../wire/values.ts";

const peer = (name: string) => ({
  address: `client:${name}`,
  identity: { kind: "client", name } as const,
});
const sender = { tell: () => {} };

/** What a system does with an address that has arrived. */
function arrive(
  table: RefTable,
  path: string,
  uid: number,
  from?: ReturnType<typeof peer>,
  node = "a:1",
): unknown {
  const known = table.find(node, path, uid);
  if (known !== undefined) return known;
  const made = new RemoteRef(sender, node, path, uid);
  table.add(node, path, uid, made, from);
  return made;
}

/** References that arrive twice each, one after the other. */
function arriveTwice(
  table: RefTable,
  count: number,
  name: string,
  from = peer(name),
  first = 1,
): unknown[] {
  return Array.from({ length: count }, (_, index) => {
    const uid = first + index;
    const ref = arrive(table, `/${name}-${uid}`, uid, from);
    assert(arrive(table, `/${name}-${uid}`, uid, from) === ref);
    return ref;
  });
}

Deno.test("an address that has arrived twice is one object, however many come in between", () => {
  const table = new RefTable();
  const refs = arriveTwice(table, 5_000, "worker");
  refs.forEach((ref, index) => {
    assert(arrive(table, `/worker-${index + 1}`, index + 1) === ref);
  });
});

Deno.test("addresses without an incarnation are found as well, although some share a slot", () => {
  const table = new RefTable();
  const refs = Array.from({ length: 3_000 }, (_, index) => {
    const ref = arrive(table, `/by-path-${index}`, 0);
    assert(arrive(table, `/by-path-${index}`, 0) === ref);
    return ref;
  });
  refs.forEach((ref, index) => assert(arrive(table, `/by-path-${index}`, 0) === ref));
  // The same path at another node is another actor.
  assert(arrive(table, "/by-path-1", 0, undefined, "b:1") !== refs[1]);
});

Deno.test("a reference that is not the address that has arrived is found by that address", () => {
  const table = new RefTable();
  const entity = new TestRef({ node: "self:1", path: "/carts/alice", uid: 0 });
  table.add("a:1", "/_entity-20-carts;alice", 0, entity, undefined);
  assert(table.find("a:1", "/_entity-20-carts;alice", 0) === entity);
  assertEquals(table.find("self:1", "/carts/alice", 0), undefined);
  arriveTwice(table, 5_000, "worker");
  for (let index = 0; index < 3_000; index++) arrive(table, `/x-${index}`, 0);
  assert(table.find("a:1", "/_entity-20-carts;alice", 0) === entity);
  assert(table.find("a:1", "/_entity-20-carts;alice", 0) === entity);
});

Deno.test("another node, path or incarnation is another object, in the same slot as well", () => {
  const table = new RefTable();
  const ref = arrive(table, "/a", 5);
  assert(arrive(table, "/a", 5) === ref);
  assertEquals(table.find("b:1", "/a", 5), undefined);
  for (const [path, uid] of [["/b", 5], ["/a", 5 + 1_024]] as const) {
    const other = arrive(table, path, uid);
    assert(other !== ref && arrive(table, path, uid) === other);
  }
  assert(arrive(table, "/a", 5) === ref);
});

Deno.test("a reference that arrives once is recent for a while, and costs nothing afterwards", () => {
  const table = new RefTable();
  const held = Array.from(
    { length: 20_000 },
    (_, uid) => arrive(table, `/session-${uid}`, uid + 1),
  );
  assertEquals(table.size, 0);
  assert(arrive(table, "/session-19999", 20_000) === held.at(-1));
  assert(arrive(table, "/session-0", 1) !== held[0]);
});

Deno.test("what one peer sends takes a bounded share, and others still have theirs", () => {
  const table = new RefTable();
  const held = [arriveTwice(table, 20_000, "evil")];
  assertEquals(table.size, 8_192);
  // Another connection of the same certificate has no other share.
  const again = { ...peer("evil"), address: "client:another" };
  held.push(arriveTwice(table, 30_000, "more", again));
  assertEquals(table.size, 8_192);
  const good = arrive(table, "/good", 60_000, peer("good"));
  assert(arrive(table, "/good", 60_000, peer("good")) === good);
  held.push(arriveTwice(table, 5_000, "late", peer("evil")));
  assert(arrive(table, "/good", 60_000, peer("good")) === good);
  // And all of them together. Each has numbers of its own.
  for (let n = 1; n <= 8; n++) {
    for (let uid = 100_000 * n; uid < 100_000 * n + 6_000; uid++) {
      for (const _ of [1, 2]) held.push([arrive(table, `/many-${uid}`, uid, peer(`evil-${n}`))]);
    }
  }
  assertEquals(table.size, 32_768);
  assert(held.length > 0);
});

Deno.test("one that takes the number of another is not found, and the other still is", () => {
  const table = new RefTable();
  const good = arrive(table, "/good", 7, peer("good"));
  assert(arrive(table, "/good", 7, peer("good")) === good);
  arriveTwice(table, 2_000, "others");
  const held = Array.from({ length: 100 }, (_, index) => {
    const forged = arrive(table, `/forged-${index}`, 7, peer("evil"));
    assert(forged !== good);
    assert(arrive(table, `/forged-${index}`, 7, peer("evil")) === forged);
    return forged;
  });
  assert(arrive(table, "/good", 7, peer("good")) === good);
  assert(held.length === 100);
});

Deno.test("what is not alive any more is forgotten, and its share is free again", async () => {
  v8.setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc") as () => void;
  const table = new RefTable();
  const from = peer("busy");
  arriveTwice(table, 20_000, "gone", from);
  assertEquals(table.size, 8_192);
  // What was looked at stays alive until the turn of the event loop has ended.
  await new Promise((resolve) => setTimeout(resolve));
  gc();
  const held = arriveTwice(table, 20_000, "alive", from, 100_000);
  const found = held.filter((ref, index) => {
    return table.find("a:1", `/alive-${100_000 + index}`, 100_000 + index) === ref;
  });
  assert(found.length > 8_000, `${found.length}`);
});
