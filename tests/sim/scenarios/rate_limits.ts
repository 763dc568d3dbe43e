/**
 * Nodes and clients start work under limits of rate and concurrency, while nodes crash, leave, stand still,
 * are suspended and cut off, clocks run wrong and limiters move. What the work reaches records it on the time
 * of the simulation, which no node knows: no second has more starts than the limit, and no instant more work.
 *
 * @module
 */
import {
  type Permit,
  type RateLimit,
  rateLimit,
  type RateLimitAccess,
  RateLimitError,
  rateLimiters,
} from "../../../lib/delivery/mod.ts";
import {
  type Fault,
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
  standardInvariants,
} from "../../../lib/testkit/mod.ts";

const limits = {
  rate: { key: "rate", perSecond: 7 },
  slots: { key: "slots", concurrency: 3 },
  both: { key: "both", perSecond: 4, concurrency: 2 },
  rare: { key: "rare", perSecond: 0.2 },
} as const;
type Key = keyof typeof limits;
const keys = Object.keys(limits) as Key[];

/** What the work reaches. Belongs to one run. */
class Target {
  readonly starts: Record<Key, number[]> = { rate: [], slots: [], both: [], rare: [] };
  /** First and last step of each piece of work. */
  readonly spans: Record<Key, { from: number; to: number }[]> = {
    rate: [],
    slots: [],
    both: [],
    rare: [],
  };
  lostSlots = 0;
  /** An error that is none of a limit. */
  wrong: string | undefined;

  start(key: Key, now: number): { from: number; to: number } {
    this.starts[key].push(now);
    const span = { from: now, to: now };
    this.spans[key].push(span);
    return span;
  }

  /** How a limit was exceeded. */
  check(): string | undefined {
    for (const key of keys) {
      const { perSecond, concurrency }: { perSecond?: number; concurrency?: number } = limits[key];
      const starts = this.starts[key];
      const count = Math.max(1, perSecond ?? Infinity);
      const window = Math.max(1_000, 1_000 / (perSecond ?? 1));
      for (let at = count; at < starts.length; at++) {
        const time = starts[at]! - starts[at - count]!;
        if (time < window) return `${key}: ${count + 1} starts in ${time} ms until ${starts[at]}`;
      }
      const overlap = concurrency && mostAtOnce(this.spans[key]);
      if (overlap !== undefined && overlap > concurrency!) return `${key}: ${overlap} ran at once`;
    }
    return this.wrong;
  }
}

function mostAtOnce(spans: readonly { from: number; to: number }[]): number {
  const ends = spans.flatMap(({ from, to }) => [[from, 1], [to, -1]] as const);
  // What ends when another begins does not overlap it.
  ends.sort(([a, up], [b, other]) => a - b || up - other);
  let now = 0;
  let most = 0;
  for (const [, change] of ends) most = Math.max(most, now += change);
  return most;
}

/** The longest time in which less than `most` ran, and nothing began. */
function longestIdle(
  spans: readonly { from: number; to: number }[],
  most: number,
  from: number,
  to: number,
): number {
  const times = [from, to, ...spans.flatMap((span) => [span.from, span.to])]
    .filter((time) => from <= time && time <= to).sort((a, b) => a - b);
  const starts = new Set(spans.map((span) => span.from));
  let longest = 0;
  let idleSince = from;
  for (const [at, time] of times.entries()) {
    const before = times[at - 1] ?? from;
    const running = spans.filter((span) => span.from <= before && time <= span.to).length;
    if (running >= most) idleSince = time;
    longest = Math.max(longest, time - idleSince);
    if (starts.has(time)) idleSince = time;
  }
  return longest;
}

/** Work of several steps, each of which the target sees. */
async function steps(
  sim: Simulation,
  clock: SimulatedNode["system"]["runtime"]["clock"],
  target: Target,
  key: Key,
  permit: Permit,
  count: number,
): Promise<void> {
  const span = target.start(key, sim.now);
  for (let step = 0; step < count; step++) {
    await new Promise<void>((resolve) => void clock.schedule(100, resolve));
    permit.check();
    span.to = sim.now;
  }
}

