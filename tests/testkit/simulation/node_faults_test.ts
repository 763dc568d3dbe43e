import { assert, assertEquals } from "@std/assert";
import { type Fault, simulate } from "../../../lib/testkit/mod.ts";
import { listen, travelTime } from "./listening.ts";

Deno.test("a paused node handles messages and timers when it resumes", async () => {
  const pause: Fault = { type: "pause", at: 500, for: 2_500, node: "node-2" };
  const time = await travelTime([pause]);
  assert(time >= 2_000 && time <= 2_010, `${time} ms`);
  const elsewhere = await travelTime([pause], { to: "node-3" });
  assert(elsewhere <= 10, `${elsewhere} ms`);
  await listen([pause], async ({ sim }) => {
    let fired = 0;
    const node = sim.node("node-2");
    node.system.runtime.clock.schedule(1_000 - sim.now, () => fired = sim.now);
    await sim.sleep(1_500 - sim.now);
    assert(node.paused);
    await sim.until(() => fired > 0);
    assert(fired >= 3_000 && fired < 3_010, `fired at ${fired}`);
    assert(!node.paused);
  });
});

Deno.test("a turn that a pause has interrupted ends in order before any other", async () => {
  const pause: Fault = { type: "pause", at: 500, for: 1_000, node: "node-2" };
  await listen([pause], async ({ sim }) => {
    const node = sim.node("node-2");
    const { clock } = node.system.runtime;
    const happened: string[] = [];
    await sim.until(() => node.paused);
    clock.schedule(1, () => happened.push("timer"));
    clock.defer(() => {
      happened.push("first");
      clock.defer(() => happened.push("third"));
    });
    clock.defer(() => happened.push("second"));
    await sim.sleep(100);
    assertEquals(happened, []);
    await sim.until(() => happened.includes("timer"));
    assertEquals(happened, ["first", "second", "third", "timer"]);
  });
});

Deno.test("a slow node needs its time for each turn", async () => {
  const took = async (faults: readonly Fault[]) => {
    let time = 0;
    await listen(faults, async ({ sim, received, tell }) => {
      await sim.sleep(1_000 - sim.now);
      const sent = sim.now;
      for (let i = 0; i < 20; i++) {
        tell("node-1", "node-2", `${i}`);
        await sim.sleep(10);
      }
      await sim.until(() => received.length === 20);
      time = sim.now - sent;
    });
    return time;
  };
  assert(await took([]) < 220);
  const slow = await took([{ type: "slow", at: 500, for: 30_000, node: "node-2", turn: 50 }]);
  assert(slow > 900, `${slow} ms`);
});

Deno.test("a wall clock that jumps changes no timer", async () => {
  await listen(
    [{ type: "clockSkew", at: 1_000, node: "node-2", by: -3_600_000 }],
    async ({ sim }) => {
      const right = sim.node("node-1").system.runtime.clock;
      const { clock } = sim.node("node-2").system.runtime;
      assert(Math.abs(clock.wallTime() - right.wallTime()) < 1);
      const before = clock.now();
      await sim.sleep(2_000);
      assert(Math.abs(clock.wallTime() - right.wallTime() + 3_600_000) < 1);
      assert(Math.abs(clock.now() - before - 2_000) < 0.001);
    },
  );
});

Deno.test("a clock that drifts counts more, and its timers fire earlier", async () => {
  const drift: Fault = { type: "clockDrift", at: 0, for: 20_000, node: "node-2", rate: 1.25 };
  await listen([drift], async ({ sim }) => {
    const { clock } = sim.node("node-2").system.runtime;
    await sim.sleep(1_000);
    const [now, counted] = [sim.now, clock.now()];
    let fired = 0;
    clock.schedule(10_000, () => fired = sim.now);
    await sim.sleep(10_000);
    assert(Math.abs(clock.now() - counted - 12_500) < 0.001, `${clock.now() - counted}`);
    assert(Math.abs(fired - now - 8_000) < 0.001, `${fired - now}`);
    await sim.sleep(20_000);
    const later = clock.now();
    await sim.sleep(1_000);
    assert(Math.abs(clock.now() - later - 1_000) < 0.001);
  });
});

