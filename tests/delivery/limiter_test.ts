import { assert, assertEquals } from "@std/assert";
import { EndedLimiters } from "../../lib/delivery/rate_limit/ended_limiters.ts";
import { permitTime, slotTime } from "../../lib/delivery/rate_limit/limit_timing.ts";
import { isLimiterState, maxStateEntries } from "../../lib/delivery/rate_limit/limiter_state.ts";
import { Limiter } from "../../lib/delivery/rate_limit/limiter.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

/** Past all that a predecessor may have granted. */
const settled = 1_000_000;

/** Grants as many as it does, at one time. */
function grants(limiter: Limiter, perSecond: number, now: number, name: string): number {
  for (let count = 0;; count++) {
    const decision = limiter.acquire(`${name}${count}`, { perSecond }, now);
    if (decision.type === "refused") return count;
    limiter.started(`${name}${count}`, now);
  }
}

Deno.test("a second has no more starts than allowed, and the refusal says when there is room", () => {
  const limiter = new Limiter(0);
  assertEquals(grants(limiter, 5, settled, "a"), 5);
  const refusal = limiter.acquire("x", { perSecond: 5 }, settled + 400);
  assert(refusal.type === "refused" && refusal.reason === "rate");
  assertEquals(refusal.retryAfter, 621);
  assertEquals(grants(limiter, 5, settled + 1_000, "b"), 0);
  assertEquals(grants(limiter, 5, settled + 400 + refusal.retryAfter, "c"), 5);
});

Deno.test("less than one in a second is one in several", () => {
  const limiter = new Limiter(0);
  assertEquals(grants(limiter, 0.1, settled, "a"), 1);
  assertEquals(grants(limiter, 0.1, settled + 10_000, "b"), 0);
  assertEquals(grants(limiter, 0.1, settled + 10_300, "c"), 1);
});

Deno.test("each caller keeps its own limit", () => {
  const limiter = new Limiter(0);
  assertEquals(grants(limiter, 5, settled, "a"), 5);
  assertEquals(grants(limiter, 8, settled, "b"), 3);
  assertEquals(grants(limiter, 5, settled + 1, "c"), 0);
});

Deno.test("a permit that was not used is given back", () => {
  const limiter = new Limiter(0);
  assertEquals(limiter.acquire("a", { perSecond: 1, concurrency: 1 }, settled).type, "granted");
  assertEquals(limiter.acquire("b", { perSecond: 1 }, settled).type, "refused");
  limiter.end("a", false, settled);
  assertEquals(limiter.acquire("b", { perSecond: 1, concurrency: 1 }, settled).type, "granted");
});

Deno.test("a slot ends when its holder does not renew it", () => {
  const limiter = new Limiter(0);
  const acquire = (id: string, now: number) => limiter.acquire(id, { concurrency: 1 }, now).type;
  assertEquals(acquire("a", settled), "granted");
  assertEquals(acquire("b", settled + slotTime), "refused");
  assertEquals(limiter.renew("a", settled + slotTime), true);
  assertEquals(acquire("b", settled + 2 * slotTime), "refused");
  assertEquals(acquire("b", settled + 2.2 * slotTime), "granted");
  assertEquals(limiter.renew("a", settled + 2.2 * slotTime), false);
});

Deno.test("after a takeover slots are renewed before new ones are given", () => {
  const limiter = new Limiter(0);
  assertEquals(limiter.renew("old", 3_000), true);
  const refusal = limiter.acquire("new", { concurrency: 1 }, 3_000);
  assert(refusal.type === "refused" && refusal.reason === "takeover");
  assertEquals(limiter.acquire("new", { concurrency: 1 }, 6_000).type, "refused");
  assertEquals(limiter.renew("older", 6_000), false);
  limiter.end("old", true, 6_000);
  assertEquals(limiter.acquire("new", { concurrency: 1 }, 6_000).type, "granted");
});

