import { assertEquals } from "@std/assert";
import {
  type AskFailure,
  failHeldAsks,
  type HeldAsk,
  holdAsk,
} from "../../lib/actor/ref/held_ask.ts";
import type { Ref } from "../../lib/actor/ref/ref.ts";
import type { SystemInternals } from "../../lib/actor/system/system_internals.ts";
import {
  type AbortedAsk,
  AbortedAsks,
  maxWaitingReports,
  searchInterval,
} from "../../lib/remoting/aborted_asks.ts";
import { type LostAsk, LostAsks, parseLostAsk } from "../../lib/remoting/lost_asks.ts";
import {
  maxHeldPerAccount,
  RemoteAsks,
  RemoteReplyRef,
  type ReplySender,
} from "../../lib/remoting/remote_asks.ts";
import { maxRoutedPerAccount, RoutedAsks } from "../../lib/remoting/routed_asks.ts";
import type { PeerLog } from "../../lib/remoting/peer_log.ts";
import type { NodePeer, Peer } from "../../lib/transport/base/peer.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { parseRejections } from "../../lib/remoting/rejections.ts";
import { parseWatchMessage } from "../../lib/remoting/watch_protocol.ts";

const many = (item: unknown) => Array.from({ length: 65 }, () => item);

Deno.test("messages about watches are taken apart field by field, and others are refused", () => {
  const item = { id: 1, path: "/a", uid: 2 };
  const good = [
    { type: "watch", session: 0, items: [item] },
    { type: "watching", session: 7, ids: [1, 2] },
    { type: "gone", items: [{ id: 1, reason: "failed" }] },
    { type: "forget", ids: [] },
    { type: "forgotten", ids: [0] },
  ];
  for (const message of good) assertEquals(parseWatchMessage(message), message as never);
  assertEquals(parseWatchMessage({ ...good[0], items: [{ ...item, more: 1 }], more: 1 }), {
    type: "watch",
    session: 0,
    items: [item],
  });
  const bad = [
    undefined,
    null,
    "watch",
    {},
    { type: "unknown" },
    { type: "watch" },
    { type: "watch", session: 0, items: {} },
    { type: "watch", session: -1, items: [item] },
    { type: "watching", ids: [1] },
    { type: "watch", session: 0, items: [null] },
    { type: "watch", session: 0, items: [{ ...item, id: -1 }] },
    { type: "watch", session: 0, items: [{ ...item, id: "1" }] },
    { type: "watch", session: 0, items: [{ ...item, uid: 0.5 }] },
    { type: "watch", session: 0, items: [{ ...item, path: "a" }] },
    { type: "watch", session: 0, items: [{ ...item, path: "/".repeat(3_000) }] },
    { type: "watch", session: 0, items: many(item) },
    { type: "watching", session: 0, ids: [NaN] },
    { type: "watching", session: 0, ids: many(1) },
    { type: "gone", items: [{ id: 1, reason: "nodeDown" }] },
    { type: "gone", items: [{ id: 1 }] },
  ];
  for (const message of bad) assertEquals(parseWatchMessage(message), undefined);
});

Deno.test("reports of lost asks may say more, which older and newer versions ignore", () => {
  const report = { replyTo: "/_ask/7", uid: 7, target: "/a", reason: "stopped" };
  const exact = { ...report, failure: "handlerFailed", details: "RangeError: boom" };
  assertEquals(parseLostAsk(exact), exact as never);
  const letter = { ...report, reason: "noShardOwner", failure: "unknownType" };
  assertEquals(parseLostAsk(letter), letter as never);
  // What only this end can know is not believed, nor what a later version has added.
  for (const failure of ["aborted", "cycle", "tooManyAsks", "later", 7, null]) {
    assertEquals(parseLostAsk({ ...report, failure, details: 7 }), report as never);
  }
  // The node of a router knows that of its routee.
  const removed = { ...report, failure: "ownerLost" };
  assertEquals(parseLostAsk(removed), removed as never);
  const routed = { ...report, asker: "a:1" };
  assertEquals(parseLostAsk(routed), routed as never);
  for (const asker of [7, null, "x".repeat(5_000)]) {
    assertEquals(parseLostAsk({ ...report, asker }), undefined);
  }
  assertEquals(parseLostAsk({ ...report, details: "x".repeat(5_000) })?.details?.length, 1_024);
});

