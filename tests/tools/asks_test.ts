import { assert, assertEquals } from "@std/assert";
import {
  AskLoad,
  type AskSample,
  byMotion,
  failureLines,
  rollingFigures,
  untilAllAnswer,
} from "../../bench/ownership/asks.ts";
import { figureLine, holds, percentile } from "../../bench/ownership/figures.ts";

const answered = (id: string, at: number, ms: number, instance: string): AskSample => ({
  id,
  at,
  ms,
  instance,
});
const failed = (id: string, at: number, ms: number): AskSample => ({ id, at, ms, failure: "lost" });

/** Quick asks of entities that stay, and of one that moves. */
function quiet(): AskSample[] {
  const still = Array.from({ length: 2_000 }, (_, n) => answered(`e-${n % 20}`, n, 2, "a"));
  return [...still, answered("m", 0, 2, "a"), answered("m", 100, 30, "b")];
}

const missed = (samples: readonly AskSample[]) =>
  rollingFigures(samples).filter((figure) => !holds(figure)).map(({ name }) => name);

Deno.test("an ask is in motion from the last answer of one instance to the first of the next", () => {
  const samples = [
    answered("x", 0, 5, "a"),
    failed("x", 6, 10),
    answered("x", 20, 100, "b"),
    answered("x", 30, 90.5, "b"),
    answered("x", 130, 5, "b"),
    answered("y", 20, 100, "a"),
  ];
  const { moving, still } = byMotion(samples);
  assertEquals(moving, samples.slice(1, 4));
  assertEquals(still, [samples[0], samples[4], samples[5]]);
});

Deno.test("what fails and is never answered by a later instance counts as still", () => {
  const samples = [answered("x", 0, 5, "a"), failed("x", 10, 5_000)];
  assertEquals(byMotion(samples).moving, []);
});

Deno.test("a quiet rolling restart meets all targets", () => {
  assertEquals(missed(quiet()), []);
});

Deno.test("one failed ask misses the target", () => {
  assertEquals(missed([...quiet(), failed("e-1", 500, 5)]), ["asks failed"]);
});

Deno.test("asks to entities that stay and are blocked miss the target", () => {
  const blocked = Array.from({ length: 3 }, (_, n) => answered(`e-${n}`, 2_100, 4_000, "a"));
  assertEquals(missed([...quiet(), ...blocked]), ["entity not in motion: p99.9"]);
});

Deno.test("one ask that a move blocks for too long misses the target", () => {
  const slow = answered("m", 150, 600, "c");
  assertEquals(missed([...quiet(), slow]), ["entity in motion: longest"]);
});

Deno.test("a run that measures nothing meets no target", () => {
  assertEquals(missed([]), ["entity not in motion: p99.9", "entity in motion: longest"]);
});

Deno.test("a figure is shown beside its target", () => {
  const target = { below: 250 } as const;
  const line = figureLine({ name: "p99", value: 250, unit: "ms", target });
  assert(/p99 +250 ms +target below 250 ms +MISSED$/.test(line), line);
  assert(figureLine({ name: "p99", value: NaN, unit: "ms", target }).endsWith("MISSED"));
  assert(figureLine({ name: "asks", value: 0, target: { atMost: 0 } }).endsWith("holds"));
});

Deno.test("a percentile of few values is one of them", () => {
  assertEquals([0, 0.5, 0.99, 1].map((part) => percentile([3, 1, 2], part)), [1, 2, 3, 3]);
  assert(Number.isNaN(percentile([], 0.5)));
});

Deno.test("a load sends at its rate although no ask is answered, and says why asks failed", async () => {
  const answer = Promise.withResolvers<string>();
  let sent = 0;
  const load = new AskLoad(["x", "y"], 1_000, (id) => {
    if (++sent === 20) answer.resolve("a");
    if (id === "y") return Promise.reject(new Error("127.0.0.1:5 is away"));
    return answer.promise;
  });
  await answer.promise;
  const samples = await load.stop();
  assertEquals(samples.length, sent);
  assertEquals(samples.filter(({ id }) => id === "x").every(({ instance }) => !!instance), true);
  const refused = samples.filter(({ failure }) => failure).length;
  assertEquals(failureLines(samples), [`    ${refused} x Error: NODE is away`]);
});

Deno.test("entities are asked until they answer", async () => {
  const tries = new Map<string, number>();
  await untilAllAnswer(["x", "y"], (id) => {
    const count = (tries.get(id) ?? 0) + 1;
    tries.set(id, count);
    return count < 3 ? Promise.reject(new Error("not yet")) : Promise.resolve(id);
  });
  assertEquals([...tries.values()], [3, 3]);
});
