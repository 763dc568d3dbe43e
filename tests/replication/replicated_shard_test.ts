import { assertEquals, assertRejects } from "@std/assert";
import { PersistenceError } from "../../lib/persistence/errors.ts";
import { copyableMemoryJournal } from "../../lib/persistence/memory_journal.ts";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import { CopyContent } from "../../lib/replication/copy_content.ts";
import { newBootstrapHolder, noCopy } from "../../lib/replication/copy_record.ts";
import { ReplicatedShard } from "../../lib/replication/replicated_shard.ts";
import type { ReplicationMessage } from "../../lib/replication/replication_protocol.ts";
import { ShardReplication } from "../../lib/replication/shard_replication.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: ReplicationMessage;
}

/** The shells of one shard at three nodes, in memory; messages and stores can be held. */
class Shells {
  readonly clock = new ManualClock();
  readonly shards = new Map<string, ReplicatedShard>();
  /** Messages for which this answers true are kept in `held`. */
  holds: (sent: Sent) => boolean = () => false;
  held: Sent[] = [];
  /** While it is set, the store of that node makes nothing durable. */
  slow: { readonly address: string; readonly until: Promise<void> } | undefined;
  #queue: Sent[] = [];
  readonly #addresses = ["a:1", "b:1", "c:1"];

  constructor() {
    for (const address of this.#addresses) this.shards.set(address, this.#make(address));
  }

  #make(address: string): ReplicatedShard {
    const port = {
      clock: this.clock,
      name: address,
      holdsLease: () => true,
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
      status: () => {},
      preferOwner: () => {},
      needsEpoch: () => {},
      lossAccepted: () => {},
      failed: (_shard: number, what: string) => {
        throw new Error(what);
      },
      write: () => this.slow?.address === address ? this.slow.until : Promise.resolve(),
    };
    const machine = new ShardReplication(
      { address, store: 1 },
      noCopy,
      newBootstrapHolder(),
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