for (const identity of ["same", "new"] as const) {
  Deno.test(`a node that crashes comes back with ${identity} identity`, async () => {
    const crash: Fault = {
      type: "crash",
      at: 1_000,
      node: "node-3",
      restartAfter: 20_000,
      identity,
    };
    await listen([crash], async ({ sim }) => {
      const node = sim.node("node-3");
      const { address, view } = node;
      await sim.sleep(2_000);
      assertEquals([node.status, node.alive, node.running, node.view], [
        "crashed",
        false,
        undefined,
        undefined,
      ]);
      await sim.until(() => node.status === "up");
      assertEquals(node.starts, 2);
      assertEquals(node.address === address, identity === "same");
      assert(node.view!.self.incarnation > view!.self.incarnation);
      await sim.converged();
    }, { duration: 90_000 });
  });
}

Deno.test("a crash is noticed at once, unless it is silent", async () => {
  const noticed = async (silently: boolean) => {
    let at = 0;
    await listen(
      [{ type: "crash", at: 1_000, node: "node-3", silently }],
      async ({ sim, tell }) => {
        const { ledger } = sim.node("node-1").system;
        const lost = () => ledger.snapshot().deadLetters.disconnected ?? 0;
        await sim.sleep(990 - sim.now);
        const before = lost();
        // What the dead node has not acknowledged is lost when its connection is known to be broken.
        tell("node-1", "node-3", "are you there?");
        await sim.until(() => lost() > before, { limit: 100_000 });
        at = sim.now;
      },
      { duration: 120_000 },
    );
    return at;
  };
  const loud = await noticed(false);
  const silent = await noticed(true);
  assert(loud < silent, `loud ${loud}, silent ${silent}`);
});

Deno.test("a dead node does nothing more, and the others declare it dead", async () => {
  const report = await listen(
    [{ type: "crash", at: 1_000, node: "node-3", silently: true }],
    async ({ sim }) => {
      const { clock } = sim.node("node-3").system.runtime;
      let fired = false;
      clock.schedule(5_000, () => fired = true);
      await sim.until(() => sim.node("node-3").status === "crashed");
      clock.schedule(0, () => fired = true);
      clock.defer(() => fired = true);
      clock.yield(() => fired = true);
      await sim.until(() => sim.nodes[0]!.view?.members.length === 2);
      await sim.sleep(6_000);
      assert(!fired);
    },
  );
  assertEquals(report.downings.map(({ address, healthy }) => [address, healthy]), [
    ["node-3:25520", false],
  ]);
});

Deno.test("a node that is stopped leaves in order and comes back", async () => {
  const report = await listen(
    [{ type: "stop", at: 1_000, node: "node-2", restartAfter: 5_000 }],
    async ({ sim }) => {
      await sim.until(() => sim.node("node-2").status === "stopped");
      await sim.until(() => sim.nodes[0]!.view?.members.length === 2);
      await sim.until(() => sim.node("node-2").starts === 2);
      await sim.converged();
    },
    { duration: 90_000 },
  );
  assertEquals(report.downings, []);
});

Deno.test("a partition holds also for a node that comes back at a new address", async () => {
  const partition: Fault = {
    type: "partition",
    at: 1_000,
    for: 30_000,
    between: ["node-3"],
    and: ["node-1", "node-2"],
  };
  const faults: Fault[] = [
    partition,
    { type: "crash", at: 2_000, node: "node-3", restartAfter: 1_000, identity: "new" },
  ];
  let upAt = 0;
  await simulate({ seed: 2, nodes: 3, duration: 120_000, faults, failures: false }, async (sim) => {
    const node = sim.node("node-3");
    await sim.until(() => node.starts === 2 && node.status === "up", { limit: 100_000 });
    upAt = sim.now;
    await sim.converged();
  });
  assert(upAt > 31_000, `up at ${upAt}`);
});

Deno.test("a paused event loop is told apart from a paused process", async () => {
  const downed = async (whole: boolean) => {
    const pause: Fault = { type: "pause", at: 1_000, for: 40_000, node: "node-3", whole };
    const { downings } = await listen([pause], async ({ sim }) => {
      const node = sim.node("node-3");
      await sim.sleep(20_000);
      assertEquals([node.paused, node.frozen, node.alive], [true, whole, true]);
      await sim.until(() => !node.paused);
      await sim.converged();
    }, { duration: 100_000 });
    return downings.map(({ address, healthy }) => [address, healthy]);
  };
  assertEquals(await downed(false), []);
  assertEquals(await downed(true), [["node-3:25520", false]]);
});

