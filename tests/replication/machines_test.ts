import { assert, assertEquals } from "@std/assert";
import { judgePromotion, type PromotionInput } from "../../lib/replication/promotion.ts";
import type { LogPosition } from "../../lib/replication/log_position.ts";
import type { ReplicaConfig } from "../../lib/replication/replica_config.ts";
import type {
  AppendLogMessage,
  EpochPromisedMessage,
} from "../../lib/replication/replication_protocol.ts";
import { Copies, type Sent } from "./replication_harness.ts";

/** The last position of a copy. */
function lastOf(copies: Copies, address: string): LogPosition {
  const { epoch, index, chain } = copies.of(address).copy.log.last;
  return { epoch, index, chain };
}

const to = (address: string) => (sent: Sent) => sent.to === address;
const between = (a: string, b: string) => ({ from, to }: Sent) =>
  (from === a && to === b) || (from === b && to === a);

Deno.test("an entry is acknowledged when minAcks others have stored it, and applied everywhere", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  assertEquals(copies.seen("a", "opened"), [{ type: "opened", epoch: 10, index: 1 }]);
  copies.holds = (sent) => to("b")(sent) || to("c")(sent);
  const index = copies.propose("a", 2);
  assertEquals(index, 3);
  assertEquals(copies.of("a").primary!.acked, 1, "nobody else has it");
  copies.holds = to("c");
  copies.deliver(copies.held.find(to("b"))!);
  assertEquals(copies.of("a").primary!.acked, 3);
  copies.release();
  copies.tick(300);
  for (const address of ["a", "b", "c"]) {
    assertEquals(copies.seen(address, "apply").at(-1)?.upTo, 3, address);
  }
});

Deno.test("with minAcks 2 both replicas must have an entry", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10, { minAcks: 2 });
  copies.holds = to("c");
  copies.propose("a");
  copies.tick(300);
  assertEquals(copies.of("a").primary!.acked, 1);
  copies.release();
  assertEquals(copies.of("a").primary!.acked, 2);
});

Deno.test("an acknowledgement that does not come is unknown after ackTimeout, and confirmed by nothing else", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  copies.holds = between("a", "b");
  copies.grant("a", 10);
  copies.holds = ({ to }) => to !== "a";
  const index = copies.propose("a");
  copies.tick(4_900);
  assertEquals(copies.seen("a", "unknown"), []);
  copies.tick(200);
  assertEquals(copies.seen("a", "unknown"), [{
    type: "unknown",
    upTo: index,
    reason: "ackTimeout",
  }]);
  copies.tick(60_000);
  assertEquals(copies.seen("a", "unknown").length, 1);
  assertEquals(copies.of("a").primary!.acked, 1);
  assertEquals(copies.seen("a", "status").at(-1)?.status.lagging, ["b", "c"]);
});

Deno.test("an owner that its copies do not hear names the one with the most, and its successor opens", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  // "b" has one entry more than "c", and both have no way to say so.
  copies.holds = ({ from, to }) => from === "a" && to === "c";
  copies.propose("a");
  copies.holds = ({ from, to }) => from === "a" && to !== "a";
  copies.propose("a");
  copies.tick(9_900);
  assertEquals(copies.seen("a", "preferOwner"), []);
  copies.tick(200);
  assertEquals(copies.seen("a", "preferOwner"), [{ type: "preferOwner", address: "b" }]);
  // It may have been lost, and is repeated.
  copies.tick(300);
  assertEquals(copies.seen("a", "preferOwner").length, 2);
  copies.step("a", { type: "stop" });
  copies.grant("b", 11);
  assertEquals(copies.of("b").primary!.phase, "open");
  copies.propose("b");
  assertEquals(copies.of("b").primary!.acked, lastOf(copies, "b").index);
});

Deno.test("an owner whose copies promise nothing names one of them, and none that has lost its copy", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  copies.holds = ({ from, to }) => from === "a" && to !== "a";
  copies.grant("a", 11);
  copies.tick(19_000);
  assertEquals(copies.seen("a", "preferOwner"), []);
  copies.tick(1_000);
  assertEquals(copies.seen("a", "preferOwner"), [{ type: "preferOwner", address: "b" }]);
  copies.replace("b", 2);
  copies.replace("c", 2);
  copies.holds = () => false;
  copies.grant("a", 12);
  const before = copies.seen("a", "preferOwner").length;
  for (let i = 0; i < 100; i++) copies.tick(300);
  assertEquals(copies.of("a").primary!.phase, "fencing");
  assertEquals(copies.seen("a", "preferOwner").length, before);
});

