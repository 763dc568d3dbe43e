import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Liveness } from "../../lib/transport/connection/liveness.ts";

const limits = { keepAliveInterval: 15_000, idleTimeout: 40_000, writeTimeout: 20_000 };

type Step = [
  "heard" | "stuck" | "progress" | "owes" | "windowFull" | "more" | "all" | "judge",
  number,
  string?,
];

function play(steps: readonly Step[]): void {
  const liveness = new Liveness(limits, 0);
  for (const [what, now, expected] of steps) {
    if (what === "more" || what === "all") liveness.acknowledged(now, what === "more");
    else if (what !== "judge") liveness[what](now);
    else {
      const verdict = liveness.judge(now);
      const text = verdict.type === "end"
        ? `end ${verdict.reason}`
        : `${verdict.type} ${verdict.delay}`;
      assertEquals(text, expected, `at ${now}`);
    }
  }
}

const histories: [string, Step[]][] = [
  ["silence is probed once, then given up", [
    ["judge", 0, "wait 15000"],
    ["judge", 15_000, "probe 20000"],
    ["judge", 35_000, "wait 5000"],
    ["judge", 40_000, "end silent for idleTimeout (40000 ms)"],
  ]],
  ["whatever is heard counts", [
    ["judge", 0, "wait 15000"],
    ["heard", 14_000],
    ["judge", 15_000, "wait 14000"],
    ["judge", 29_000, "probe 20000"],
    ["heard", 29_001],
    ["judge", 49_000, "probe 20000"],
  ]],
  ["a peer that takes nothing for writeTimeout is gone, however much it says", [
    ["judge", 0, "wait 15000"],
    ["stuck", 1_000],
    ["heard", 14_000],
    ["judge", 15_000, "wait 6000"],
    ["stuck", 16_000],
    ["heard", 20_000],
    ["judge", 21_000, "end it takes no bytes for writeTimeout (20000 ms)"],
  ]],
  ["progress begins the write deadline anew", [
    ["judge", 0, "wait 15000"],
    ["stuck", 1_000],
    ["progress", 14_000],
    ["stuck", 14_000],
    ["heard", 15_000],
    ["judge", 15_000, "wait 15000"],
    ["heard", 30_000],
    ["judge", 30_000, "wait 4000"],
    ["judge", 34_000, "end it takes no bytes for writeTimeout (20000 ms)"],
  ]],
  ["a peer that talks and never acknowledges is gone, whatever it takes", [
    ["judge", 0, "wait 15000"],
    ["owes", 1_000],
    ["stuck", 1_000],
    ["progress", 1_001],
    ["heard", 10_000],
    ["judge", 15_000, "wait 6000"],
    ["stuck", 16_000],
    ["progress", 16_001],
    ["heard", 20_000],
    ["judge", 21_000, "end it acknowledges nothing for writeTimeout (20000 ms)"],
  ]],
  ["an acknowledgement of more begins the deadline anew, and one of all ends it", [
    ["owes", 1_000],
    ["heard", 15_000],
    ["more", 15_000],
    ["judge", 21_000, "wait 9000"],
    ["heard", 25_000],
    ["all", 25_000],
    ["judge", 30_000, "wait 10000"],
  ]],
  ["a stalled peer acknowledges when it runs again", [
    ["owes", 1_000],
    ["heard", 1_000],
    ["judge", 20_000, "probe 1000"],
    ["judge", 21_000, "wait 20000"],
    ["heard", 35_000],
    ["judge", 36_000, "wait 14000"],
  ]],
  ["nothing more is kept for a stalled peer than the window", [
    ["windowFull", 1_000],
    ["heard", 1_000],
    ["heard", 17_000],
    ["judge", 21_000, "end it acknowledges nothing for writeTimeout (20000 ms)"],
  ]],
  ["a stall of this end is no silence of the other", [
    ["judge", 0, "wait 15000"],
    ["stuck", 10_000],
    ["judge", 300_000, "probe 15000"],
    ["judge", 315_000, "end it takes no bytes for writeTimeout (20000 ms)"],
  ]],
];

for (const [behaviour, steps] of histories) {
  Deno.test(`liveness: ${behaviour}`, () => play(steps));
}

Deno.test("liveness: judged when it asks to be, a dead peer is noticed at its deadline, not before", () => {
  fc.assert(fc.property(fc.nat(100_000), fc.nat(100_000), (heardAt, stuckAt) => {
    const liveness = new Liveness(limits, 0);
    let last = 0;
    let stuckSince = Infinity;
    for (let now = 0; now < 200_000;) {
      // The peer is heard up to a moment, and takes bytes up to another.
      const verdict = liveness.judge(now);
      if (verdict.type === "end") {
        assertEquals(now, Math.min(last + limits.idleTimeout, stuckSince + limits.writeTimeout));
        return;
      }
      const next = now + verdict.delay;
      for (let at = Math.ceil((now + 1) / 100) * 100; at <= next; at += 100) {
        if (at <= heardAt) liveness.heard(last = at);
        if (at >= stuckAt && stuckSince === Infinity) liveness.stuck(stuckSince = at);
      }
      now = next;
    }
    assert(false, "nobody noticed");
  }));
});
