/**
 * Distributed structures, which clients use while nodes crash, stand still and are cut off. What they
 * saw of counters, maps, sets and queues must be linearizable; tokens of locks and semaphores must grow,
 * and while a lock stays at one node it has one holder at a time; a barrier must hold back who is early.
 *
 * @module
 */
import type { Distributed } from "../../../lib/distributed/distributed.ts";
import type { DistributedOptions } from "../../../lib/distributed/distributed_extension.ts";
import { DistributedError } from "../../../lib/distributed/errors.ts";
import { CastyError } from "../../../lib/runtime/casty_error.ts";
import type { HeldPermit, Permits } from "../../../lib/distributed/permits.ts";
import {
  checkLinearizability,
  type Fault,
  type FaultPlan,
  History,
  type Operation,
  randomFaults,
  type Scenario,
  type SequentialModel,
  type SimulatedNode,
  type Simulation,
} from "../../../lib/testkit/mod.ts";
import { crashThenMoves } from "./crash_then_moves.ts";
import {
  counterModel,
  type Input,
  mapModel,
  type Output,
  queueModel,
  setModel,
  tokenModel,
} from "./structure_models.ts";

const source = (name: string) => ({ module: import.meta.url, export: name });
const group = "checked";
const replicated: DistributedOptions = {
  name: group,
  replication: { replicas: 2, minAcks: 1, ackTimeout: 2_000 },
};
const timeout = 4_000;
const clients = 5;
const parties = 3;

/** How many hold a permit at a time, of one epoch; see {@linkcode Holders}. */
class Holders {
  readonly #holding = new Map<string, Set<HeldPermit>>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** Holds it for a while; throws if it has too many holders. */
  async during(held: HeldPermit, name: string, work: () => Promise<void>): Promise<void> {
    // Only while it stays at one node leases exclude each other.
    const key = `${name} of epoch ${held.token >> 40n}`;
    const holding = this.#holding.get(key) ?? new Set();
    this.#holding.set(key, holding.add(held));
    const end = () => holding.delete(held);
    held.lost.addEventListener("abort", end);
    if (held.lost.aborted) end();
    if (holding.size > this.#most) throw new Error(`${key} has ${holding.size} holders`);
    try {
      await work();
    } finally {
      end();
    }
  }
}

/** What clients have seen, and what is known of who holds what. */
class Observed {
  readonly history = new History<Input, Output>();
  readonly locks = new Holders(1);
  readonly semaphores = new Holders(2);
  readonly arrivals: Arrival[] = [];
  /** The fence of what the lock protects: the newest token that has written, and how often. */
  fence = { newest: 0n, writes: 0, refused: 0 };
}

/** A call at the barrier, in milliseconds. */
interface Arrival {
  readonly from: number;
  /** When it was let go, or gave up. */
  to: number;
  open: boolean;
}

/** One who gives up may count for as long as its message to say so is under way, milliseconds. */
const underWay = 5_000;

/** One client of one group. */
class Worker {
  readonly #sim: Simulation;
  readonly #name: string;
  readonly #group: Distributed;
  readonly #seen: Observed;
  #count = 0;

  constructor(sim: Simulation, name: string, group: Distributed, seen: Observed) {
    this.#sim = sim;
    this.#name = name;
    this.#group = group;
    this.#seen = seen;
  }

  async run(over: () => boolean): Promise<void> {
    const work = [
      () => this.#counter(),
      () => this.#map(),
      () => this.#map(),
      () => this.#set(),
      () => this.#queue(),
      () => this.#queue(),
      () => this.#permit("lock", this.#group.lock("lock"), this.#seen.locks),
      () => this.#permit("semaphore", this.#group.semaphore("semaphore", 2), this.#seen.semaphores),
      () => this.#barrier(),
    ];
    while (!over()) {
      await this.#pick(work)();
      await this.#sim.sleep(this.#sim.random.next() * 120);
    }
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#sim.random.next() * values.length)]!;
  }

  /** A value that no other operation has. */
  get #value(): number {
    return Number(this.#name) * 1_000_000 + ++this.#count;
  }

  async #call(key: string, input: Input, perform: () => Promise<Output>): Promise<void> {
    const invocation = this.#seen.history.call(this.#name, key, input);
    try {
      invocation.ok(await perform());
    } catch {
      invocation.unknown();
    }
  }