Deno.test("an owner takes no more than maxWaiting entries that nobody has confirmed", () => {
  const copies = new Copies("a", "b");
  copies.grant("a", 10, { timing: { maxWaiting: 5 } });
  copies.holds = to("b");
  assertEquals(copies.propose("a", 5), 6);
  assertEquals(copies.propose("a"), 0);
  copies.release();
  copies.tick(300);
  assertEquals(copies.propose("a"), 7);
});

Deno.test("one message has no more entries, and one copy no more on their way, than they may", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10, { timing: { maxBatchEntries: 3, maxInFlight: 7 } });
  copies.holds = to("b");
  copies.propose("a", 20);
  const batches = copies.held.map(({ message }) => (message as AppendLogMessage).entries.length);
  assertEquals(batches, [3, 3, 1]);
  copies.release();
  assertEquals(copies.of("b").copy.log.last.index, 21);
});

Deno.test("without a lease an owner takes and acknowledges nothing", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  copies.holds = ({ to }) => to === "b" || to === "c";
  copies.propose("a");
  copies.step("a", { type: "lease", holds: false });
  copies.release();
  assertEquals(copies.seen("a", "acknowledged").at(-1)?.upTo, 1);
  assertEquals(copies.propose("a"), 0);
  copies.step("a", { type: "lease", holds: true });
  assertEquals(copies.seen("a", "acknowledged").at(-1)?.upTo, 2);
});

Deno.test("an owner whose lease had ended before the grant acknowledges nothing either", () => {
  const copies = new Copies("a", "b", "c");
  copies.step("a", { type: "lease", holds: false });
  copies.grant("a", 10);
  assertEquals(copies.seen("a", "opened"), []);
  copies.step("a", { type: "lease", holds: true });
  assertEquals(copies.seen("a", "opened").length, 1);
});

Deno.test("entries of an earlier epoch are acknowledged only with the first one of the present", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  // Index 2 reaches nobody but the owner.
  copies.holds = ({ message }) => message.type === "appendLog";
  copies.propose("a");
  copies.held.length = 0;
  // The same node is granted the shard again; one message takes one entry.
  copies.holds = ({ message }) => message.type === "logAppended" && message.through >= 3;
  copies.grant("a", 20, { timing: { maxBatchEntries: 1 } });
  copies.tick(300);
  assertEquals(copies.of("b").copy.log.last.epoch, 20);
  assertEquals(copies.of("a").copy.acked, 1, "a copy with a later epoch could replace index 2");
  copies.release();
  assertEquals(copies.of("a").copy.acked, 3);
});

Deno.test("an owner that is replaced closes, and its unconfirmed entries are unknown", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  copies.holds = (sent) => sent.from === "a";
  copies.propose("a");
  copies.grant("b", 20);
  copies.grant("b", 20);
  copies.holds = () => false;
  copies.tick(300);
  assertEquals(copies.seen("a", "closed"), [{ type: "closed", reason: "fenced" }]);
  assertEquals(copies.seen("a", "unknown"), [{ type: "unknown", upTo: 2, reason: "closed" }]);
  assertEquals(copies.propose("a"), 0);
  // What only the former owner had is cut off.
  copies.tick(300);
  assertEquals(lastOf(copies, "a"), lastOf(copies, "b"));
  assertEquals(copies.of("a").copy.log.at(2)?.epoch, 20);
});

Deno.test("a grant whose epoch was promised to another one says which epoch is needed", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 20);
  copies.step("b", {
    type: "granted",
    grant: { epoch: 15, minAcks: 1, copies: 3, members: ["a", "b", "c"], replicas: ["a", "c"] },
  });
  assertEquals(copies.seen("b", "needsEpoch"), [{ type: "needsEpoch", epoch: 15, above: 20 }]);
});

Deno.test("an owner that has less than another copy names it, and opens nothing", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  copies.holds = to("c");
  copies.propose("a", 3);
  copies.holds = ({ from, to }) => from === "a" || to === "a";
  copies.held.length = 0;
  copies.grant("c", 20);
  assertEquals(copies.seen("c", "opened"), []);
  assertEquals(copies.seen("c", "preferOwner").at(-1), { type: "preferOwner", address: "b" });
  copies.grant("b", 30);
  assertEquals(copies.seen("b", "opened"), [{ type: "opened", epoch: 30, index: 5 }]);
  assertEquals(copies.of("c").copy.log.at(4), copies.of("b").copy.log.at(4));
});