Deno.test("a report of a rejected ask has what the actor has answered, within bounds", () => {
  const report = { replyTo: "/_ask/7", uid: 7, target: "/a", reason: "invalidMessage" };
  const rejected = { ...report, failure: "rejected" };
  const rejection = { message: "not enough money", code: "overdrawn" };
  assertEquals(parseLostAsk({ ...rejected, rejection }), { ...rejected, rejection } as never);
  const long = { message: "x".repeat(5_000), code: "y".repeat(5_000), details: {}, other: 1 };
  const parsed = parseLostAsk({ ...rejected, rejection: long })!.rejection!;
  assertEquals(Object.keys(parsed), ["message", "code"]);
  assertEquals([parsed.message.length, parsed.code!.length], [1_024, 256]);
  for (const bad of ["text", 7, null, []]) {
    assertEquals(parseLostAsk({ ...rejected, rejection: bad })?.rejection, undefined);
  }
  // Only with that failure.
  assertEquals(parseLostAsk({ ...report, rejection })?.rejection, undefined);
});

Deno.test("what is reported is known to every version, and says nothing of handlers to clients", () => {
  const sent: [string, LostAsk][] = [];
  const internals = { nodeAddress: "a:1" } as SystemInternals;
  new LostAsks({
    internals,
    peerLog: undefined as never,
    clock: new ManualClock(),
    send: (to, report) => void sent.push([to, report]),
    mayReach: () => true,
  });
  const cause = new TypeError(`boom ${"x".repeat(2_000)}`);
  const report = (node: string, failure: AskFailure) => {
    internals.onForeignAskLost!({ node, path: "/_ask/7", uid: 7 } as Ref<unknown>, "/a", failure);
    return sent.pop()?.[1];
  };
  const about = { replyTo: "/_ask/7", uid: 7, target: "/a" };
  const details = `TypeError: ${cause.message}`.slice(0, 1_024);
  const failed = { reason: "stopped", failure: "handlerFailed" } as const;
  assertEquals(report("b:1", { reason: "handlerFailed", cause }), { ...about, ...failed, details });
  assertEquals(report("client:x", { reason: "handlerFailed", cause }), { ...about, ...failed });
  assertEquals(report("client:x", { reason: "badEntityId", details: "why" }), {
    ...about,
    reason: "noSuchActor",
    failure: "badEntityId",
    details: "why",
  });
  assertEquals(report("b:1", { reason: "stopped", cause }), { ...about, reason: "stopped" });
  assertEquals(report("a:1", { reason: "stopped" }), undefined);
});

Deno.test("of the asks of one peer that are not answered, the oldest are forgotten", () => {
  const asks = new RemoteAsks();
  const failed: string[] = [];
  const sender: ReplySender = {
    remoteAsks: asks,
    tell: () => {},
    reportFailure: ({ path }) => void failed.push(path),
  };
  const ask = (number: number, address: string) => {
    const ref = new RemoteReplyRef(sender, address, `/_ask/${number}`, number);
    ref.from = { address };
    return ref;
  };
  const actor = { heldAsks: undefined as HeldAsk | undefined, forwards: false };
  const others = ask(0, "client:other");
  holdAsk(actor, others);
  const all = Array.from({ length: maxHeldPerAccount + 3 }, (_, n) => ask(n + 1, "client:busy"));
  for (const each of all) holdAsk(actor, each);
  assertEquals(all.filter(({ heldBy }) => heldBy === undefined), all.slice(0, 3));
  // One that is answered makes room.
  all[3]!.tell("reply");
  holdAsk(actor, ask(99_999, "client:busy"));
  assertEquals([all[3]!.heldAsk, all[4]!.heldBy], [undefined, actor]);
  asks.forget({ address: "client:busy" });
  assertEquals([actor.heldAsks, others.heldAfter], [others, undefined]);
  failHeldAsks(actor, { reason: "stopped" });
  assertEquals(failed, ["/_ask/0"]);
});