  async #counter(): Promise<void> {
    const name = this.#pick(["counter-a", "counter-b"]);
    const counter = this.#group.counter(name);
    const amount = 1 + Math.floor(this.#sim.random.next() * 3);
    return this.#sim.random.next() < 0.5
      ? await this.#call(name, { type: "get" }, () => counter.get({ timeout }))
      : await this.#call(
        name,
        { type: "add", amount },
        () => counter.increment(amount, { timeout }),
      );
  }

  async #map(): Promise<void> {
    const key = this.#pick([1, "1", true]);
    const map = this.#group.map<typeof key, number>("map");
    const name = `map ${typeof key}`;
    const value = this.#value;
    const draw = this.#sim.random.next();
    if (draw < 0.35) {
      return await this.#call(name, { type: "get" }, () => map.get(key, { timeout }));
    }
    if (draw < 0.6) {
      return await this.#call(name, { type: "set", value }, () => map.set(key, value, { timeout }));
    }
    if (draw < 0.7) {
      return await this.#call(name, { type: "delete" }, () => map.delete(key, { timeout }));
    }
    let expected: number | undefined;
    await this.#call(name, { type: "get" }, async () => expected = await map.get(key, { timeout }));
    const input = { type: "compareAndSet", value, ...(expected !== undefined && { expected }) };
    await this.#call(
      name,
      input as Input,
      () => map.compareAndSet(key, expected, value, { timeout }),
    );
  }

  async #set(): Promise<void> {
    const value = this.#pick(["x", "y"]);
    const set = this.#group.set("set");
    const name = `set ${value}`;
    const draw = this.#sim.random.next();
    if (draw < 0.35) {
      await this.#call(name, { type: "insert" }, () => set.add(value, { timeout }));
    } else if (draw < 0.65) {
      await this.#call(name, { type: "remove" }, () => set.remove(value, { timeout }));
    } else await this.#call(name, { type: "contains" }, () => set.contains(value, { timeout }));
  }

  async #queue(): Promise<void> {
    const queue = this.#group.queue<number>("queue");
    const value = this.#value;
    if (this.#sim.random.next() < 0.5) {
      const enqueue = async () => void await queue.enqueue(value, { timeout });
      return await this.#call(
        "queue",
        { type: "enqueue", value },
        enqueue as () => Promise<Output>,
      );
    }
    await this.#call("queue", { type: "dequeue" }, async () => {
      try {
        return await queue.dequeue({ timeout });
      } catch (error) {
        if (error instanceof DistributedError && error.code === "queueEmpty") return false;
        throw error;
      }
    });
  }

  async #permit(name: string, permits: Permits, holders: Holders): Promise<void> {
    let held: HeldPermit | undefined;
    await this.#call(name, { type: "acquire" }, async () => {
      held = await permits.acquire({ timeout: 3_000, ttl: 5_000 });
      return String(held.token);
    });
    if (held === undefined) return;
    const { token, lost } = held;
    await holders.during(held, name, async () => {
      await this.#sim.sleep(this.#sim.random.next() * 300);
      // What has lost its lease and does not look at it.
      if (name === "lock") this.#write(token);
    });
    if (!lost.aborted && this.#sim.random.next() < 0.9) await held.release().catch(() => {});
    else await this.#sim.sleep(this.#sim.random.next() * 8_000);
    await held.release().catch(() => {});
  }

  #write(token: bigint): void {
    const { fence } = this.#seen;
    if (token < fence.newest) fence.refused++;
    else {
      fence.newest = token;
      fence.writes++;
    }
  }

  async #barrier(): Promise<void> {
    const arrival: Arrival = { from: this.#sim.now, to: Infinity, open: false };
    this.#seen.arrivals.push(arrival);
    try {
      await this.#group.barrier("barrier").arrive(parties, { timeout: 3_000 });
      arrival.open = true;
    } catch (error) {
      if (!(error instanceof CastyError)) throw error;
    }
    arrival.to = this.#sim.now;
  }
}

/** A party passes the barrier only while enough other parties wait at it. */
function checkBarrier(arrivals: readonly Arrival[]): void {
  const opened = arrivals.filter(({ open }) => open);
  if (opened.length < parties) throw new Error("the barrier has not opened");
  for (const { from, to } of opened) {
    const there = arrivals.filter((other) =>
      other.from <= to && from <= other.to + (other.open ? 0 : underWay)
    );
    if (there.length < parties) throw new Error(`a barrier has opened for ${there.length}`);
  }
}

type AnyModel = SequentialModel<never, Input, Output>;

