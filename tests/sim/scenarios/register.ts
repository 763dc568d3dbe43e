/**
 * Registers as sharded entities, which several clients read, write and compare-and-set while nodes
 * crash and are restarted. What the clients saw must be linearizable.
 *
 * A register keeps its value in memory and writes each change through to a store that outlives it,
 * without a check of its own: only that it has one owner makes it correct.
 *
 * @module
 */
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import type { Clock } from "../../../lib/runtime/clock.ts";
import { type ShardEnvelope, shardEnvelope } from "../../../lib/sharding/routing/shard_envelope.ts";
import {
  checkLinearizability,
  type Fault,
  History,
  randomFaults,
  type RegisterInput,
  registerModel,
  type RegisterOutput,
  type Scenario,
  type SimulatedNode,
  type Simulation,
} from "../../../lib/testkit/mod.ts";

/** An operation of a register. */
export type Input = RegisterInput<number>;
/** Its result. */
export type Output = RegisterOutput<number>;
/** Asks a register for an operation. */
export type RegisterMessage = {
  readonly input: Input;
  readonly replyTo: ActorRef<{ output: Output }>;
};
type Registers = ActorRef<ShardEnvelope<RegisterMessage>>;

const source = (name: string) => ({ module: import.meta.url, export: name });
/** The registers. */
export const keys = ["a", "b", "c", "d", "e", "f"];
/** The shards of all registers. */
export const options = { numShards: 24 };
/** How many clients and shards, and how long they work when the faults are over, in milliseconds. */
const usual = { clients: 5, numShards: options.numShards, settle: 15_000 };

/** What all registers of a simulation have stored. */
const stores = new WeakMap<SimulatedNode, Map<string, number>>();

/** Waits on a clock. */
export function pause(clock: Clock, delay: number): Promise<void> {
  return new Promise((resolve) => void clock.schedule(delay, resolve));
}

/** One register: reads the store once, and answers from memory. */
function register(node: SimulatedNode, key: string) {
  return Behaviors.setup<RegisterMessage>(({ system: { runtime: { clock, random } } }) => {
    const store = stores.get(node)!;
    let value = store.get(key) ?? 0;
    return Behaviors.receive(async (_context, { input, replyTo }) => {
      await pause(clock, random.next() * 4);
      let output: Output;
      if (input.type === "read") output = value;
      else {
        const sets = input.type === "write" || input.expected === value;
        if (sets) store.set(key, value = input.value);
        output = input.type === "write" ? undefined : sets;
      }
      await pause(clock, random.next() * 2);
      replyTo.tell({ output });
      return Behaviors.same();
    });
  });
}

function spawnRegisters(node: SimulatedNode): void {
  const behavior = Behaviors.sharded((key: string) => register(node, key), options);
  node.system.spawn(behavior, "registers");
}

/** Has a register do something; rejects if its outcome is not known. */
type Apply = (key: string, input: Input) => Promise<Output>;

/** An actor system of the cluster as a client. */
function atNode(node: SimulatedNode): Apply {
  return async (key, input) => {
    const registers: Registers = node.system.lookup<ShardEnvelope<RegisterMessage>>("/registers")!;
    const ask = (replyTo: RegisterMessage["replyTo"]) => shardEnvelope(key, { input, replyTo });
    return (await node.system.ask(registers, ask, { timeout: 500 })).output;
  };
}

async function connected(sim: Simulation, numShards: number): Promise<Apply> {
  const client = await sim.connect();
  const registers: Registers = client.entityRef<RegisterMessage>("registers", { numShards });
  return async (key, input) => {
    const ask = (replyTo: RegisterMessage["replyTo"]) => shardEnvelope(key, { input, replyTo });
    return (await client.ask(registers, ask, { timeout: 2_000 })).output;
  };
}

/** One client: one operation after the other, on values that it has seen. */
async function work(
  sim: Simulation,
  history: History<Input, Output>,
  name: string,
  apply: Apply,
  over: () => boolean,
): Promise<void> {
  const seen = new Map<string, number>();
  for (let count = 1; !over(); count++) {
    const key = keys[Math.floor(sim.random.next() * keys.length)]!;
    const value = Number(name) * 1_000_000 + count;
    const draw = sim.random.next();
    const input: Input = draw < 0.4
      ? { type: "read" }
      : draw < 0.6
      ? { type: "write", value }
      : { type: "compareAndSet", expected: seen.get(key) ?? 0, value };
    const invocation = history.call(name, key, input);
    try {
      const output = await apply(key, input);
      invocation.ok(output);
      if (input.type === "read") seen.set(key, output as number);
      else if (output !== false) seen.set(key, value);
    } catch {
      invocation.unknown();
    }
    await sim.sleep(sim.random.next() * 150);
  }
}

