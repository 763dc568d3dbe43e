import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import { crc32c } from "../../../lib/persistence/crc32c.ts";
import { type AppendEntry, type Journal, PersistenceError } from "../../../lib/persistence/mod.ts";
import { entityType } from "../../../lib/sharding/routing/entity_type.ts";
import type { Storage } from "../../../lib/runtime/storage.ts";
import { journalConformance } from "../../../lib/testkit/journal_conformance.ts";
import {
  type Fault,
  ManualClock,
  memoryStorage,
  SeededRandom,
  simulate,
  type Simulation,
} from "../../../lib/testkit/mod.ts";
import { DiskFaults } from "../../../lib/testkit/simulation/disk_faults.ts";
import { DiskJournal } from "../../../lib/testkit/simulation/disk_journal.ts";
import { JournalLedger } from "../../../lib/testkit/simulation/journal_ledger.ts";
import { DatabaseServer } from "../../../lib/testkit/simulation/simulated_database.ts";
import { SimulatedDisk } from "../../../lib/testkit/simulation/simulated_disk.ts";
import { SimulatedStorage } from "../../../lib/testkit/simulation/simulated_storage.ts";

const user = { node: "node-1", enter: (take: () => void) => take(), alive: () => true };

function entry(text: string, expectedSeq: number, epoch = 1): AppendEntry {
  const payload = new TextEncoder().encode(text);
  const event = { payload, version: 0, at: 1, checksum: crc32c(payload) };
  return { id: "a", expectedSeq, epoch, events: [event] };
}

function onDisk(storage: Storage, clock: ManualClock, ledger = new JournalLedger()): Journal {
  return new DiskJournal({ storage, clock, machine: "node-1", path: "/data/log", ledger });
}

const stores: Record<string, (clock: ManualClock) => () => Journal> = {
  "the simulated database": (clock) => {
    const server = new DatabaseServer(clock, new SeededRandom(1));
    return () => server.journalOf(user);
  },
  "a simulated disk": (clock) => {
    const storage = memoryStorage(clock);
    return () => onDisk(storage, clock);
  },
};

for (const [name, make] of Object.entries(stores)) {
  let clock = new ManualClock();
  const checks = journalConformance(() => {
    const open = make(clock);
    const journal = open();
    return Promise.resolve({
      journal,
      reopen: async () => {
        await journal.close();
        return open();
      },
      dispose: () => journal.close(),
    });
  });
  for (const check of checks) {
    Deno.test(`${name}: ${check.name}`, async () => {
      clock = new ManualClock();
      await clock.resolve(check.run());
    });
  }
}

/** One node with these faults of the database. */
async function run(
  faults: readonly Fault[],
  scenario: (sim: Simulation, journal: Journal) => Promise<void>,
): Promise<void> {
  await simulate({
    seed: 1,
    nodes: 1,
    duration: 60_000,
    linger: 10,
    faults,
    failures: false,
    shrink: 0,
  }, (sim) => scenario(sim, sim.nodes[0]!.journal));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (error) => error);
  return error instanceof PersistenceError ? error.code : String(error);
}

Deno.test("a database that is down is told so, and what was sent to it before is stored", async () => {
  await run([{ type: "storeDown", at: 1_000, for: 5_000 }], async (sim, journal) => {
    await journal.open("a", 1);
    // The call arrives at most 2.2 ms later, and its commit takes at least 0.2 ms.
    await sim.sleep(999.9 - sim.now - 2.2);
    let code = "";
    for (let seq = 0; code !== "outcomeUnknown"; seq++) {
      code = await codeOf(journal.append([entry("one", seq)]));
      if (sim.now > 1_000) break;
    }
    assertEquals(code, "outcomeUnknown");
    const stored = sim.database.counts.appended;
    assertEquals((await sim.database.contents.open("a", 1)).lastSeq, stored);
    assertEquals(await codeOf(journal.append([entry("two", stored)])), "storeUnavailable");
    assertEquals(await codeOf(journal.loadSnapshot("a")), "storeUnavailable");
    await sim.sleep(6_100 - sim.now);
    assertEquals((await journal.open("a", 1)).lastSeq, stored);
  });
});

Deno.test("a full database refuses writes and is read; a slow one takes its time", async () => {
  await run([
    { type: "storeFull", at: 1_000, for: 1_000 },
    { type: "storeSlow", at: 3_000, for: 1_000, delay: 10_000 },
  ], async (sim, journal) => {
    await journal.open("a", 1);
    await journal.append([entry("one", 0)]);
    await sim.sleep(1_100 - sim.now);
    assertEquals(await codeOf(journal.append([entry("two", 1)])), "storeUnavailable");
    for await (const { seq } of journal.read("a")) assertEquals(seq, 1);
    await sim.sleep(3_100 - sim.now);
    const before = sim.now;
    await journal.append([entry("two", 1)]);
    assert(sim.now - before > 10_000 && sim.now - before < 10_020, `${sim.now - before}`);
  });
});

Deno.test("errors come before or after the commit, as the fault says", async () => {
  await run([
    { type: "storeError", at: 1_000, for: 1_000, when: "before", probability: 1 },
    { type: "storeError", at: 3_000, for: 1_000, when: "after", probability: 1 },
  ], async (sim, journal) => {
    await journal.open("a", 1);
    await sim.sleep(1_100 - sim.now);
    assertEquals(await codeOf(journal.append([entry("one", 0)])), "storeUnavailable");
    await sim.sleep(3_100 - sim.now);
    assertEquals(await codeOf(journal.append([entry("one", 0)])), "outcomeUnknown");
    await sim.sleep(4_100 - sim.now);
    assertEquals((await journal.open("a", 1)).lastSeq, 1);
    assertEquals(sim.database.counts, {
      appended: 1,
      fenced: 0,
      unknown: 1,
      refused: 1,
      outputs: 0,
    });
  });
});

