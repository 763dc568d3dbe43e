import { Behaviors, type ShardEnvelope } from "@casty/casty";
import { randomFaults, type Scenario, type Simulation } from "@casty/casty/testkit";
import { account, type AccountMessage, openingBalance } from "./accounts.ts";
import {
  naiveTransfer,
  readBalance,
  safeTransfer,
  type Teller,
  type Transfer,
} from "./transfers.ts";

const holders = ["alice", "bob", "carol"];

/** Two tellers on two nodes make ten transfers each during network faults. */
function bank(name: string, transfer: Transfer): Scenario {
  return {
    name,
    nodes: 3,
    duration: 120_000,
    faults: randomFaults({ kinds: ["latency", "loss", "reset"], every: 5_000, quiet: 70_000 }),
    // For each run: a run never finds what an earlier one has left behind.
    create: () => ({
      setup: ({ system }) => {
        system.spawn(Behaviors.sharded(account, { numShards: 8 }), "accounts");
      },
      run: (sim) => transferAll(sim, transfer),
    }),
  };
}

async function transferAll(sim: Simulation, transfer: Transfer): Promise<void> {
  const tellers = sim.nodes.slice(0, 2).map(({ system }): Teller => ({
    system,
    accounts: system.lookup<ShardEnvelope<AccountMessage>>("/accounts")!,
    sleep: (ms) => sim.sleep(ms),
  }));
  await Promise.all(tellers.map((teller, index) => work(sim, teller, `${index}`, transfer)));
  let total = 0;
  for (const holder of holders) total += await readBalance(tellers[0]!, holder);
  const expected = holders.length * openingBalance;
  if (total !== expected) throw new Error(`${expected} became ${total}`);
}

async function work(
  sim: Simulation,
  teller: Teller,
  name: string,
  transfer: Transfer,
): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await sim.sleep(sim.random.next() * 6_000);
    const from = Math.floor(sim.random.next() * holders.length);
    const to = (from + 1 + Math.floor(sim.random.next() * 2)) % holders.length;
    const amount = 1 + Math.floor(sim.random.next() * 20);
    await transfer(teller, `${name} ${i}`, holders[from]!, holders[to]!, amount);
  }
}

/** The bank with {@linkcode naiveTransfer}. */
export const naiveBank: Scenario = {
  ...bank("naive bank", naiveTransfer),
  source: { module: import.meta.url, export: "naiveBank" },
};

/** The bank with {@linkcode safeTransfer}. */
export const safeBank: Scenario = {
  ...bank("safe bank", safeTransfer),
  source: { module: import.meta.url, export: "safeBank" },
};