/** Throws unless the history is linearizable. */
function check(history: History<Input, Output>, least: number): void {
  const operations = history.operations();
  const known = operations.filter(({ returned }) => returned !== undefined);
  if (known.length < least) throw new Error(`only ${known.length} operations have an outcome`);
  const { verdict, key, explained, stuck } = checkLinearizability(operations, registerModel(0));
  if (verdict === "linearizable") return;
  const latest = [...explained.slice(-5), ...stuck].map((operation) => JSON.stringify(operation));
  throw new Error(`register ${key}: ${verdict}\n${latest.join("\n")}`);
}

/**
 * Clients work until the faults are over and a while longer. The first may have a way of its own.
 * Returns what they saw, once it was found linearizable.
 *
 * @param least operations whose outcome must be known, or the run says nothing.
 * @param shape how much there is to do: a smaller one makes more seeds affordable.
 */
export async function useRegisters(
  sim: Simulation,
  first?: Apply,
  least = 500,
  { clients, numShards, settle } = usual,
): Promise<History<Input, Output>> {
  const store = new Map<string, number>();
  for (const node of sim.nodes) stores.set(node, store);
  const history = new History<Input, Output>();
  let over = false;
  const working: Promise<void>[] = [];
  for (let index = 1; index <= clients; index++) {
    const apply = index === 1 && first !== undefined ? first : await connected(sim, numShards);
    working.push(work(sim, history, String(index), apply, () => over));
  }
  await sim.faultsOver();
  await sim.sleep(settle);
  over = true;
  await Promise.all(working);
  check(history, least);
  return history;
}

/** Five nodes, and clients that come to them from outside. */
export const base = {
  nodes: 5,
  duration: 240_000,
  linger: 1_000,
  cluster: { seedNodes: Array.from({ length: 5 }, (_, index) => `node-${index + 1}:25520`) },
  setup: spawnRegisters,
  run: async (sim) => void await useRegisters(sim),
} satisfies Scenario;

/** Nodes crash and are restarted in order, always less than a majority, and come back. */
export const registers: Scenario = {
  ...base,
  name: "registers",
  faults: randomFaults({ kinds: ["crash", "stop"], every: 8_000, longest: 10_000, quiet: 190_000 }),
  source: source("registers"),
};

/** Registers in a split of the cluster, with a client at the node that is cut off. */
export const splitRegisters: Scenario = {
  ...base,
  name: "registers in a split",
  nodes: 9,
  cluster: { seedNodes: Array.from({ length: 9 }, (_, index) => `node-${index + 1}:25520`) },
  restartEnded: 10_000,
  faults: (random, { nodes }) => {
    // The first node owns most shards after formation (R6).
    const [between, and] = [nodes.slice(0, 2), nodes.slice(2)];
    const span = 15_000 + Math.floor(random.next() * 30_000);
    return [{ type: "partition", at: 10_000, for: span, between, and } satisfies Fault];
  },
  source: source("splitRegisters"),
  run: async (sim) => void await useRegisters(sim, atNode(sim.nodes[0]!)),
};

/** A planted fault: one client uses a second instance of each register, at one node. */
export const twinRegisters: Scenario = {
  ...base,
  name: "registers with twins",
  faults: [],
  source: source("twinRegisters"),
  run: async (sim) => {
    const node = sim.nodes[0]!;
    const { system } = node;
    const twins = new Map<string, ActorRef<RegisterMessage>>();
    await useRegisters(sim, async (key, input) => {
      let twin = twins.get(key);
      if (twin === undefined) {
        twins.set(key, twin = system.spawn(register(node, key), `twin-${key}`));
      }
      const ask = (replyTo: RegisterMessage["replyTo"]) => ({ input, replyTo });
      return (await system.ask(twin, ask)).output;
    });
  },
};
