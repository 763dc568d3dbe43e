import { assert, assertEquals, assertRejects } from "@std/assert";
import { PersistenceError } from "../../lib/persistence/errors.ts";
import { copyableMemoryJournal } from "../../lib/persistence/memory_journal.ts";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import { CopyContent } from "../../lib/replication/copy_content.ts";
import { CopyLog } from "../../lib/replication/copy_log.ts";
import {
  appliedIn,
  newBootstrapHolder,
  noCopy,
  type StoreOperation,
} from "../../lib/replication/copy_record.ts";
import { FillTurns } from "../../lib/replication/fill_turns.ts";
import { ReplicatedShard } from "../../lib/replication/replicated_shard.ts";
import type { ReplicationMessage } from "../../lib/replication/replication_protocol.ts";
import { ShardReplication } from "../../lib/replication/shard_replication.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: ReplicationMessage;
}

/** Entries that are applied between two marks. */
const markEvery = 10;

/** The shells of one shard at three nodes, in memory; messages and stores can be held. */
class Shells {
  readonly clock: ManualClock;
  /** The back-fills of the first node; the others have one of their own. */
  readonly #fills: FillTurns;
  readonly #name: string;
  readonly shards = new Map<string, ReplicatedShard>();
  /** Messages for which this answers true are kept in `held`. */
  holds: (sent: Sent) => boolean = () => false;
  held: Sent[] = [];
  holdsLease = true;
  /** While it is set, the store of that node makes nothing durable. */
  slow: { readonly address: string; readonly until: Promise<void> } | undefined;
  /** Where that node stores its copy. */
  stored: { readonly address: string; readonly log: CopyLog } | undefined;
  #queue: Sent[] = [];
  readonly #addresses = ["a:1", "b:1", "c:1"];