Deno.test("a node that crashes while it is stopped comes back, and both faults end", async () => {
  const faults: Fault[] = [
    { type: "stop", at: 1_000, node: "node-2", restartAfter: 5_000 },
    { type: "crash", at: 1_001, node: "node-2", restartAfter: 2_000 },
  ];
  await listen(faults, async ({ sim }) => {
    await sim.until(() => sim.node("node-2").status === "stopping");
    await sim.until(() => sim.node("node-2").status === "crashed");
    await sim.faultsOver({ limit: 10_000 });
    await sim.converged();
  }, { duration: 90_000 });
});

Deno.test("cut links and paused nodes do not reach each other", async () => {
  const faults: Fault[] = [
    {
      type: "partition",
      at: 1_000,
      for: 1_000,
      between: ["node-1"],
      and: ["node-2"],
      oneWay: true,
    },
    { type: "pause", at: 3_000, for: 1_000, node: "node-2" },
  ];
  await listen(faults, async ({ sim }) => {
    const [one, two] = [sim.node("node-1"), sim.node("node-2")];
    const reach = () => [sim.reaches(one, two), sim.reaches(two, one)];
    assertEquals(reach(), [true, true]);
    await sim.sleep(1_500 - sim.now);
    assertEquals(reach(), [false, true]);
    await sim.sleep(2_500 - sim.now);
    assertEquals(reach(), [true, true]);
    await sim.sleep(3_500 - sim.now);
    assertEquals(reach(), [false, false]);
  }, { duration: 60_000 });
});

for (const type of ["stop", "crash"] as const) {
  Deno.test(`a node is started again 20 ms after a ${type}`, async () => {
    const fault: Fault = { type, at: 1_000, node: "node-3", restartAfter: 20 };
    await listen([fault], async ({ sim }) => {
      const node = sim.node("node-3");
      await sim.until(() => node.status !== "up");
      await sim.until(() => node.status === "stopped" || node.status === "crashed");
      const ended = sim.now;
      await sim.until(() => node.starts === 2);
      // Connections take a moment to close.
      assert(sim.now - ended < 100, `${sim.now - ended} ms`);
      await sim.converged();
    }, { duration: 90_000 });
  });
}

Deno.test("a node that is stopped can be back within a second", async () => {
  const stop: Fault = { type: "stop", at: 1_000, node: "node-3", restartAfter: 0 };
  await listen([stop], async ({ sim }) => {
    const node = sim.node("node-3");
    await sim.until(() => node.status === "stopped");
    const stopped = sim.now;
    await sim.until(() => node.starts === 2);
    assert(sim.now - stopped < 1_000, `${sim.now - stopped} ms`);
    await sim.converged();
  }, { duration: 90_000 });
});

Deno.test("a suspended machine has jumped in wall time only, and its timers fire later", async () => {
  const suspend: Fault = { type: "suspend", at: 1_000, for: 8_000, node: "node-2" };
  const fired: number[] = [];
  await listen([suspend], async ({ sim }) => {
    const { clock } = sim.node("node-2").system.runtime;
    const start = { now: clock.now(), wall: clock.wallTime() };
    const at = sim.now;
    for (const delay of [900, 2_000, 9_500]) {
      clock.schedule(
        delay,
        () => fired.push(Math.round(sim.now - at), Math.round(clock.now() - start.now)),
      );
    }
    await sim.sleep(9_100);
    assertEquals(Math.round(clock.now() - start.now), 1_100);
    assertEquals(Math.round(clock.wallTime() - start.wall), 9_100);
    await sim.sleep(9_000);
    assertEquals(fired, [900, 900, 10_000, 2_000, 17_500, 9_500]);
  }, { duration: 60_000 });
});

Deno.test("a machine that crashes while it is suspended has a running clock when it is back", async () => {
  await listen([
    { type: "suspend", at: 1_000, for: 20_000, node: "node-2" },
    { type: "crash", at: 3_000, node: "node-2", restartAfter: 1_000 },
  ], async ({ sim }) => {
    const node = sim.node("node-2");
    await sim.until(() => node.starts === 2 && node.status === "up");
    const { clock } = node.system.runtime;
    const [now, at] = [clock.now(), sim.now];
    await sim.sleep(20_000);
    assertEquals(Math.round(clock.now() - now), Math.round(sim.now - at));
  }, { duration: 90_000 });
});