Deno.test("a damaged entry is not stored, and said", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  copies.holds = to("b");
  copies.propose("a");
  const sent = copies.held[0]!;
  const message = sent.message as AppendLogMessage;
  const entries = message.entries.map((entry) => ({ ...entry, payload: new Uint8Array([66]) }));
  copies.deliver({ ...sent, message: { ...message, entries } });
  assertEquals(copies.seen("b", "diverged").length, 1);
  assertEquals(copies.of("b").copy.log.last.index, 1);
});

Deno.test("a node that was away gets what it lacks, and nothing twice", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  copies.propose("a", 5);
  copies.holds = to("c");
  copies.propose("a", 5);
  copies.held.length = 0;
  copies.sent.length = 0;
  copies.holds = () => false;
  copies.tick(300);
  copies.tick(300);
  assertEquals(copies.of("c").copy.log.last.index, 11);
  const given = copies.sent.filter(to("c")).flatMap(({ message }) =>
    message.type === "appendLog" ? message.entries.map(({ index }) => index) : []
  );
  assertEquals(given, [7, 8, 9, 10, 11]);
});

/** Copies of which `c` has another, empty store, and of which the log no longer begins at 1. */
function withNewStore(holds: (sent: Sent) => boolean): Copies {
  const copies = new Copies("a", "b", "c");
  const timing = { retain: 0, fillWindow: 2 };
  copies.grant("a", 10, { timing });
  copies.propose("a", 5);
  copies.propose("a", 5);
  copies.tick(300);
  copies.replace("c", 2);
  copies.keys = ["k1", "k2", "k3", "k4", "k5"];
  copies.holds = holds;
  copies.propose("a", 1);
  copies.tick(300);
  return copies;
}

Deno.test("an empty store is filled with so many parts at a time as there is credit", () => {
  const copies = withNewStore(({ message }) => message.type === "copyFilled");
  assert(copies.of("a").copy.log.base.index > 0);
  copies.tick(300);
  const parts = () => copies.sent.filter(({ message }) => message.type === "fillCopy").length;
  assertEquals(parts(), 2);
  copies.deliver(copies.held.shift()!);
  assertEquals(parts(), 3);
  copies.release();
  copies.tick(300);
  copies.tick(300);
  assertEquals(parts(), 5);
  assertEquals(lastOf(copies, "c"), lastOf(copies, "a"));
  const { config } = copies.of("a").primary!;
  assertEquals(config?.inSync.find(({ address }) => address === "c")?.store, 2);
});

Deno.test("a back-fill that waits for its turn at the owner's node is not started anew", () => {
  const copies = withNewStore(() => false);
  assertEquals(lastOf(copies, "c"), lastOf(copies, "a"), "without waiting it is filled");
  copies.replace("c", 3);
  copies.holdsReads = true;
  copies.propose("a", 1);
  copies.tick(300);
  const before = copies.reads.length;
  assertEquals([before, copies.of("a").primary!.partsUnderWay("c")], [1, 1]);
  for (let count = 0; count < 100; count++) copies.tick(100);
  assertEquals(copies.reads.length, before, "parts that are to be read");
  copies.holdsReads = false;
  for (const read of copies.reads) read();
  copies.tick(300);
  assertEquals(lastOf(copies, "c"), lastOf(copies, "a"));
  assertEquals(copies.of("a").primary!.partsUnderWay("c"), 0);
});

Deno.test("a back-fill goes on where it was, under another owner too", () => {
  const copies = withNewStore(({ message }) => message.type === "copyFilled");
  copies.deliver(copies.held.shift()!);
  copies.held.length = 0;
  assertEquals(copies.of("c").copy.state.filling?.cursor, "k3");
  copies.sent.length = 0;
  copies.holds = (sent) => sent.from === "a" || sent.to === "a";
  copies.grant("b", 20);
  copies.tick(300);
  const first = copies.sent.find(({ message }) => message.type === "fillCopy");
  assert(first?.message.type === "fillCopy");
  assertEquals([first.from, first.message.point.cursor], ["b", "k3"]);
  copies.tick(300);
  assertEquals(lastOf(copies, "c"), lastOf(copies, "b"));
});