Deno.test("of a node that is gone no ask is kept, answered or not", () => {
  const asks = new RemoteAsks();
  const sender = { remoteAsks: asks, tell: () => {} } as unknown as ReplySender;
  const actor = { heldAsks: undefined as HeldAsk | undefined, forwards: false };
  const ask = (number: number, address: string) => {
    const ref = new RemoteReplyRef(sender, address, `/_ask/${number}`, number);
    ref.from = { address };
    holdAsk(actor, ref);
    return ref;
  };
  ask(1, "a:1").tell("reply");
  const open = ask(2, "b:1");
  const [staying, more] = [ask(3, "c:1"), ask(4, "b:1")];
  assertEquals(asks.accounts, 3);
  asks.onRemoved("a:1");
  assertEquals([asks.accounts, open.heldBy, more.heldBy], [2, actor, actor]);
  asks.onRemoved("b:1");
  assertEquals([open.heldBy, more.heldBy, staying.heldBy], [undefined, undefined, actor]);
  assertEquals(asks.accounts, 1);
});

const routedAsk = (number: number, peer: { address: string }, of: Partial<RemoteReplyRef> = {}) => {
  const sender = { tell: () => {} } as unknown as ReplySender;
  const made = new RemoteReplyRef(sender, of.node ?? peer.address, `/_ask/${number}`, number);
  made.from = peer;
  made.waitsUntil = of.waitsUntil;
  made.via = of.via;
  return made;
};

Deno.test("asks that routers have passed on are kept by asker, within bounds, until their deadline", () => {
  const routed = new RoutedAsks();
  const busy = { address: "client:busy" };
  const other = routedAsk(0, { address: "a:1" });
  routed.add(other, "c:1", 0);
  const all = Array.from({ length: maxRoutedPerAccount + 3 }, (_, n) => routedAsk(n + 1, busy));
  for (const each of all) routed.add(each, "b:1", 0);
  assertEquals(all.filter((each) => routed.take(each) === undefined), all.slice(0, 3));
  assertEquals(routed.take(other, "b:1"), undefined); // It was passed on to another node.
  assertEquals([routed.take(other, "c:1"), routed.take(other, "c:1")], [other, undefined]);
  // Those whose askers have given up make room, and are not reported.
  const [late, awaited, last] = [10, 30, 15].map((waitsUntil, n) =>
    routedAsk(n, busy, { waitsUntil })
  );
  for (const each of [late!, awaited!]) routed.add(each, "b:1", 0);
  routed.add(last!, "b:1", 12);
  assertEquals(routed.take(late!), undefined);
  assertEquals(routed.takeAllOf("c:1", 20), []);
  assertEquals(routed.takeAllOf("b:1", 20), [awaited!]);
  assertEquals(routed.takeAllOf("b:1", 20), []);
  // Nobody waits any more.
  routed.add(other, "c:1", 0);
  assertEquals(routed.takeAllOf("a:1", 0), []);
  routed.add(last!, "b:1", 0);
  routed.forget(busy);
  assertEquals([routed.take(other), routed.take(last!)], [undefined, undefined]);
  // A client may not name the ask of another.
  const forged = routedAsk(7, busy, { node: "a:1" });
  routed.add(forged, "b:1", 0);
  assertEquals(routed.take(forged), undefined);
});

Deno.test("an ask that two nodes have sent here is kept once, and that of the asker itself stays", () => {
  const routed = new RoutedAsks();
  const via = (address: string, number: number) => {
    const ask = routedAsk(number, { address }, { node: "a:1" });
    ask.via = { address } as never;
    return ask;
  };
  const own = routedAsk(1, { address: "a:1" });
  routed.add(own, "b:1", 0);
  routed.add(via("bad:1", 1), "c:1", 0);
  assertEquals(routed.takeAllOf("b:1", 0), [own]);
  // One that was passed on twice: the later one counts, also when the former node goes.
  const [former, later] = [via("d:1", 2), via("e:1", 2)];
  routed.add(former!, "b:1", 0);
  routed.add(later!, "c:1", 0);
  routed.forget({ address: "d:1" } as never);
  assertEquals(routed.takeAllOf("b:1", 0), []);
  assertEquals(routed.take(later!), later);
});

