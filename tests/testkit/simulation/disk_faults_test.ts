import { assert, assertEquals, assertRejects } from "@std/assert";
import { replaceFile } from "../../../lib/runtime/atomic_file.ts";
import { type Fault, simulate, type Simulation, StorageError } from "../../../lib/testkit/mod.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (content: Uint8Array) => new TextDecoder().decode(content);

/** Two nodes with these faults. */
async function run(
  faults: readonly Fault[],
  scenario: (simulation: Simulation) => Promise<void>,
  seed = 1,
): Promise<string> {
  const options = {
    seed,
    nodes: 2,
    duration: 90_000,
    linger: 10,
    faults,
    failures: false,
  } as const;
  return (await simulate({ ...options, shrink: 0 }, scenario)).trace;
}

/** Appends to `/log` without syncing it; answers the code of the error, if there was one. */
async function append(sim: Simulation, node: string, what: string): Promise<string | undefined> {
  try {
    const file = await sim.node(node).storage.open("/log", "append");
    await file.append(bytes(what));
    await file.close();
  } catch (error) {
    assert(error instanceof StorageError);
    return error.code;
  }
}

async function read(sim: Simulation, node: string, path = "/log"): Promise<string | undefined> {
  try {
    return text(await sim.node(node).storage.read(path));
  } catch (error) {
    assert(error instanceof StorageError);
    return error.code;
  }
}

Deno.test("a full disk takes no bytes, but gives them back, and only while it is full", async () => {
  const full: Fault = { type: "diskFull", at: 1_000, for: 1_000, node: "node-1" };
  const codes = async (faults: readonly Fault[]) => {
    let found: unknown[] = [];
    await run(faults, async (sim) => {
      await append(sim, "node-1", "a");
      await sim.sleep(1_500 - sim.now);
      const during = [await append(sim, "node-1", "b"), await append(sim, "node-2", "b")];
      assertEquals((await read(sim, "node-1"))?.[0], "a");
      await sim.node("node-1").storage.rename("/log", "/old");
      await sim.node("node-1").storage.remove("/old");
      await sim.sleep(1_000);
      found = [...during, await append(sim, "node-1", "c")];
    });
    return found;
  };
  assertEquals(await codes([full]), ["full", undefined, undefined]);
  assertEquals(await codes([]), [undefined, undefined, undefined]);
});

Deno.test("a slow disk needs longer for each operation", async () => {
  const took = async (faults: readonly Fault[]) => {
    const times: number[] = [];
    await run(faults, async (sim) => {
      await sim.sleep(1_500);
      for (const node of ["node-1", "node-2"]) {
        const start = sim.now;
        await append(sim, node, "a");
        times.push(sim.now - start);
      }
    });
    return times;
  };
  const slow: Fault = { type: "diskSlow", at: 1_000, for: 20_000, node: "node-1", delay: 300 };
  const [here, elsewhere] = await took([slow]);
  assert(here! >= 500 && elsewhere! < 10, `${here} ms, ${elsewhere} ms`);
  for (const time of await took([])) assert(time < 10, `${time} ms`);
});

for (const operation of ["read", "write", "sync"] as const) {
  Deno.test(`a disk that cannot ${operation} says so, and does all else`, async () => {
    const broken: Fault = {
      type: "diskError",
      at: 1_000,
      for: 1_000,
      node: "node-1",
      operation,
      probability: 1,
    };
    const outcome = async (faults: readonly Fault[]) => {
      let failed: string[] = [];
      await run(faults, async (sim) => {
        const { storage } = sim.node("node-1");
        const file = await storage.open("/log", "append");
        await sim.sleep(1_500 - sim.now);
        const results = await Promise.allSettled([
          storage.read("/log"),
          file.append(bytes("x")),
          file.sync(),
        ]);
        failed = ["read", "write", "sync"].filter((_, i) => results[i]!.status === "rejected");
        for (const result of results) {
          if (result.status === "rejected") assertEquals(result.reason.code, "io");
        }
        await sim.sleep(1_000);
        await Promise.all([storage.read("/log"), file.append(bytes("x")), file.sync()]);
      });
      return failed;
    };
    assertEquals(await outcome([broken]), [operation]);
    assertEquals(await outcome([]), []);
  });
}

Deno.test("a sync that succeeds after one that failed saves nothing that was written before", async () => {
  const faults: Fault[] = [
    {
      type: "diskError",
      at: 1_000,
      for: 500,
      node: "node-1",
      operation: "sync",
      probability: 1,
    },
    { type: "crash", at: 3_000, node: "node-1", restartAfter: 500, unsynced: "lost" },
  ];
  await run(faults, async (sim) => {
    const { storage } = sim.node("node-1");
    const file = await storage.open("/log", "append");
    await file.append(bytes("a"));
    await file.sync();
    await storage.syncFolder("/");
    await file.append(bytes("b"));
    await sim.sleep(1_200 - sim.now);
    await assertRejects(() => file.sync(), StorageError);
    await sim.sleep(1_000);
    await file.sync();
    assertEquals(await read(sim, "node-1"), "ab");
    await sim.until(() => sim.node("node-1").starts === 2);
    assertEquals(await read(sim, "node-1"), "a");
  });
});