Deno.test("a limiter that is told what its predecessor knew waits for nothing else", () => {
  const before = new Limiter(0);
  assertEquals(grants(before, 5, settled, "a"), 5);
  assertEquals(before.acquire("open", { perSecond: 6 }, settled).type, "granted");
  assertEquals(before.acquire("slot", { concurrency: 2 }, settled).type, "granted");
  const state = before.state(settled + 100)!;
  assert(isLimiterState(structuredClone(state)));

  // Another clock.
  const after = new Limiter(50_000, true);
  const early = after.acquire("early", { perSecond: 7 }, 50_000);
  assert(early.type === "refused" && early.reason === "takeover" && early.retryAfter === 100);
  after.inherit(state, 50_050);
  assertEquals(grants(after, 7, 50_050, "b"), 1);
  assertEquals(after.acquire("other", { concurrency: 2 }, 50_050).type, "granted");
  assertEquals(after.acquire("third", { concurrency: 2 }, 50_050).type, "refused");
  assertEquals(after.renew("slot", 50_100), true);
  // The window counts from when the state was read, less the ages in it.
  assertEquals(grants(after, 5, 50_050 + 1_020 - 100, "c"), 0);
  assertEquals(grants(after, 5, 50_050 + 1_030, "d"), 4);
});

Deno.test("what a predecessor knew counts once, however often it is told", () => {
  const before = new Limiter(0);
  assertEquals(grants(before, 5, settled, "a"), 5);
  const state = before.state(settled + 10)!;
  const after = new Limiter(50_000, true);
  for (let count = 0; count < 3; count++) after.inherit(state, 50_010);
  assertEquals(grants(after, 10, 50_010, "b"), 5);
});

Deno.test("a limiter that moves neither doubles its budget nor keeps much of it back", () => {
  const random = new SeededRandom(18);
  const perSecond = 10;
  for (const [moveEvery, transfer] of [[400, 20], [1_500, 100], [5_000, 300]] as const) {
    let limiter = new Limiter(0);
    let [starts, moves] = [[] as number[], 0];
    const end = settled + 60_000;
    let moveAt = settled + moveEvery;
    for (let now = settled; now < end; now += 5) {
      if (now >= moveAt) {
        const state = limiter.state(now)!;
        // Its clock has another origin; the one here is that of the test.
        now += Math.ceil(random.next() * transfer / 5) * 5;
        limiter = new Limiter(now, true);
        limiter.inherit(state, now);
        moveAt = now + moveEvery;
        moves++;
      }
      if (limiter.acquire(`${now}`, { perSecond }, now).type !== "granted") continue;
      limiter.started(`${now}`, now);
      starts.push(now);
    }
    for (let at = perSecond; at < starts.length; at++) {
      const time = starts[at]! - starts[at - perSecond]!;
      assert(time >= 1_000, `${perSecond + 1} starts in ${time} ms`);
    }
    // Of each use 4 % of its age and the time under way are lost, and windows are 2 % longer.
    const longest = 1_021 + 5 + (1_000 * 0.04 + transfer) * Math.ceil(1_200 / moveEvery);
    const least = perSecond * Math.floor(60_000 / longest) - perSecond;
    assert(starts.length >= least, `${starts.length} starts in ${moves} moves, and not ${least}`);
  }
});

Deno.test("what a state leaves out is not known to its reader", () => {
  const before = new Limiter(0);
  const many = maxStateEntries + 1;
  for (let at = 0; at < many; at++) {
    before.acquire(`${at}`, { perSecond: 100_000 }, settled + at / 10);
    before.started(`${at}`, settled + at / 10);
  }
  const end = settled + many / 10;
  const state = before.state(end)!;
  assertEquals(state.uses.length, maxStateEntries);
  assert(state.known < 501, `${state.known}`);
  const after = new Limiter(9_990, true);
  after.inherit(state, 10_000);
  const refusal = after.acquire("a", { perSecond: 100_000 }, 10_000);
  assert(refusal.type === "refused" && refusal.reason === "takeover");
  assert(isLimiterState(state) && !isLimiterState({ ...state, uses: [NaN] }));
  assert(!isLimiterState({ ...state, uses: [...state.uses, 1] }));
});