/** The model of each kind of key, made from the operations on such keys. */
const models: readonly (readonly [
  prefix: string,
  modelOf: (history: readonly Operation<Input, Output>[]) => AnyModel,
])[] = [
  ["counter", () => counterModel as AnyModel],
  ["map", () => mapModel as AnyModel],
  ["set", () => setModel as AnyModel],
  ["queue", (history) => queueModel(history) as unknown as AnyModel],
  ["lock", () => tokenModel as AnyModel],
  ["semaphore", () => tokenModel as AnyModel],
];

/** Throws unless all is as it is claimed. */
function check({ history, fence, arrivals }: Observed, least: number): void {
  const operations = history.operations();
  const known = operations.filter(({ returned }) => returned !== undefined);
  if (known.length < least) throw new Error(`only ${known.length} operations have an outcome`);
  if (fence.writes < least / 50) throw new Error(`the lock was held ${fence.writes} times only`);
  checkBarrier(arrivals);
  for (const [prefix, modelOf] of models) {
    const own = operations.filter(({ key }) => key.startsWith(prefix));
    const { verdict, key, explained, stuck } = checkLinearizability(own, modelOf(own));
    if (verdict === "linearizable") continue;
    const latest = [...explained.slice(-5), ...stuck].map((operation) => JSON.stringify(operation));
    throw new Error(`${key}: ${verdict}\n${latest.join("\n")}`);
  }
}

/** Clients work until the faults are over, and a little longer. */
async function useStructures(sim: Simulation, least: number): Promise<void> {
  const seen = new Observed();
  let over = false;
  const working: Promise<void>[] = [];
  for (let index = 1; index <= clients; index++) {
    const client = await sim.connect();
    const worker = new Worker(sim, String(index), client.distributed({ name: group }), seen);
    working.push(worker.run(() => over));
  }
  const failed = Promise.all(working);
  failed.catch(() => {});
  await Promise.race([sim.faultsOver(), failed]);
  await sim.sleep(8_000);
  over = true;
  await failed;
  check(seen, least);
}

/** Time for the copies of a lost node to be made elsewhere, milliseconds. */
const repair = 14_000;

/** One node after the other: what one has lost, others have again before the next one is lost. */
const oneAfterTheOther: FaultPlan = (random, { nodes }) => {
  const faults: Fault[] = [];
  for (let at = 10_000; at < 45_000; at += repair + 3_000 + random.next() * 6_000) {
    const node = nodes[Math.floor(random.next() * nodes.length)]!;
    const span = 500 + random.next() * 5_000;
    const draw = random.next();
    if (draw < 0.35) faults.push({ type: "crash", at, node, restartAfter: span });
    else if (draw < 0.55) faults.push({ type: "stop", at, node, restartAfter: span });
    else if (draw < 0.75) {
      faults.push({ type: "pause", at, for: span, node, whole: random.next() < 0.5 });
    } else {
      const and = nodes.filter((other) => other !== node);
      faults.push({ type: "partition", at, for: 2 * span, between: [node], and });
    }
  }
  return faults;
};

const base = {
  nodes: 4,
  duration: 90_000,
  linger: 1_000,
  cluster: { seedNodes: Array.from({ length: 4 }, (_, index) => `node-${index + 1}:25520`) },
  setup: ({ system }: SimulatedNode): void => void system.distributed(replicated),
  run: (sim: Simulation) => useStructures(sim, 150),
} satisfies Scenario;

/** Structures whose content is kept at several nodes. */
export const structures: Scenario = {
  ...base,
  name: "structures",
  faults: oneAfterTheOther,
  source: source("structures"),
};

/** One node crashes, and others leave in order at once. */
export const structuresInCrashThenMoves: Scenario = {
  ...base,
  name: "structures, a crash and then moves",
  nodes: 5,
  duration: 110_000,
  cluster: { seedNodes: Array.from({ length: 5 }, (_, index) => `node-${index + 1}:25520`) },
  faults: crashThenMoves,
  source: source("structuresInCrashThenMoves"),
};

/** Volatile ones, where nothing moves: the network is slow, loses connections, and mixes up messages. */
export const volatileStructures: Scenario = {
  ...base,
  name: "volatile structures",
  setup: ({ system }: SimulatedNode): void => void system.distributed({ name: group }),
  faults: randomFaults({
    kinds: ["latency", "reset", "messageDuplication", "messageReordering"],
    every: 2_000,
    longest: 8_000,
    quiet: 50_000,
  }),
  source: source("volatileStructures"),
};
