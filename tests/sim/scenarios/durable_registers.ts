/**
 * Registers as event-sourced entities on one store, which is slow, fails before and after commits, and
 * is gone for a while; nodes crash, stand still for longer than their leases, and are cut off. What
 * the clients saw must be linearizable, and everything that was confirmed is stored once.
 *
 * @module
 */
import { Behaviors } from "../../../lib/behaviors.ts";
import {
  type AppendEntry,
  type AppendResult,
  eventSourced,
  type Journal,
  memoryJournal,
  PersistenceError,
  persistenceId,
} from "../../../lib/persistence/mod.ts";
import {
  type Fault,
  type Operation,
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
} from "../../../lib/testkit/mod.ts";
import { StoredForm } from "../../../lib/persistence/schema.ts";
import {
  base,
  type Input,
  keys,
  options,
  type Output,
  pause,
  type RegisterMessage,
  useRegisters,
} from "./register.ts";

type Done = Operation<Input, Output>;

const source = (name: string) => ({ module: import.meta.url, export: name });

/** The store of a simulation, and what happened to it. */
interface Store {
  readonly sim: Simulation;
  readonly journal: Journal;
  /** Appends that were stored although their writer was told that the outcome is unknown. */
  unknown: number;
  /** Appends that were refused because another owner had taken over. */
  fenced: number;
  appended: number;
}

const stores = new WeakMap<SimulatedNode, Store>();

const unavailable = () => new PersistenceError("storeUnavailable", "simulated: gone for a while");

/** The store as one node reaches it: each call takes time there and back, and some fail. */
function storeOf(node: SimulatedNode): Journal {
  const { clock, random } = node.system.runtime;
  const store = stores.get(node)!;
  // There in the time of all: what a node has sent is carried out although it stands still or dies.
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    const draw = random.next();
    await store.sim.sleep(0.2 + random.next() * (draw < 0.01 ? 12_000 : 10));
    if (draw > 0.99) throw unavailable();
    const result = await work();
    await pause(clock, 0.2 + random.next() * 5);
    return result;
  };
  return new Proxy(store.journal, {
    get: (target, name) => {
      switch (name) {
        case "open":
          return (id: string, epoch: number) => call(() => target.open(id, epoch));
        case "append":
          return (entries: readonly AppendEntry[]) => call(() => append(store, entries, random));
        case "saveSnapshot":
        case "loadSnapshot":
        case "deleteEvents":
          return (...args: never[]) =>
            call(() => (target[name] as (...args: never[]) => Promise<unknown>)(...args));
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function append(
  store: Store,
  entries: readonly AppendEntry[],
  random: { next(): number },
): Promise<readonly AppendResult[]> {
  const results = await store.journal.append(entries);
  for (const { outcome } of results) {
    if (outcome === "appended") store.appended++;
    if (outcome === "fenced") store.fenced++;
  }
  if (random.next() < 0.01) {
    store.unknown++;
    throw new PersistenceError("outcomeUnknown", "simulated: the connection has ended");
  }
  return results;
}

function register(node: SimulatedNode, key: string) {
  return Behaviors.supervise(
    eventSourced<RegisterMessage, number, number>({
      id: persistenceId("register", key),
      journal: storeOf(node),
      initial: 0,
      onCommand(_context, value, { input, replyTo }, effect) {
        const sets = input.type === "write" ||
          (input.type === "compareAndSet" && input.expected === value);
        const output: Output = input.type === "read"
          ? value
          : input.type === "write"
          ? undefined
          : sets;
        const decided = sets ? effect.persist(input.value) : effect.none();
        return decided.thenReply(replyTo, () => ({ output }));
      },
      onEvent: (_value, next) => next,
      snapshots: { every: 10 },
    }),
    { maxRestarts: Infinity, backoff: { min: 20, max: 1_000, jitter: 0.2 } },
  );
}

function spawnRegisters(node: SimulatedNode): void {
  node.system.spawn(Behaviors.sharded((key: string) => register(node, key), options), "registers");
}

/** Each confirmed change is stored once, and no owner has written after a later one. */
async function checkStore(store: Store, operations: readonly Done[]): Promise<void> {
  for (const key of keys) {
    const times = new Map<number, number>();
    let [seq, epoch] = [0, 0];
    for await (const event of store.journal.read(persistenceId("register", key))) {
      if (event.seq !== ++seq) throw new Error(`register ${key}: ${event.seq} instead of ${seq}`);
      if (event.epoch < epoch) {
        throw new Error(`register ${key}: epoch ${event.epoch} has written after ${epoch}`);
      }
      epoch = event.epoch;
      const value = decodeNumber(event.payload);
      times.set(value, (times.get(value) ?? 0) + 1);
    }
    const twice = [...times].filter(([, count]) => count > 1);
    if (twice.length > 0) throw new Error(`register ${key}: stored twice: ${twice}`);
    for (const { input, output, key: at, returned } of operations) {
      if (at !== key || returned === undefined || input.type === "read" || output === false) {
        continue;
      }
      if (!times.has(input.value)) throw new Error(`register ${key} has lost ${input.value}`);
    }
  }
}

const form = new StoredForm<number, number>();
const decodeNumber = (payload: Uint8Array) => form.readEvent(payload, 0);

async function run(sim: Simulation): Promise<void> {
  const store: Store = { sim, journal: memoryJournal(), unknown: 0, fenced: 0, appended: 0 };
  for (const node of sim.nodes) stores.set(node, store);
  const history = await useRegisters(sim, undefined, 100);
  await checkStore(store, history.operations());
  if (store.appended < 100) throw new Error(`only ${store.appended} appends`);
  sim.note(`appended ${store.appended}, unknown ${store.unknown}, fenced ${store.fenced}`);
}

/** Nodes crash and are restarted while the store fails now and then. */
export const durableRegisters: Scenario = {
  ...base,
  name: "durable registers",
  setup: spawnRegisters,
  run,
  faults: randomFaults({ kinds: ["crash", "stop"], every: 8_000, longest: 10_000, quiet: 190_000 }),
  source: source("durableRegisters"),
};

/** Owners stand still for longer than their leases, and wake up while others own their registers. */
export const durableRegistersInPauses: Scenario = {
  ...durableRegisters,
  name: "durable registers in pauses",
  restartEnded: 10_000,
  faults: (random, { nodes }) => {
    const faults: Fault[] = [];
    for (let at = 5_000; at < 60_000; at += 12_000) {
      const node = nodes[Math.floor(random.next() * nodes.length)]!;
      const span = 1_000 + random.next() * 9_000;
      faults.push({ type: "pause", at, for: span, node, whole: random.next() < 0.5 });
    }
    return faults;
  },
  source: source("durableRegistersInPauses"),
};
