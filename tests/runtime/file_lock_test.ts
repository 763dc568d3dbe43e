import { assert, assertEquals, assertRejects } from "@std/assert";
import { FileLock } from "../../lib/runtime/file_lock.ts";
import { StorageError } from "../../lib/runtime/storage.ts";
import { FailingMachines, type MachineProcess } from "./failing_machines.ts";

const lock = ({ storage }: MachineProcess) => FileLock.acquire(storage, "/data/store");

Deno.test("a lock has one owner, who is named to others, until it is released", async () => {
  const machines = new FailingMachines(1);
  const run = <T>(work: Promise<T>) => machines.clock.resolve(work);
  const [one, other] = [machines.start("a"), machines.start("b")];
  const held = await run(lock(one));
  const refusal = await run(assertRejects(() => lock(other), StorageError));
  assertEquals(refusal.code, "locked");
  assert(refusal.message.includes("process 1 of a"), refusal.message);
  await run(assertRejects(() => lock(one), StorageError, "process 1 of a"));
  await run(held.release());
  await run(held.release());
  const next = await run(lock(other));
  await run(held.release());
  await run(assertRejects(() => lock(one), StorageError, "process 2 of b"));
  await run(next.release());
});

Deno.test("the lock of a process that has ended is taken over on its machine, and on no other", async () => {
  const machines = new FailingMachines(1);
  const run = <T>(work: Promise<T>) => machines.clock.resolve(work);
  const first = machines.start("a");
  const held = await run(lock(first));
  first.fail();
  await run(assertRejects(() => lock(machines.start("b")), StorageError, "process 1 of a"));
  const again = machines.start("a");
  const taken = await run(lock(again));
  assert(taken !== held);
  await run(assertRejects(() => lock(machines.start("b")), StorageError, "process 3 of a"));
});

Deno.test("of many processes that want a lock at once, one gets it", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const machines = new FailingMachines(seed);
    const first = await machines.clock.resolve(lock(machines.start("a")));
    await machines.clock.resolve(first.release());
    const results = await machines.clock.resolve(
      Promise.allSettled(["b", "c", "d", "e", "f"].map((host) => lock(machines.start(host)))),
    );
    assertEquals(results.filter(({ status }) => status === "fulfilled").length, 1);
    for (const result of results) {
      if (result.status === "rejected") assertEquals(result.reason.code, "locked");
    }
  }
});

Deno.test("a file that is no lock is corrupt", async () => {
  const machines = new FailingMachines(1);
  const { storage } = machines.start("a");
  const put = async () => {
    const file = await storage.open("/data/store.lock.000000000001", "truncate");
    await file.append(new TextEncoder().encode("{}"));
    await file.close();
  };
  await machines.clock.resolve(put());
  const acquire = () => FileLock.acquire(storage, "/data/store");
  const error = await machines.clock.resolve(assertRejects(acquire, StorageError));
  assertEquals(error.code, "corrupt");
});