Deno.test("the content of an in-sync copy is not dropped", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  copies.propose("a", 3);
  const last = copies.of("b").copy.log.last;
  const at = { epoch: 10, index: 2, chain: 0 };
  copies.deliver({
    from: "a",
    to: "b",
    message: {
      type: "fillCopy",
      epoch: 10,
      generation: 0,
      point: { at, cursor: "" },
      bytes: new Uint8Array(),
      next: "a",
      done: false,
    },
  });
  copies.deliver({
    from: "a",
    to: "b",
    message: { type: "releaseCopy", epoch: 10, generation: 0 },
  });
  assertEquals(copies.of("b").copy.log.last, last);
  assertEquals(copies.of("b").copy.state.filling, undefined);
});

Deno.test("a message that drops content and comes again drops nothing that has come since", () => {
  const copies = new Copies("a", "b", "c", "d");
  copies.grant("a", 10, { copies: 3, replicas: ["b", "c"], timing: { retain: 0 } });
  copies.propose("a", 3);
  copies.step("a", { type: "replicas", epoch: 10, addresses: ["b", "d"] });
  for (let i = 0; i < 4; i++) copies.tick(300);
  copies.step("a", { type: "replicas", epoch: 10, addresses: ["b", "c"] });
  for (let i = 0; i < 4; i++) copies.tick(300);
  assertEquals(lastOf(copies, "c"), lastOf(copies, "a"));
  const before = copies.of("c").copy.state;
  // As if its configuration had not arrived: it does not know that it counts again.
  const drops = copies.sent.filter(({ to, message }) =>
    to === "c" && (message.type === "releaseCopy" || message.type === "fillCopy")
  );
  assert(drops.length >= 2);
  const other = { version: [10, 99] as const, inSync: [{ address: "a", store: 1 }], minAcks: 1 };
  copies.holds = () => true;
  copies.deliver({
    from: "a",
    to: "c",
    message: { type: "storeConfig", epoch: 10, config: other },
  });
  for (const sent of drops) copies.deliver(sent);
  const after = copies.of("c").copy.state;
  assertEquals([after.generation, after.last.index], [before.generation, before.last.index]);
});

Deno.test("a copy takes nothing for acknowledged that it may not share with the owner", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  // Index 2 and 3 of epoch 10 are at a and b only, and b's answers are lost.
  copies.holds = (sent) => to("c")(sent) || to("a")(sent);
  copies.propose("a", 2);
  assertEquals(copies.of("b").copy.log.last.index, 3);
  const { epoch, index, chain } = copies.of("b").copy.log.at(1)!;
  const previous = { epoch, index, chain };
  copies.deliver({
    from: "c",
    to: "b",
    message: { type: "appendLog", epoch: 20, previous, entries: [], acked: 3, trim: 0 },
  });
  assertEquals(copies.of("b").copy.acked, 1);
});

Deno.test("nothing is acknowledged before the first configuration is stored", () => {
  const copies = new Copies("a", "b", "c");
  copies.holds = ({ to, message }) => to !== "a" && message.type === "storeConfig";
  copies.grant("a", 10);
  copies.tick(300);
  assertEquals(copies.of("b").copy.log.last.index, 1, "it has the entry");
  assertEquals(copies.seen("a", "opened"), []);
  copies.release();
  assertEquals(copies.seen("a", "opened").length, 1);
});

Deno.test("what a copy has confirmed before its content was dropped does not count", () => {
  const copies = new Copies("a", "b", "c", "d");
  copies.grant("a", 10, { copies: 3, replicas: ["b", "c"], timing: { retain: 0 } });
  copies.propose("a", 3);
  copies.step("a", { type: "replicas", epoch: 10, addresses: ["b", "d"] });
  for (let i = 0; i < 4; i++) copies.tick(300);
  // Not wanted any more: its content is dropped.
  assertEquals(copies.of("c").copy.state.generation, 1);
  copies.holds = ({ from, to }) => from === "b" || from === "d" || to === "b" || to === "d";
  const index = copies.propose("a");
  copies.step("a", { type: "replicas", epoch: 10, addresses: ["b", "c"] });
  // A message from before.
  const store = { address: "c", store: 1 };
  copies.deliver({
    from: "c",
    to: "a",
    message: { type: "logAppended", epoch: 10, store, generation: 0, through: index },
  });
  const status = copies.of("a").primary!.status(copies.now);
  const lag = status.copies.find(({ address }) => address === "c");
  assert(lag === undefined || lag.entries > 0, "it has nothing");
});