/** Starts work again and again, as long as its process runs. */
function startWork(sim: Simulation, access: RateLimitAccess, target: Target): void {
  const { clock, random } = "runtime" in access ? access.runtime : access.system.runtime;
  for (const key of keys) {
    const limit: RateLimit = rateLimit(access, { ...limits[key], wait: 2_000 });
    const next = () => {
      if (sim.now > 110_000) return;
      // Some of it outlasts the time of a slot.
      const count = key === "rate" || key === "rare" ? 0 : random.next() < 0.1 ? 80 : 5;
      limit.run((permit) => steps(sim, clock, target, key, permit, count)).then(
        () => true,
        (error) => {
          if (error.code === "slotLost") target.lostSlots++;
          if (error instanceof RateLimitError) return true;
          // Its process ends.
          if (error.code === "systemStopped") return false;
          target.wrong ??= String(error);
          return false;
        },
      ).then((goesOn) => void (goesOn && clock.schedule(random.next() * 300, next)));
    };
    next();
  }
}

async function work(sim: Simulation, target: Target, begin: (sim: Simulation) => void) {
  begin(sim);
  for (let client = 0; client < 2; client++) startWork(sim, await sim.connect(), target);
  await sim.faultsOver();
  await sim.converged({ limit: 60_000 });
  await sim.sleep(8_000);
  const from = sim.now;
  await sim.sleep(10_000);
  const count = target.starts.rate.filter((at) => at >= from).length;
  if (count < 50) throw new Error(`rate: only ${count} starts in 10 s`);
  // A slot that the work leaves free is used. All may be taken by work of 8 s for most of this time.
  for (const key of ["slots", "both"] as const) {
    const idle = longestIdle(target.spans[key], limits[key].concurrency, from, sim.now);
    if (idle > 2_500) throw new Error(`${key}: a slot was free and not used for ${idle} ms`);
  }
  sim.note(JSON.stringify(keys.map((key) => target.starts[key].length)));
}

const base = {
  nodes: 5,
  duration: 160_000,
  linger: 1_000,
  restartEnded: 8_000,
  create: () => {
    const target = new Target();
    let sim: Simulation | undefined;
    const nodes: SimulatedNode[] = [];
    return {
      setup: (node: SimulatedNode) => {
        node.system.spawn(rateLimiters());
        if (sim === undefined) nodes.push(node);
        else startWork(sim, node.system, target);
      },
      invariants: [...standardInvariants, () => ({
        name: "limitsAreKept",
        on: "second" as const,
        check: () => target.check(),
      })],
      run: (simulation: Simulation) =>
        work(simulation, target, () => {
          sim = simulation;
          for (const { system } of nodes) startWork(simulation, system, target);
        }),
    };
  },
} satisfies Scenario;

/** See the module's text. */
export const rateLimits: Scenario = {
  ...base,
  name: "rate limits",
  faults: randomFaults({
    kinds: [
      "crash",
      "stop",
      "pause",
      "suspend",
      "slow",
      "partition",
      "reset",
      "latency",
      "clockDrift",
      "clockSkew",
    ],
    every: 3_000,
    longest: 15_000,
    quiet: 100_000,
  }),
  source: { module: import.meta.url, export: "rateLimits" },
};

/**
 * Permits are under way for long, and machines are suspended for seconds meanwhile: then the permit comes
 * when it may no longer be used, and the timer of its request has stood still.
 */
export const rateLimitsOverSlowLinks: Scenario = {
  ...base,
  name: "rate limits over slow links",
  faults: (random, { nodes }) => {
    const faults: Fault[] = [{ type: "latency", at: 0, for: 60_000, min: 100, max: 200 }];
    for (let at = 2_000; at < 55_000; at += 1_000 + Math.floor(random.next() * 3_000)) {
      const node = nodes[Math.floor(random.next() * nodes.length)]!;
      faults.push({ type: "suspend", at, for: 800 + Math.floor(random.next() * 2_000), node });
    }
    return faults;
  },
  source: { module: import.meta.url, export: "rateLimitsOverSlowLinks" },
};