/** What is left of a synced file, an unsynced addition and an unsynced file, after a crash. */
async function afterCrash(crash: Partial<Fault>, seed = 1): Promise<(string | undefined)[]> {
  let found: (string | undefined)[] = [];
  const faults = [
    { type: "crash", at: 2_000, node: "node-1", restartAfter: 1_000, ...crash } as Fault,
  ];
  await run(faults, async (sim) => {
    const { storage } = sim.node("node-1");
    await replaceFile(storage, "/log", bytes("synced"));
    await append(sim, "node-1", " added later");
    const file = await storage.open("/other", "append");
    await file.append(bytes("new"));
    await sim.until(() => sim.node("node-1").starts === 2);
    found = [await read(sim, "node-1"), await read(sim, "node-1", "/other")];
  }, seed);
  return found;
}

Deno.test("what was not synced survives the death of a process, and is lost with the power", async () => {
  assertEquals(await afterCrash({}), ["synced added later", "new"]);
  assertEquals(await afterCrash({ silently: true, unsynced: "kept" }), [
    "synced added later",
    "new",
  ]);
  assertEquals(await afterCrash({ unsynced: "lost" }), ["synced", "notFound"]);
});

Deno.test("a machine that fails leaves each unsynced write whole, in part, or not at all", async () => {
  const logs = new Set<string>();
  const others = new Set<string | undefined>();
  for (let seed = 1; seed <= 40; seed++) {
    const [log, other] = await afterCrash({ silently: true }, seed);
    assert(log!.startsWith("synced"), log);
    const added = log!.slice("synced".length);
    // The second write may be there without the first: zeros, where the first should be.
    const part = [...added].every((char, i) => char === "\0" || char === " added later"[i]);
    logs.add(added === "" ? "lost" : added === " added later" ? "whole" : part ? "torn" : log!);
    others.add(other?.replace(/\0/g, "0"));
  }
  assertEquals([...logs].sort(), ["lost", "torn", "whole"]);
  for (const state of ["notFound", "", "new"]) assert(others.has(state), `never ${state}`);
});

Deno.test("a disk stays with its machine, also at another address; another has a disk of its own", async () => {
  const crash: Fault = {
    type: "crash",
    at: 1_000,
    node: "node-1",
    restartAfter: 500,
    identity: "new",
  };
  await run([crash], async (sim) => {
    const { host, storage } = sim.node("node-1");
    await replaceFile(storage, "/log", bytes("mine"));
    await replaceFile(storage, "/shared/log", bytes("ours"));
    await sim.until(() => sim.node("node-1").starts === 2);
    assert(sim.node("node-1").host !== host);
    assertEquals(await read(sim, "node-1"), "mine");
    assertEquals(await read(sim, "node-2"), "notFound");
    assertEquals(await read(sim, "node-2", "/shared/log"), "ours");
  });
});

Deno.test("a process that has ended finishes nothing, and a paused one is answered later", async () => {
  const faults: Fault[] = [
    { type: "pause", at: 1_000, for: 2_000, node: "node-2", whole: true },
    { type: "crash", at: 1_000, node: "node-1", restartAfter: 500 },
    { type: "diskSlow", at: 0, for: 10_000, node: "node-1", delay: 400 },
    { type: "diskSlow", at: 0, for: 10_000, node: "node-2", delay: 400 },
  ];
  await run(faults, async (sim) => {
    const settled: string[] = [];
    for (const node of ["node-1", "node-2"]) {
      const { clock } = sim.node(node).system.runtime;
      clock.schedule(990 - sim.now, () => {
        sim.node(node).storage.makeFolder(`/shared/${node}`)
          .then(() => settled.push(`${node} ${Math.round(sim.now / 100)}`));
      });
    }
    await sim.sleep(5_000);
    assertEquals(settled, ["node-2 30"]);
    assertEquals(await sim.node("node-2").storage.list("/shared"), ["node-2"]);
  });
});

Deno.test("faults of disks come from the seed, and only if they are asked for", async () => {
  const { randomFaults, SeededRandom, faultKinds } = await import("../../../lib/testkit/mod.ts");
  const scene = { nodes: ["node-1", "node-2", "node-3"], duration: 600_000 };
  const kinds = (options: Parameters<typeof randomFaults>[0]) =>
    new Set(randomFaults(options)(new SeededRandom(1), scene).map(({ type }) => type));
  const usual = kinds({ every: 500 });
  assert(![...usual].some((kind) => kind.startsWith("disk")));
  assertEquals(kinds({ every: 500, kinds: faultKinds }).size, faultKinds.length);
  const trace = () =>
    run([{ type: "diskSlow", at: 0, for: 9_000, node: "node-1", delay: 5 }], async (sim) => {
      for (let i = 0; i < 20; i++) await append(sim, "node-1", `${i}`);
    });
  assertEquals(await trace(), await trace());
});