Deno.test("a routed ask that comes back is forgotten; if it was unread, it is routed again as it was", () => {
  const routed = new RoutedAsks();
  const asker = { address: "a:1" };
  const arrived = (number: number) => routedAsk(number, { address: "b:1" }, { node: "a:1" });
  for (const isUnread of [false, true]) {
    const ask = routedAsk(1, asker, { waitsUntil: 30 });
    ask.askedAt = "/places";
    routed.add(ask, "b:1", 0, "/_region-places", ["x", {}, 1]);
    const again = arrived(1);
    routed.takeBack(again, isUnread);
    assertEquals(routed.takeAllOf("b:1", 0), []);
    assertEquals([again.askedAt, again.from?.address], isUnread ? ["/places", "a:1"] : ["", "b:1"]);
    assertEquals([routed.isSentAgain(again), routed.isSentAgain(again)], [isUnread, false]);
  }
  // Those of an entity.
  for (const id of ["x", "y"]) {
    const ask = routedAsk(id === "x" ? 2 : 3, asker);
    routed.add(ask, "b:1", 0, "/_region-places", [id, {}, 1]);
  }
  const taken = routed.takeWhere(({ entityId }) => entityId === "x", 0);
  assertEquals(taken.map(({ path }) => path), ["/_ask/2"]);
  assertEquals(routed.takeAllOf("b:1", 0).map(({ path }) => path), ["/_ask/3"]);
  // One that was never passed on.
  routed.takeBack(arrived(9), true);
  assertEquals(routed.isSentAgain(arrived(9)), false);
});

Deno.test("a node is told of a lost ask that it has sent for another, if it has the feature", () => {
  const sent: [string, LostAsk][] = [];
  const internals = { nodeAddress: "c:1" } as SystemInternals;
  const lostAsks = new LostAsks({
    internals,
    peerLog: undefined as never,
    clock: new ManualClock(),
    send: (to, report) => void sent.push([to, report]),
    mayReach: () => true,
  });
  const router = (routedAsks: boolean) =>
    ({ role: "node", address: "b:1", routedAsks }) as NodePeer;
  const about = { replyTo: "/_ask/7", uid: 7, target: "/it", reason: "stopped" } as const;
  for (const knows of [false, true]) {
    const ask = routedAsk(7, router(knows), { node: "a:1", via: router(knows) });
    internals.onForeignAskLost!(ask, "/it", { reason: "stopped" });
    const told = ["b:1", { ...about, asker: "a:1" }];
    assertEquals(sent.splice(0), [["a:1", about], ...(knows ? [told] : [])] as never);
  }
  // Only the node that it was passed on to may end it.
  const ask = routedAsk(8, { address: "a:1" });
  ask.askedAt = "/router";
  lostAsks.routed.add(ask, "d:1", 0);
  const report = { ...about, replyTo: "/_ask/8", uid: 8, asker: "a:1" };
  const client = { role: "client", address: "d:1" } as Peer;
  for (const peer of [router(true), client]) lostAsks.receive(peer, report);
  assertEquals(sent, []);
  lostAsks.receive({ role: "node", address: "d:1" } as Peer, report);
  const { asker: _, ...forAsker } = { ...report, target: "/router" };
  assertEquals(sent, [["a:1", forAsker]]);
});

Deno.test("reports of lost asks name a reply reference and a known reason", () => {
  const report = { replyTo: "/_ask/7", uid: 7, target: "/a", reason: "stopped" };
  assertEquals(parseLostAsk(report), report as never);
  const bad = [
    undefined,
    [],
    { ...report, replyTo: "/a" },
    { ...report, replyTo: 7 },
    { ...report, uid: -7 },
    { ...report, target: undefined },
    { ...report, target: "/".repeat(5_000) },
    { ...report, reason: "bored" },
    { ...report, reason: "toString" },
  ];
  for (const each of bad) assertEquals(parseLostAsk(each), undefined);
});

Deno.test("rejections are counts by path, and bounded", () => {
  assertEquals(parseRejections([["/a", 3], ["/b", 1]]), [["/a", 3], ["/b", 1]]);
  const bad = [
    undefined,
    {},
    [null],
    [["/a"]],
    [["a", 1]],
    [["/a", 0]],
    [["/a", 1e9]],
    [["/a", 1.5]],
    many(["/a", 1]),
  ];
  for (const each of bad) assertEquals(parseRejections(each), undefined);
  // The receiver handles each message of it.
  const tooMany = Array.from({ length: 64 }, (_, index) => [`/a${index}`, 10_000]);
  assertEquals(parseRejections(tooMany), undefined);
});

