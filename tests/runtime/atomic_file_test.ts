import { assert, assertEquals, assertRejects } from "@std/assert";
import { createFile, replaceFile } from "../../lib/runtime/atomic_file.ts";
import { type Storage, StorageError } from "../../lib/runtime/storage.ts";
import { FailingMachines } from "./failing_machines.ts";

const path = "/data/value";
const oldValue = "old ".repeat(20);
const newValue = "new!".repeat(30);
const bytes = (text: string) => new TextEncoder().encode(text);

type Replace = (storage: Storage, path: string, bytes: Uint8Array) => Promise<void>;

/** What readers find when the power fails some time after a replacement has begun. */
async function outcomes(replace: Replace, seeds = 300): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let seed = 1; seed <= seeds; seed++) {
    const machines = new FailingMachines(seed);
    const machine = machines.start("one");
    await machines.clock.resolve(replaceFile(machine.storage, path, bytes(oldValue)));
    let done = false;
    replace(machine.storage, path, bytes(newValue)).then(() => done = true);
    await machines.clock.advance(machines.random.next() * 12);
    machine.fail();
    const found = await machines.read(path);
    const state = found === newValue ? "new" : found === oldValue ? "old" : "broken";
    seen.add(done ? `${state}, acknowledged` : state);
  }
  return seen;
}

Deno.test("a replaced file is the old or the new one whenever the power fails, the new one once acknowledged", async () => {
  assertEquals([...await outcomes(replaceFile)].sort(), ["new", "new, acknowledged", "old"]);
});

Deno.test("the simulated disk sees what a replacement without a step would lose", async () => {
  const inPlace: Replace = async (storage, path, bytes) => {
    const file = await storage.open(path, "truncate");
    await file.append(bytes);
    await file.sync();
    await file.close();
  };
  assert((await outcomes(inPlace)).has("broken"));
  const without = (step: "sync" | "syncFolder"): Replace => async (storage, path, bytes) => {
    const temporary = storage.temporary(path);
    const file = await storage.open(temporary, "truncate");
    await file.append(bytes);
    if (step !== "sync") await file.sync();
    await file.close();
    await storage.rename(temporary, path);
    if (step !== "syncFolder") await storage.syncFolder("/data");
  };
  assert((await outcomes(without("sync"))).has("broken, acknowledged"));
  const withoutFolder = await outcomes(without("syncFolder"));
  assert(withoutFolder.has("old, acknowledged"), [...withoutFolder].join());
});

Deno.test("of many processes that create a file one succeeds, and it stays", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const machines = new FailingMachines(seed);
    const winners: string[] = [];
    const errors: unknown[] = [];
    const hosts = ["a", "b", "c", "d"];
    const processes = hosts.map((host) => machines.start(host));
    processes.forEach(({ storage }, index) => {
      createFile(storage, path, bytes(hosts[index]!)).then(
        () => winners.push(hosts[index]!),
        (error) => errors.push(error),
      );
    });
    await machines.clock.advance(2 + machines.random.next() * 20);
    for (const { fail } of processes) fail();
    assert(winners.length <= 1, `${winners}`);
    const found = await machines.read(path);
    if (winners.length === 1) assertEquals(found, winners[0]);
    assert(found === undefined || hosts.includes(found), `torn: ${found}`);
    for (const error of errors) {
      assert(error instanceof StorageError);
      assertEquals(error.code, "exists");
    }
  }
});

Deno.test("a full or failing disk leaves the old file, and no temporary one", async () => {
  const faults = [
    { type: "diskFull", at: 0, for: 1, node: "one" },
    { type: "diskError", at: 0, for: 1, node: "one", operation: "write", probability: 1 },
    { type: "diskError", at: 0, for: 1, node: "one", operation: "sync", probability: 1 },
  ] as const;
  for (const fault of faults) {
    const machines = new FailingMachines(1);
    const { storage, faults: disk } = machines.start("one");
    await machines.clock.resolve(replaceFile(storage, path, bytes(oldValue)));
    const file = await machines.clock.resolve(storage.open("/data/open", "append"));
    const end = disk.begin(fault);
    const replacing = replaceFile(storage, path, bytes(newValue));
    const error = await machines.clock.resolve(assertRejects(() => replacing, StorageError));
    assertEquals(error.code, fault.type === "diskFull" ? "full" : "io");
    end();
    assertEquals(await machines.read(path), oldValue);
    await machines.clock.resolve(file.close());
    const names = await machines.clock.resolve(storage.list("/data"));
    assertEquals(names.filter((name) => name.endsWith(".temporary")), []);
  }
});