Deno.test("only the nodes that a fault names do not reach the database", async () => {
  const faults: Fault[] = [{ type: "storeDown", at: 0, for: 30_000, nodes: ["node-2"] }];
  await simulate({ seed: 1, nodes: 2, duration: 60_000, linger: 10, faults, failures: false }, {
    run: async (sim) => {
      await sim.sleep(100);
      await sim.node("node-1").journal.open("a", 1);
      await assertRejects(() => sim.node("node-2").journal.open("a", 1), PersistenceError);
    },
  });
});

Deno.test("entities are stored in the database when the options of their nodes name it", async () => {
  const counter = Behaviors.eventSourced<ActorRef<number>, number, number>({
    initial: 0,
    onCommand: (_context, _count, replyTo, effect) =>
      effect.persist(1).thenReply(replyTo, (count) => count),
    onEvent: (count, more) => count + more,
  });
  const type = entityType<ActorRef<number>>("counters", { numShards: 4 });
  await simulate({
    seed: 1,
    nodes: 2,
    failures: false,
    cluster: (node) => ({ persistence: { journal: node.journal } }),
    setup: (node) => void node.system.spawn(Behaviors.sharded(type, () => counter)),
    faults: [{ type: "crash", at: 3_000, node: "node-1", restartAfter: 1_000 }],
  }, async (sim) => {
    const client = await sim.connect();
    const count = () => client.entity(type, "a").ask((replyTo) => replyTo, { timeout: 20_000 });
    assertEquals(await count(), 1);
    await sim.faultsOver();
    await sim.converged();
    assertEquals(await count(), 2);
    assertEquals((await sim.database.contents.open("counters|a", undefined)).lastSeq, 2);
  });
});

Deno.test("what is told, and stored, by whom: each broken promise is found", () => {
  const ledger = new JournalLedger();
  const one = entry("one", 0);
  const stored = [{ outcome: "appended", lastSeq: 1 }] as const;
  ledger.opened("s", "a", 1);
  ledger.carriedOut("s", [one], stored);
  ledger.acknowledged("s", [one], stored);
  const { checksum } = one.events[0]!;
  ledger.found("s", "a", [{ seq: 1, checksum }]);
  assertEquals(ledger.broken, []);

  ledger.carriedOut("s", [one], [{ outcome: "appended", lastSeq: 2 }]);
  ledger.opened("s", "a", 2);
  ledger.carriedOut("s", [entry("two", 2)], [{ outcome: "appended", lastSeq: 3 }]);
  ledger.found("s", "a", [{ seq: 1, checksum: checksum + 1 }]);
  ledger.found("s", "a", []);
  assertEquals(ledger.broken.map(({ promise }) => promise), [
    "noEventStoredTwice",
    "oneWriter",
    "noAcknowledgedEventLost",
    "noAcknowledgedEventLost",
  ]);
  ledger.deleting("s", "a", 1);
  ledger.found("s", "a", []);
  assertEquals(ledger.broken.length, 4);
});

/** A disk of a machine, as its processes use it one after the other. */
function machine(clock: ManualClock, syncs: boolean) {
  const disk = new SimulatedDisk();
  const random = new SeededRandom(1);
  const storage = () => {
    const made = new SimulatedStorage({
      disk: () => disk,
      clock,
      random,
      faults: new DiskFaults(),
      self: { host: "node-1", pid: 1, startedAt: 0 },
      enter: (take) => take(),
      alive: () => true,
    });
    if (syncs) return made;
    const open = made.open.bind(made);
    made.open = async (path, mode) => {
      const file = await open(path, mode);
      // Of the log only: to replace a file has to work.
      return path.endsWith("log") ? { ...file, sync: () => Promise.resolve() } : file;
    };
    return made;
  };
  return { storage, fail: () => disk.fail("node-1", "lost", random) };
}

for (const syncs of [true, false]) {
  Deno.test(`a disk that ${syncs ? "syncs keeps" : "does not sync loses"} what was acknowledged`, async () => {
    const clock = new ManualClock();
    const { storage, fail } = machine(clock, syncs);
    const ledger = new JournalLedger();
    const journal = onDisk(storage(), clock, ledger);
    await clock.resolve(journal.open("a", 1));
    await clock.resolve(journal.append([entry("one", 0)]));
    fail();
    const restarted = onDisk(storage(), clock, ledger);
    const { lastSeq } = await clock.resolve(restarted.open("a", 2));
    assertEquals(lastSeq, syncs ? 1 : 0);
    assertEquals(
      ledger.broken.map(({ promise }) => promise),
      syncs ? [] : ["noAcknowledgedEventLost"],
    );
  });
}

Deno.test("a change whose end was torn off is cut, and the store goes on", async () => {
  const clock = new ManualClock();
  const storage = memoryStorage(clock);
  const journal = onDisk(storage, clock);
  await clock.resolve(journal.open("a", 1));
  await clock.resolve(journal.append([entry("one", 0)]));
  await clock.resolve(journal.append([entry("two", 1)]));
  const size = await clock.resolve(storage.size("/data/log"));
  const file = await clock.resolve(storage.open("/data/log", "append"));
  await clock.resolve(file.truncate(size - 3));
  const restarted = onDisk(storage, clock);
  assertEquals((await clock.resolve(restarted.open("a", 2))).lastSeq, 1);
  const [result] = await clock.resolve(restarted.append([entry("three", 1, 2)]));
  assertEquals(result, { outcome: "appended", lastSeq: 2 });
});