Deno.test("what a predecessor with a fast clock calls old enough may not be", () => {
  const heir = new Limiter(0, true);
  // On a clock that is 2 % fast that is 1 s, and here, on one that is 2 % slow, less than a window.
  heir.inherit({ known: 1e6, uses: [1_022], open: [], slots: [] }, settled);
  const refusal = heir.acquire("a", { perSecond: 1 }, settled);
  assert(refusal.type === "refused" && refusal.reason === "rate");
  assertEquals(grants(heir, 1, settled + 50, "b"), 1);
});

Deno.test("an incarnation knows when the one before it has ended", () => {
  const ended = new EndedLimiters(1_000);
  ended.add("a", 10);
  assertEquals([ended.endOf("a"), ended.endOf("b")], [10, -Infinity]);
  ended.add("b", 2_000);
  assertEquals([ended.endOf("a"), ended.endOf("b")], [-Infinity, 2_000]);
});

/** How many limiters were told what their predecessors knew. */
let inherited = 0;

/** A use of the work at one instant of the true time. */
type Uses = number[];

/**
 * Holders with clocks that run wrong by up to 2 % use permits at any time at which they are valid, or
 * never, and say so late or not at all. Limiters with such clocks take over from each other at once.
 */
function usesOf(random: SeededRandom, perSecond: number): Uses {
  const uses: Uses = [];
  const rate = () => 0.98 + random.next() * 0.04;
  let limiter = new Limiter(-settled);
  let limiterRate = rate();
  let now = 0;
  const events: { at: number; run: () => void }[] = [];
  for (let count = 0; count < 2_000; count++) {
    now += -Math.log(1 - random.next()) * 40;
    events.push({
      at: now,
      run() {
        const { at } = this;
        const id = `${at}`;
        const request = at - random.next() * 300;
        const mine = limiter;
        if (mine.acquire(id, { perSecond }, at * limiterRate).type !== "granted") return;
        const last = request + permitTime / rate();
        const used = at + random.next() ** 3 * (last - at);
        if (random.next() < 0.1) return;
        uses.push(used);
        if (random.next() < 0.1) return;
        const told = used + random.next() * 100;
        const tell = () => limiter === mine && mine.started(id, told * limiterRate);
        events.push({ at: told, run: tell });
      },
    });
    if (random.next() < 0.005) {
      events.push({
        at: now,
        run() {
          const state = random.next() < 0.5 ? limiter.state(this.at * limiterRate) : undefined;
          limiterRate = rate();
          const next = limiter = new Limiter(this.at * limiterRate, true);
          if (state === undefined) return;
          inherited++;
          // It is under way for a while, and other limiters may follow meanwhile.
          const at = this.at + random.next() ** 3 * 2_000;
          events.push({
            at,
            run: () => limiter === next && next.inherit(state, at * limiterRate),
          });
        },
      });
    }
  }
  while (events.length > 0) {
    let first = 0;
    for (let at = 1; at < events.length; at++) if (events[at]!.at < events[first]!.at) first = at;
    events.splice(first, 1)[0]!.run();
  }
  return uses.sort((a, b) => a - b);
}

Deno.test("no second has more uses than allowed, whatever the clocks, the holders and takeovers do", () => {
  let total = 0;
  let closest = Infinity;
  for (let seed = 1; seed <= 30; seed++) {
    const random = new SeededRandom(seed);
    const perSecond = 1 + Math.floor(random.next() * 12);
    const uses = usesOf(random, perSecond);
    total += uses.length;
    for (let at = perSecond; at < uses.length; at++) {
      const time = uses[at]! - uses[at - perSecond]!;
      assert(time >= 1_000, `seed ${seed}: ${perSecond + 1} uses in ${time} ms`);
      closest = Math.min(closest, time);
    }
  }
  assert(inherited > 50, `only ${inherited} limiters have inherited a state`);
  assert(total > 2_000 && closest < 1_100, `${total} uses, at least ${closest} ms`);
});
