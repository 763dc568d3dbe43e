import { assert, assertEquals } from "@std/assert";
import type { Fault } from "../../../lib/testkit/mod.ts";
import { listen, travelTime } from "./listening.ts";

/** Milliseconds in which a text arrives when nothing is wrong. */
const prompt = 10;

Deno.test("without faults a text arrives at once", async () => {
  const time = await travelTime([]);
  assert(time >= 1 && time <= prompt, `${time} ms`);
});

Deno.test("a partition holds back what is sent in either direction, until it is over", async () => {
  const partition: Fault = {
    type: "partition",
    at: 500,
    for: 2_500,
    between: ["node-1"],
    and: ["node-2", "node-3"],
  };
  for (const ends of [{}, { from: "node-2", to: "node-1" }]) {
    const time = await travelTime([partition], ends);
    assert(time >= 2_000 && time <= 2_000 + prompt, `${time} ms`);
  }
  const among = await travelTime([partition], { from: "node-2", to: "node-3" });
  assert(among <= prompt, `${among} ms`);
});

Deno.test("a one-way partition holds back only one direction", async () => {
  const partition: Fault = {
    type: "partition",
    at: 500,
    for: 2_500,
    between: ["node-1"],
    and: ["node-2"],
    oneWay: true,
  };
  const cut = await travelTime([partition]);
  assert(cut >= 2_000 && cut <= 2_000 + prompt, `${cut} ms`);
  const back = await travelTime([partition], { from: "node-2", to: "node-1" });
  assert(back <= prompt, `${back} ms`);
});

Deno.test("two partitions that overlap end with the later", async () => {
  const sides = { type: "partition" as const, between: ["node-1"], and: ["node-2"] };
  const time = await travelTime([{ ...sides, at: 500, for: 1_000 }, {
    ...sides,
    at: 900,
    for: 2_100,
  }]);
  assert(time >= 2_000 && time <= 2_000 + prompt, `${time} ms`);
});

Deno.test("latency delays the traffic that it names, and no other", async () => {
  const latency: Fault = {
    type: "latency",
    at: 500,
    for: 5_000,
    from: ["node-1"],
    to: ["node-2"],
    min: 300,
    max: 400,
  };
  const slow = await travelTime([latency]);
  assert(slow >= 300 && slow <= 400 + prompt, `${slow} ms`);
  const back = await travelTime([latency], { from: "node-2", to: "node-1" });
  assert(back <= prompt, `${back} ms`);
  const later = await travelTime([latency], { at: 6_000 });
  assert(later <= prompt, `${later} ms`);
});

Deno.test("exponential latency has a tail above its mean", async () => {
  const times: number[] = [];
  await listen([
    { type: "latency", at: 0, for: 60_000, min: 0, max: 50, distribution: "exponential" },
  ], async ({ sim, received, tell }) => {
    for (let i = 0; i < 100; i++) {
      const sent = sim.now;
      received.length = 0;
      tell("node-1", "node-2", `${i}`);
      await sim.until(() => received.length > 0);
      times.push(received[0]!.at - sent);
    }
  });
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  assert(mean > 30 && mean < 90, `mean ${mean} ms`);
  assert(Math.max(...times) > 120, `longest ${Math.max(...times)} ms`);
});

Deno.test("a lost packet of a stream is late by a retransmission, and nothing is lost", async () => {
  let late = 0;
  await listen(
    [{ type: "loss", at: 0, for: 60_000, probability: 0.3, from: ["node-1"], to: ["node-2"] }],
    async ({ sim, received, tell }) => {
      for (let i = 0; i < 20; i++) {
        const sent = sim.now;
        tell("node-1", "node-2", `${i}`);
        await sim.until(() => received.length > i);
        if (received[i]!.at - sent >= 200) late++;
      }
      assertEquals(received.map(({ text }) => text), Array.from({ length: 20 }, (_, i) => `${i}`));
    },
    // With seed 1 one packet is lost seven times in a row: the sender gives the connection up after
    // `writeTimeout`, 20 s, before the packet arrives after 25 s.
    { duration: 120_000, seed: 2 },
  );
  assert(late >= 2 && late <= 14, `${late} of 20 were late`);
});

for (const midFrame of [false, true]) {
  Deno.test(`a reset ${midFrame ? "in mid-frame " : ""}loses messages under way as dead letters`, async () => {
    const faults: Fault[] = [{
      type: "reset",
      at: 1_000,
      between: "node-1",
      and: "node-2",
      midFrame,
    }];
    for (const with_ of [true, false]) {
      await listen(with_ ? faults : [], async ({ sim, received, tell }) => {
        // Just before, so that it is under way when the reset comes.
        await sim.sleep(1_000 - sim.now - (midFrame ? -0.01 : 0.5));
        const { ledger } = sim.node("node-1").system;
        const lost = () => ledger.snapshot().deadLetters.disconnected ?? 0;
        const before = lost();
        tell("node-1", "node-2", "x".repeat(10_000));
        await sim.sleep(10_000);
        assertEquals([received.length, lost() > before], with_ ? [0, true] : [1, false]);
        tell("node-1", "node-2", "afterwards");
        await sim.until(() => received.at(-1)?.text === "afterwards");
      });
    }
  });
}

Deno.test("messages are lost, and only those at the paths that are named", async () => {
  const loss = { type: "messageLoss" as const, at: 500, for: 5_000, probability: 1 };
  const receivedWith = async (faults: readonly Fault[]) => {
    let count = 0;
    await listen(faults, async ({ sim, received, tell }) => {
      await sim.sleep(1_000);
      for (let i = 0; i < 10; i++) tell("node-1", "node-2", `${i}`);
      await sim.sleep(2_000);
      count = received.length;
    });
    return count;
  };
  assertEquals(await receivedWith([]), 10);
  assertEquals(await receivedWith([loss]), 10);
  assertEquals(await receivedWith([{ ...loss, paths: ["/listener"] }]), 0);
  assertEquals(await receivedWith([{ ...loss, paths: ["/listener"], from: ["node-3"] }]), 10);
  const half = await receivedWith([{ ...loss, paths: ["/listener"], probability: 0.5 }]);
  assert(half > 0 && half < 10, `${half} of 10`);
});

Deno.test("messages come twice, or overtake each other", async () => {
  const texts = async (faults: readonly Fault[]) => {
    let all: string[] = [];
    await listen(faults, async ({ sim, received, tell }) => {
      await sim.sleep(1_000);
      for (let i = 0; i < 10; i++) tell("node-1", "node-2", `${i}`);
      await sim.sleep(3_000);
      all = received.map(({ text }) => text);
    });
    return all;
  };
  const fault = { at: 500, for: 5_000, probability: 1, paths: ["/listener"] };
  const inOrder = Array.from({ length: 10 }, (_, i) => `${i}`);
  assertEquals(await texts([]), inOrder);
  const twice = await texts([{ type: "messageDuplication", ...fault }]);
  assertEquals(twice.toSorted(), [...inOrder, ...inOrder].toSorted());
  const mixed = await texts([{ type: "messageReordering", ...fault }]);
  assertEquals(mixed.toSorted(), inOrder);
  assert(mixed.join() !== inOrder.join(), mixed.join());
});