  constructor(clock = new ManualClock(), fills = new FillTurns(clock), name = "") {
    this.clock = clock;
    this.#fills = fills;
    this.#name = name;
    for (const address of this.#addresses) this.shards.set(address, this.#make(address));
  }

  /** A node starts with an empty store. */
  replace(address: string, store: number): void {
    this.shards.set(address, this.#make(address, store));
  }

  #make(address: string, store = 1): ReplicatedShard {
    const port = {
      clock: this.clock,
      name: this.#name + address,
      holdsLease: () => this.holdsLease,
      send: (to: string, _shard: number, message: ReplicationMessage) => {
        const sent = { from: address, to, message };
        (this.holds(sent) ? this.held : this.#queue).push(sent);
      },
      grant: (_shard: number, epoch: number) => ({
        epoch,
        minAcks: 1,
        copies: 3,
        members: this.#addresses,
        replicas: this.#addresses.filter((other) => other !== address),
      }),
      fills: address === "a:1" ? this.#fills : new FillTurns(this.clock),
      status: () => {},
      preferOwner: () => {},
      needsEpoch: () => {},
      lossAccepted: () => {},
      filled: () => {},
      failed: (_shard: number, what: string) => {
        throw new Error(what);
      },
      write: (shard: number, operations: readonly StoreOperation[]) => {
        if (this.stored?.address === address) return this.stored.log.write(shard, operations);
        return this.slow?.address === address ? this.slow.until : Promise.resolve();
      },
    };
    const machine = new ShardReplication(
      { address, store },
      noCopy,
      newBootstrapHolder(),
      undefined,
      markEvery,
    );
    return new ReplicatedShard(port, 0, machine, new CopyContent(copyableMemoryJournal()));
  }

  of(address: string): ReplicatedShard {
    return this.shards.get(address)!;
  }

  /** Until nothing is on its way. */
  async settle(): Promise<void> {
    await this.clock.advance(0);
    for (let sent = this.#queue.shift(); sent !== undefined; sent = this.#queue.shift()) {
      this.of(sent.to).receive(sent.from, sent.message);
      if (this.#queue.length === 0) await this.clock.advance(0);
    }
  }

  async tick(by = 300): Promise<void> {
    await this.clock.advance(by);
    for (const shard of this.shards.values()) shard.tick();
    await this.settle();
  }

  async grant(address: string, epoch: number): Promise<void> {
    this.of(address).start(epoch);
    await this.settle();
    for (let i = 0; i < 3; i++) await this.tick();
  }

  /** Delivers what was held, and holds nothing any more. */
  async release(): Promise<void> {
    this.holds = () => false;
    this.#queue.push(...this.held.splice(0));
    await this.settle();
  }
}

const payload = new Uint8Array([7]);
const event = { payload, at: 0, version: 0, checksum: crc32c(payload) };
const write = (
  epoch: number,
  expectedSeq = 0,
) => [{ id: "x", epoch, expectedSeq, events: [event] }];

/** What has become of a promise so far. */
function follow(promise: Promise<unknown>): { state: string } {
  const followed = { state: "pending" };
  promise.then(() => followed.state = "done", (error) => followed.state = error.code);
  return followed;
}

async function opened(shells: Shells, address: string): Promise<number> {
  const open = shells.of(address).journal.open("x", undefined);
  await shells.settle();
  await shells.tick();
  return (await open).epoch;
}

Deno.test("a write is confirmed when another node has it, and not before", async () => {
  const shells = new Shells();
  await shells.grant("a:1", 1);
  const epoch = await opened(shells, "a:1");
  shells.holds = ({ message }) => message.type === "logAppended";
  const written = follow(shells.of("a:1").journal.append(write(epoch)));
  await shells.settle();
  assertEquals(shells.held.length, 2);
  assertEquals(written.state, "pending");
  await shells.release();
  assertEquals(written.state, "done");
});

Deno.test("a shard opens that is granted in the moment in which the lease comes back", async () => {
  const shells = new Shells();
  shells.holdsLease = false;
  await shells.tick();
  shells.holdsLease = true;
  await shells.grant("a:1", 1);
  assertEquals(shells.of("a:1").status?.phase, "open");
  assertEquals(await opened(shells, "a:1") > 0, true);
});

Deno.test("writes wait while the lease of their node is away, and are confirmed when it is back", async () => {
  const shells = new Shells();
  await shells.grant("a:1", 1);
  const { journal } = shells.of("a:1");
  const epoch = await opened(shells, "a:1");
  shells.holdsLease = false;
  const written = follow(journal.append(write(epoch)));
  const opening = follow(journal.open("y", undefined));
  for (let i = 0; i < 10; i++) await shells.tick();
  assertEquals([written.state, opening.state], ["pending", "pending"]);
  shells.holdsLease = true;
  for (let i = 0; i < 3; i++) await shells.tick();
  assertEquals([written.state, opening.state], ["done", "done"]);
});

Deno.test("writes that wait for a lease fail when another node owns the shard, as nothing was stored", async () => {
  const shells = new Shells();
  await shells.grant("a:1", 1);
  const { journal } = shells.of("a:1");
  const epoch = await opened(shells, "a:1");
  shells.holdsLease = false;
  const written = follow(journal.append(write(epoch)));
  const opening = follow(journal.open("y", undefined));
  await shells.tick();
  shells.of("a:1").stop();
  await shells.settle();
  // What waits for the entity that was opened is of its next owner.
  assertEquals([written.state, opening.state], ["storeUnavailable", "fenced"]);
});

Deno.test("an entity waits for a shard whose copies are slow to answer, and not for one that lacks them", async () => {
  const shells = new Shells();
  await shells.grant("a:1", 1);
  await shells.grant("b:1", 2);
  shells.holds = ({ from }) => from !== "c:1";
  shells.of("c:1").start(3);
  const opening = follow(shells.of("c:1").journal.open("x", undefined));
  for (let i = 0; i < 40; i++) await shells.tick();
  assertEquals(opening.state, "pending");
  await shells.release();
  for (let i = 0; i < 4; i++) await shells.tick();
  assertEquals(opening.state, "done");
  // The others are no members any more.
  shells.holds = ({ from }) => from !== "a:1";
  shells.of("a:1").start(4);
  shells.of("a:1").step({ type: "members", addresses: ["a:1"] });
  const failing = follow(shells.of("a:1").journal.open("x", undefined));
  for (let i = 0; i < 18; i++) await shells.tick();
  assertEquals(failing.state, "storeUnavailable");
});

Deno.test("an entity waits for a copy that is slow, although another one is lost and not needed", async () => {
  const shells = new Shells();
  await shells.grant("a:1", 1);
  await shells.grant("b:1", 2);
  shells.replace("b:1", 2);
  shells.holds = ({ from, to }) => from === "a:1" && to === "c:1";
  shells.of("c:1").start(3);
  const opening = follow(shells.of("c:1").journal.open("x", undefined));
  for (let i = 0; i < 40; i++) await shells.tick();
  assertEquals(opening.state, "pending");
  await shells.release();
  for (let i = 0; i < 4; i++) await shells.tick();
  assertEquals(opening.state, "done");
});

Deno.test("an entity does not wait for a silent copy for ever", async () => {
  const shells = new Shells();
  await shells.grant("a:1", 1);
  shells.holds = ({ from }) => from !== "c:1";
  shells.of("c:1").start(3);
  const opening = follow(shells.of("c:1").journal.open("x", undefined));
  for (let i = 0; i < 90; i++) await shells.tick();
  assertEquals(opening.state, "pending");
  for (let i = 0; i < 30; i++) await shells.tick();
  assertEquals(opening.state, "storeUnavailable");
});

Deno.test("a shard that moves while it opens gives its entities back", async () => {
  const shells = new Shells();
  await shells.grant("a:1", 1);
  shells.holds = ({ from }) => from !== "c:1";
  const { journal } = shells.of("c:1");
  shells.of("c:1").start(3);
  const opening = follow(journal.open("x", undefined));
  await shells.tick();
  assertEquals(journal.stopping(), true);
  await shells.settle();
  assertEquals(opening.state, "fenced");
  // Of one that is open entities handle what they have got.
  assertEquals(shells.of("a:1").journal.stopping(), false);
});

Deno.test("an owner that does not know of the next one confirms nothing", async () => {
  const shells = new Shells();
  await shells.grant("a:1", 1);
  const epoch = await opened(shells, "a:1");
  // Nobody has told it.
  shells.holds = ({ from, to, message }) =>
    to === "a:1" || (from === "a:1" && message.type !== "appendLog");
  await shells.grant("b:1", 2);
  assertEquals(shells.of("b:1").status?.phase, "open");
  const written = follow(shells.of("a:1").journal.append(write(epoch)));
  await shells.settle();
  await shells.release();
  await shells.tick();
  assertEquals(written.state, "outcomeUnknown");
  const after = shells.of("b:1").journal;
  await opened(shells, "b:1");
  const found = await Array.fromAsync(after.read("x"));
  assertEquals(found, []);
  await assertRejects(() => shells.of("a:1").journal.append(write(epoch)), PersistenceError);
});

Deno.test("nothing is applied to the content before the log of the node has it", async () => {
  const shells = new Shells();
  await shells.grant("a:1", 1);
  const epoch = await opened(shells, "a:1");
  for (const address of ["a:1", "c:1"]) {
    const disk = Promise.withResolvers<void>();
    const { content } = shells.of(address);
    const before = (await content.head("x")).lastSeq;
    shells.slow = { address, until: disk.promise };
    const written = follow(shells.of("a:1").journal.append(write(epoch, before)));
    await shells.settle();
    for (let i = 0; i < 30; i++) await shells.tick();
    if (address === "c:1") assertEquals(written.state, "done");
    assertEquals((await content.head("x")).lastSeq, before, `${address} has applied it`);
    shells.slow = undefined;
    disk.resolve();
    await shells.settle();
    await shells.tick();
    await shells.tick(6_000);
    assertEquals(written.state, "done");
    assertEquals((await content.head("x")).lastSeq, before + 1);
  }
});

Deno.test("a restart applies again what is behind the last mark, and not all entries", async () => {
  const shells = new Shells();
  const journal = copyableMemoryJournal();
  const log = new CopyLog(journal, "carts", () => 1_790_000_000_000);
  await log.load(1);
  shells.stored = { address: "c:1", log };
  await shells.grant("a:1", 1);
  const epoch = await opened(shells, "a:1");
  for (let seq = 0; seq < 100; seq++) {
    const written = shells.of("a:1").journal.append(write(epoch, seq));
    await shells.settle();
    await shells.tick();
    await written;
  }
  await shells.tick(6_000);
  const { applied, content } = shells.of("c:1");
  assertEquals((await content.head("x")).lastSeq, 100);
  const { copies: [copy] } = await new CopyLog(journal, "carts", () => 0).load(1);
  const marked = appliedIn(copy!.record);
  assert(marked >= applied - 2 * markEvery && marked <= applied, `${marked} of ${applied}`);
  assertEquals(copy!.record.entries[0]!.index, 1, "all entries are kept for other copies");
  // The shell goes on from there.
  const machine = new ShardReplication(
    { address: "c:1", store: 1 },
    copy!.record,
    newBootstrapHolder(),
    marked,
  );
  assertEquals([machine.copy.appliedIndex, machine.copy.acked], [marked, marked]);
});

Deno.test("what copies lack of the logs of many shards is sent within the budget of back-fills", async () => {
  const clock = new ManualClock();
  const fills = new FillTurns(clock);
  const all = Array.from({ length: 8 }, (_, shard) => new Shells(clock, fills, `${shard} of `));
  const large = new Uint8Array(20_000);
  const big = { ...event, payload: large, checksum: crc32c(large) };
  for (const shells of all) {
    await shells.grant("a:1", 1);
    const epoch = await opened(shells, "a:1");
    // Node c hears nothing while 400 KB are written.
    shells.holds = ({ to }) => to === "c:1";
    for (let seq = 0; seq < 20; seq++) {
      const written = follow(
        shells.of("a:1").journal.append([{ id: "x", epoch, expectedSeq: seq, events: [big] }]),
      );
      await shells.settle();
      assertEquals(written.state, "done");
    }
    shells.held = [];
    // It hears all again, and its confirmations are held.
    shells.holds = ({ from, message }) => from === "c:1" && message.type === "logAppended";
  }
  const last = (shells: Shells, address: string) => shells.of(address).machine.copy.log.last.index;
  const settle = async () => {
    for (const shells of all) await shells.tick();
    for (const shells of all) await shells.settle();
  };
  const before = all.map((shells) => last(shells, "c:1"));
  for (let i = 0; i < 5; i++) await settle();
  const moved = all.filter((shells, at) => last(shells, "c:1") > before[at]!);
  assertEquals(moved.length, 4, "four shards have sent one part each");
  for (const shells of moved) assert(last(shells, "c:1") - before[all.indexOf(shells)]! <= 2);
  const lagging = (shells: Shells) => shells.of("a:1").status?.lagging ?? [];
  const waiting = all.filter((shells) => !moved.includes(shells));
  assertEquals(waiting.flatMap(lagging), [], "its turn is no fault of the copy");
  // Confirmed parts make place for those of other shards, and in the end all have everything.
  for (let turn = 0; turn < 100; turn++) {
    for (const shells of all) {
      const { holds } = shells;
      await shells.release();
      shells.holds = holds;
    }
    await settle();
    if (all.every((shells) => last(shells, "c:1") === last(shells, "a:1"))) break;
  }
  for (const shells of all) assertEquals(last(shells, "c:1"), last(shells, "a:1"));
});
