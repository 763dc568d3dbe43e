import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ClusterError } from "../../lib/cluster/errors.ts";
import type { Lease } from "../../lib/cluster/lease/lease.ts";
import { leaseMajority } from "../../lib/cluster/lease/lease.ts";
import { fileLease } from "../../lib/cluster/lease/lease_file.ts";
import {
  kvLease,
  type LeaseStore,
  type LeaseTransaction,
} from "../../lib/cluster/lease/lease_kv.ts";
import { FailingMachines } from "../runtime/failing_machines.ts";
import { memoryStorage } from "../../lib/testkit/simulation/simulated_storage.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { StorageError } from "../../lib/runtime/storage.ts";
import type { Clock } from "../../lib/runtime/clock.ts";
import { OptionError } from "../../lib/options/option_error.ts";

/** A store as Deno KV is one, as far as a lease can tell. */
class MemoryStore implements LeaseStore {
  value: unknown = null;
  version = 0;

  get() {
    const versionstamp = this.version === 0 ? null : String(this.version);
    return Promise.resolve({ value: this.value, versionstamp });
  }

  atomic(): LeaseTransaction {
    let expected: string | null = "";
    let next: unknown;
    const transaction: LeaseTransaction = {
      check: (entry) => {
        expected = entry.versionstamp;
        return transaction;
      },
      set: (_key, value) => {
        next = value;
        return transaction;
      },
      commit: () => {
        const ok = expected === (this.version === 0 ? null : String(this.version));
        if (ok) {
          this.value = next;
          this.version++;
        }
        return Promise.resolve({ ok });
      },
    };
    return transaction;
  }
}

/** Time of day by hand; what waits, waits for real. */
class WallClock implements Clock {
  wall = 1_000_000;
  now = () => systemClock.now();
  wallTime = () => this.wall;
  schedule = systemClock.schedule;
  defer = systemClock.defer;
  yield = systemClock.yield;
}

async function withLeases(
  run: (make: (ttl?: number) => Lease, clock: WallClock) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const fileClock = new WallClock();
  await run(
    (ttl = 100_000) => fileLease(`${folder}/lease`, { ttl, clock: fileClock }),
    fileClock,
  );
  await Deno.remove(folder, { recursive: true });
  const store = new MemoryStore();
  const kvClock = new WallClock();
  await run((ttl = 100_000) => kvLease(store, ["lease"], { ttl, clock: kvClock }), kvClock);
}

Deno.test("a lease has one holder that may extend it; the next holder gets a higher token", async () => {
  await withLeases(async (make) => {
    const lease = make();
    assertEquals(await lease.acquire("a:1"), { granted: true, token: 1 });
    assertEquals(await lease.acquire("a:1"), { granted: true, token: 1 });
    assertEquals(await make().acquire("b:1"), { granted: false, holder: "a:1" });
    await lease.release("b:1");
    assertEquals(await lease.acquire("b:1"), { granted: false, holder: "a:1" });
    await lease.release("a:1");
    assertEquals(await lease.acquire("b:1"), { granted: true, token: 2 });
  });
});

Deno.test("the lease of a dead holder expires, and its token is not reused", async () => {
  await withLeases(async (make, clock) => {
    assertEquals(await make().acquire("a:1"), { granted: true, token: 1 });
    clock.wall += 99_999;
    assertEquals(await make().acquire("b:1"), { granted: false, holder: "a:1" });
    clock.wall += 1;
    assertEquals(await make().acquire("b:1"), { granted: true, token: 2 });
    assertEquals(await make().acquire("a:1"), { granted: false, holder: "b:1" });
  });
});

Deno.test("of many concurrent requests, one acquires the lease", async () => {
  await withLeases(async (make) => {
    const owners = Array.from({ length: 12 }, (_, index) => `n${index}:1`);
    const answers = await Promise.all(owners.map((owner) => make().acquire(owner)));
    assertEquals(answers.filter(({ granted }) => granted).length, 1);
  });
});