Deno.test("reports of aborted asks are of their sender's own asks, and one search is for many", async () => {
  const clock = new ManualClock();
  const counts: number[] = [];
  const held = new RemoteAsks((count) => void counts.push(count));
  const failed: string[] = [];
  const sender: ReplySender = {
    remoteAsks: held,
    tell: () => {},
    reportFailure: ({ path }) => void failed.push(path),
  };
  const actor = { heldAsks: undefined as HeldAsk | undefined, forwards: false };
  const ask = (uid: number, node: string, from = node) => {
    const ref = new RemoteReplyRef(sender, node, `/_ask/${uid}`, uid);
    ref.from = { address: from };
    ref.waitsUntil = 60_000;
    holdAsk(actor, ref);
    return ref;
  };
  const sent: [string, AbortedAsk][] = [];
  const routed = new RoutedAsks();
  const internals = {} as SystemInternals;
  const wrong: string[] = [];
  const peerLog = { add: (_peer: Peer, _level: string, text: string) => void wrong.push(text) };
  const aborted = new AbortedAsks({
    internals,
    peerLog: peerLog as unknown as PeerLog,
    clock,
    held,
    routed,
    send: (to, report) => void sent.push([to, report]),
  });
  const node = { role: "node", address: "a:1" } as Peer;
  const client = { role: "client", address: "client:x" } as Peer;
  const report = (uid: number) => ({ replyTo: `/_ask/${uid}`, uid });
  const isAborted = (ref: RemoteReplyRef) => ref.deadline() === -Infinity;

  const own = ask(1, "a:1");
  const other = ask(2, "b:1");
  const passedOn = ask(3, "c:1", "a:1");
  const ofClient = ask(4, "client:x");
  aborted.receive(node, report(1));
  assertEquals([isAborted(own), counts.at(-1)], [true, 1]);
  // Searched at once, and then after 20 ms, together.
  aborted.receive(node, report(2));
  aborted.receive(node, { ...report(3), asker: "c:1" });
  aborted.receive(node, report(4));
  assertEquals(isAborted(passedOn), false);
  const searches = counts.length;
  await clock.advance(searchInterval);
  assertEquals([isAborted(passedOn), counts.length], [true, searches + 1]);
  assertEquals([isAborted(other), isAborted(ofClient)], [false, false]);
  // A client may not name the ask of another.
  aborted.receive(client, { ...report(2), asker: "b:1" });
  aborted.receive(client, report(4));
  assertEquals([isAborted(other), isAborted(ofClient), counts.at(-1)], [false, true, 3]);
  // Nobody is told of the failure of an aborted ask, and it is counted no more.
  failHeldAsks(actor, { reason: "stopped" });
  assertEquals([failed, counts.at(-1), held.aborted], [["/_ask/2"], 0, 0]);

  // Reports that wait are bounded.
  await clock.advance(1_000);
  aborted.receive(node, report(9));
  const flood = Array.from({ length: maxWaitingReports + 1 }, (_, n) => ask(100 + n, "a:1"));
  for (const { uid } of flood) aborted.receive(node, report(uid));
  await clock.advance(searchInterval);
  assertEquals(flood.filter((each) => !isAborted(each)), [flood.at(-1)!]);

  // One that was passed on: its node is told.
  await clock.advance(1_000);
  routed.add(routedAsk(7, { address: "a:1" }), "d:1", 0);
  routed.add(routedAsk(8, { address: "b:1" }), "d:1", 0);
  aborted.receive(node, report(7));
  aborted.receive(node, { ...report(8), asker: "b:1" });
  await clock.advance(searchInterval);
  assertEquals(sent, [["d:1", { ...report(7), asker: "a:1" }]]);

  assertEquals(wrong, []);
  const bad = [undefined, [], { ...report(1), uid: -1 }, { ...report(1), replyTo: "/a" }, {
    ...report(1),
    asker: 7,
  }];
  for (const each of bad) aborted.receive(node, each);
  assertEquals(wrong.length, bad.length);
  aborted.close();
  assertEquals(internals.onAskAborted, undefined);
});