Deno.test("the copies change one set after the other, and a dropped one is released at the end", () => {
  const copies = new Copies("a", "b", "c", "d");
  copies.grant("a", 10, { copies: 3, replicas: ["b", "c"] });
  copies.propose("a", 3);
  const configs: ReplicaConfig[] = [];
  copies.holds = ({ message }) => {
    if (message.type === "storeConfig") configs.push(message.config);
    return false;
  };
  copies.step("a", { type: "replicas", epoch: 10, addresses: ["b", "d"] });
  copies.tick(300);
  const names = (stores: readonly { readonly address: string }[] = []) =>
    stores.map(({ address }) => address).sort().join("");
  const steps = new Set(
    configs.map(({ inSync, previous }) => `${names(inSync)} ${names(previous?.[0]?.inSync)}`),
  );
  assertEquals([...steps], ["abc ", "abd abc", "abd "]);
  copies.tick(300);
  assertEquals(copies.of("c").copy.state.last.index, 0);
  assert(copies.of("c").copy.config !== undefined, "it knows that the shard is not new");
});

Deno.test("another minAcks takes effect like a change of the copies", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  copies.propose("a", 3);
  copies.grant("b", 20, { minAcks: 2 });
  assertEquals(copies.of("b").primary!.config?.minAcks, 2);
  copies.holds = to("c");
  const index = copies.propose("b");
  assertEquals(copies.of("b").primary!.acked, index - 1);
  copies.release();
  assertEquals(copies.of("b").primary!.acked, index);
});

Deno.test("a copy that is not wanted and in nobody's place is taken out", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10, { copies: 3 });
  copies.step("a", { type: "replicas", epoch: 10, addresses: ["b"] });
  for (let i = 0; i < 3; i++) copies.tick(300);
  const inSync = copies.of("a").primary!.config?.inSync.map(({ address }) => address);
  assertEquals(inSync, ["a", "b"]);
});

Deno.test("a node with a new store takes the place of the one that it had, with no other copy left", () => {
  const copies = new Copies("a", "b");
  copies.grant("a", 10);
  copies.propose("a", 3);
  copies.replace("b", 2);
  copies.propose("a", 2);
  for (let i = 0; i < 6; i++) copies.tick(300);
  assertEquals(copies.of("a").primary!.acked, 6);
  assertEquals(copies.of("b").copy.config?.inSync, [
    { address: "a", store: 1 },
    { address: "b", store: 2 },
  ]);
});

Deno.test("a shard at rest asks each copy in five seconds once, and wakes with the next entry", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10);
  copies.propose("a", 3);
  for (let i = 0; i < 20; i++) copies.tick(300);
  const before = copies.sent.length;
  for (let i = 0; i < 300; i++) copies.tick(100);
  const count = copies.sent.slice(before).filter(({ from }) => from === "a").length;
  assert(count >= 10 && count <= 12, `${count} messages to two copies in 30 s`);
  // A lost message is repeated as before.
  copies.holds = ({ message }) => message.type === "appendLog";
  const index = copies.propose("a", 1);
  copies.held.length = 0;
  copies.holds = () => false;
  for (let i = 0; i < 5; i++) copies.tick(100);
  assertEquals(copies.of("a").primary!.acked, index);
});

Deno.test("a store of which a person says that it is gone is not waited for", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10, { minAcks: 2 });
  copies.propose("a", 2);
  copies.nodes.delete("c");
  copies.replace("d", 1);
  copies.step("a", { type: "members", addresses: ["a", "b", "d"] });
  copies.step("a", { type: "replicas", epoch: 10, addresses: ["b", "d"] });
  const index = copies.propose("a", 2);
  for (let i = 0; i < 5; i++) copies.tick(300);
  assert(copies.of("a").primary!.acked < index, "one of three that all have to confirm is away");
  copies.step("a", { type: "retire", epoch: 10, store: { address: "c", store: 1 } });
  for (let i = 0; i < 5; i++) copies.tick(300);
  assertEquals(copies.of("a").primary!.acked, index);
});

Deno.test("a shard does not begin before all stores that may have a copy have answered", () => {
  const copies = new Copies("a", "b", "c");
  copies.holds = to("c");
  copies.grant("a", 10);
  copies.tick(300);
  assertEquals(copies.seen("a", "opened"), []);
  const wait = copies.seen("a", "status").at(-1)?.status.wait;
  assertEquals(wait, { reason: "bootstrap", addresses: ["c"] });
  copies.release();
  copies.tick(300);
  copies.tick(300);
  assertEquals(copies.seen("a", "opened").length, 1);
});