Deno.test("of many processes with one lease file, one acquires the lease", async () => {
  const folder = await Deno.makeTempDir();
  const module = new URL("../../lib/cluster/lease/lease_file.ts", import.meta.url).href;
  const ask = async (owner: string) => {
    const code = `import { fileLease } from ${JSON.stringify(module)};
      console.log(JSON.stringify(await fileLease(Deno.args[0]).acquire(Deno.args[1])));`;
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-", `${folder}/lease`, owner],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = output.stdin.getWriter();
    await writer.write(new TextEncoder().encode(code));
    await writer.close();
    return JSON.parse(new TextDecoder().decode((await output.output()).stdout));
  };
  const answers = await Promise.all(["a:1", "b:1", "c:1"].map(ask));
  assertEquals(answers.filter(({ granted }) => granted).length, 1);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a malformed lease file or a missing folder is an error", async () => {
  const folder = await Deno.makeTempDir();
  const newest = `${folder}/lease.000000000001`;
  await Deno.writeTextFile(newest, "{");
  const error = await assertRejects(
    () => fileLease(`${folder}/lease`).acquire("a:1"),
    ClusterError,
  );
  assertEquals(error.code, "leaseUnusable");
  assert(error.message.includes(`${folder}/lease`));
  await Deno.writeTextFile(newest, "x".repeat(5_000));
  await assertRejects(
    () => fileLease(`${folder}/lease`).acquire("a:1"),
    ClusterError,
    "5000 bytes",
  );
  const missing = await assertRejects(
    () => fileLease(`${folder}/no/lease`).acquire("a:1"),
    StorageError,
  );
  assertEquals(missing.code, "notFound");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a lease whose writing took long is prolonged before it is granted", async () => {
  const machines = new FailingMachines(1);
  const { storage, faults } = machines.start("a");
  const { clock } = machines;
  const lease = fileLease("/data/lease", { ttl: 70_000, clock, storage });
  const end = faults.begin({ type: "diskSlow", at: 0, for: 1, node: "a", delay: 4_000 });
  clock.schedule(30_000, end);
  assertEquals(await clock.resolve(lease.acquire("a:1")), { granted: true, token: 1 });
  assert(clock.now() > 10_000, `the disk was not slow: ${clock.now()} ms`);
  // The holder relies on it for a minute.
  const granted = clock.now();
  await clock.advance(60_000);
  const other = fileLease("/data/lease", {
    ttl: 70_000,
    clock,
    storage: machines.start("b").storage,
  });
  assertEquals(await clock.resolve(other.acquire("b:1")), { granted: false, holder: "a:1" });
  assert(clock.now() - granted < 61_000);
});

Deno.test("a node binds a lease to time and storage of its runtime, unless it has its own", async () => {
  const machines = new FailingMachines(1);
  const { clock } = machines;
  const { storage } = machines.start("a");
  const bound = fileLease("/data/lease").bind!({ clock, storage });
  assertEquals(await clock.resolve(bound.acquire("a:1")), { granted: true, token: 1 });
  assertEquals(await clock.resolve(storage.list("/data")), ["lease.000000000001"]);
  const own = fileLease("/data/other", { storage }).bind!({ clock, storage: memoryStorage(clock) });
  assertEquals(await clock.resolve(own.acquire("a:1")), { granted: true, token: 1 });
});

Deno.test("a ttl below the hold time is rejected", () => {
  const clock = new ManualClock();
  for (const ttl of [0, 69_999, NaN, Infinity]) {
    const error = assertThrows(() => fileLease("x", { ttl, clock }), OptionError);
    assertEquals(error.code, "badOption");
    assert(error.message.startsWith("ttl: "), error.message);
  }
});

Deno.test("leaseMajority carries its lease", () => {
  const lease = kvLease(new MemoryStore(), ["x"]);
  assertEquals(leaseMajority(lease).lease, lease);
});