Deno.test("where all copies of a shard are lost, it waits until a person goes on without them", () => {
  const copies = new Copies("a", "b", "c");
  copies.grant("a", 10, { copies: 2, replicas: ["b"] });
  copies.propose("a", 3);
  copies.nodes.delete("a");
  copies.nodes.delete("b");
  copies.replace("d", 1);
  copies.grant("c", 20);
  copies.tick(300);
  assertEquals(copies.seen("c", "opened"), []);
  assertEquals(copies.seen("c", "status").at(-1)?.status.wait, {
    reason: "bootstrap",
    addresses: ["a", "b"],
  });
  copies.step("c", { type: "acceptLoss", epoch: 20 });
  assertEquals(copies.seen("c", "lossAccepted"), [{ type: "lossAccepted", epoch: 20 }]);
  copies.tick(300);
  assertEquals(copies.seen("c", "opened").length, 1);
});

Deno.test("where too few copies are left, an accepted loss keeps what they have", () => {
  const copies = new Copies("a", "b", "c", "d");
  copies.grant("a", 10, { copies: 3, replicas: ["b", "c"] });
  copies.propose("a", 3);
  copies.nodes.delete("a");
  copies.nodes.delete("b");
  copies.grant("c", 20, { members: ["c", "d"], replicas: ["d"] });
  assertEquals(copies.seen("c", "status").at(-1)?.status.wait, {
    reason: "copies",
    stores: [{ address: "a", store: 1 }, { address: "b", store: 1 }],
  });
  copies.step("c", { type: "acceptLoss", epoch: 20 });
  copies.tick(300);
  assertEquals(copies.seen("c", "lossAccepted").length, 1);
  assertEquals(copies.seen("c", "opened"), [{ type: "opened", epoch: 20, index: 5 }]);
});

const answer = (
  address: string,
  index: number,
  more: Partial<EpochPromisedMessage["copy"]> = {},
): EpochPromisedMessage => ({
  type: "epochPromised",
  epoch: 20,
  store: { address, store: 1 },
  copy: {
    config: {
      version: [10, 0],
      inSync: ["a", "b", "c"].map((other) => ({ address: other, store: 1 })),
      minAcks: 1,
    },
    last: { epoch: 10, index, chain: 0 },
    acked: 0,
    generation: 0,
    ...more,
  },
  bootstrap: { stores: [], closed: true },
});

const input = (...answers: EpochPromisedMessage[]): PromotionInput => ({
  self: { address: "a", store: 1 },
  answers,
  members: ["a", "b", "c"],
  wanted: ["a", "b", "c"],
  minAcks: 1,
  base: 0,
  acceptLoss: false,
});

Deno.test("a copy that is being filled does not count for a promotion", () => {
  assertEquals(judgePromotion(input(answer("a", 5), answer("b", 4))).type, "open");
  const filling = { at: { epoch: 10, index: 4, chain: 0 }, cursor: "k" };
  assertEquals(judgePromotion(input(answer("a", 5), answer("b", 4, { filling }))), {
    type: "wait",
    wait: {
      reason: "copies",
      stores: [{ address: "b", store: 1 }, { address: "c", store: 1 }],
    },
  });
});

Deno.test("a shard that is not new and of which nobody has a copy is lost", () => {
  const { copy, ...rest } = answer("a", 0);
  const { config: _, ...empty } = copy;
  const none = { ...rest, copy: empty };
  assertEquals(judgePromotion(input(none)), { type: "wait", wait: { reason: "lost" } });
});

Deno.test("a configuration that changes needs the copies of both sets", () => {
  const sets = (...addresses: string[]) => addresses.map((address) => ({ address, store: 1 }));
  const config: ReplicaConfig = {
    version: [10, 1],
    inSync: sets("a", "d"),
    minAcks: 1,
    previous: [{ inSync: sets("a", "b", "c"), minAcks: 1 }],
  };
  assertEquals(judgePromotion(input(answer("a", 5, { config }))), {
    type: "wait",
    wait: { reason: "copies", stores: sets("d", "b", "c") },
  });
  const both = input(answer("a", 5, { config }), answer("b", 4));
  assertEquals(judgePromotion(both).type, "open");
});
