/**
 * The ledger of `examples/ledger` in a cluster: accounts transfer money to each other by their outboxes,
 * on one database that is slow, full, gone for a while, or fails before and after commits. Nodes crash, are
 * cut off, stand still beyond their leases. When it is over, every transfer that was begun has ended,
 * each happened once, and the money adds up; every confirmed one was begun.
 *
 * @module
 */
import { account, Accounts, type TransferAnswer } from "../../../examples/ledger/account.ts";
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import type { ClusterClient } from "../../../lib/client/cluster_client.ts";
import {
  type Fault,
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
} from "../../../lib/testkit/mod.ts";
import { faultOf, readLedger } from "../../persistence/ledger_check.ts";
import { failingDatabase } from "./durable_registers.ts";

const source = (name: string) => ({ module: import.meta.url, export: name });
/** The last one is closed: what is transferred to it comes back. */
const names = ["a", "b", "c", "d", "e", "f", "g", "closed"];
const deposit = 1_000;
const clients = 4;

function spawnAccounts(node: SimulatedNode): void {
  const { system } = node;
  const other = (id: string) => system.entity(Accounts, id);
  system.spawn(
    Behaviors.sharded(
      Accounts,
      (id) =>
        Behaviors.supervise(account(id, node.journal, other), {
          maxRestarts: Infinity,
          backoff: { min: 20, max: 1_000, jitter: 0.2 },
        }),
    ),
  );
}

/** Repeats an ask until it is answered: for what may be done several times. */
async function insist<R>(sim: Simulation, ask: () => Promise<R>): Promise<R> {
  for (;;) {
    try {
      return await ask();
    } catch {
      await sim.sleep(500);
    }
  }
}

async function open(sim: Simulation, client: ClusterClient): Promise<void> {
  for (const name of names) {
    const ref = client.entity(Accounts, name);
    if (name === "closed") {
      await insist(sim, () => ref.ask((replyTo) => ({ type: "close", replyTo })));
    } else {await insist(sim, () =>
        ref.ask((replyTo) => ({ type: "deposit", amount: deposit, replyTo })));}
  }
}

/** One client: one transfer after the other. Returns the ids of those that were accepted. */
async function work(
  sim: Simulation,
  client: ClusterClient,
  name: string,
  over: () => boolean,
): Promise<string[]> {
  const accepted: string[] = [];
  const draw = <T>(list: readonly T[]): T => list[Math.floor(sim.random.next() * list.length)]!;
  for (let count = 1; !over(); count++) {
    const id = `${name}-${count}`;
    const [from, to] = [draw(names.slice(0, -1)), draw(names)];
    const amount = Math.floor(sim.random.next() * 20);
    const transfer = (replyTo: ActorRef<TransferAnswer>) =>
      ({ type: "transfer", id, to, amount, replyTo }) as const;
    try {
      const answer = await client.entity(Accounts, from).ask(transfer, { timeout: 2_000 });
      if (answer === "accepted") accepted.push(id);
    } catch {
      // Whether it was begun is not known.
    }
    await sim.sleep(sim.random.next() * 200);
  }
  return accepted;
}

async function run(sim: Simulation): Promise<void> {
  const connected = await Promise.all(Array.from({ length: clients }, () => sim.connect()));
  await open(sim, connected[0]!);
  let over = false;
  const working = connected.map((client, index) => work(sim, client, String(index), () => over));
  await sim.faultsOver();
  await sim.sleep(10_000);
  over = true;
  const accepted = (await Promise.all(working)).flat();
  let fault: string | undefined = "it was not looked at";
  // Accounts that were passivated are started by the question.
  for (let tries = 0; tries < 60 && fault !== undefined; tries++) {
    for (const name of names) {
      const ref = connected[0]!.entity(Accounts, name);
      await insist(sim, () => ref.ask((replyTo) => ({ type: "balance", replyTo })));
    }
    await sim.sleep(1_000);
    fault = faultOf(await readLedger(sim.database.contents, names), true);
  }
  if (fault !== undefined) throw new Error(fault);
  const { transfers } = await readLedger(sim.database.contents, names);
  const lost = accepted.filter((id) => !transfers.has(id));
  if (lost.length > 0) throw new Error(`accepted, and not stored: ${lost}`);
  if (accepted.length < 50) throw new Error(`only ${accepted.length} transfers were accepted`);
  const { appended, unknown, refused, fenced } = sim.database.counts;
  sim.note(`transfers ${transfers.size}, accepted ${accepted.length}`);
  sim.note(`appended ${appended}, unknown ${unknown}, refused ${refused}, fenced ${fenced}`);
}

const base = {
  nodes: 5,
  duration: 300_000,
  linger: 1_000,
  cluster: { seedNodes: Array.from({ length: 5 }, (_, index) => `node-${index + 1}:25520`) },
  setup: spawnAccounts,
  run,
} satisfies Scenario;

const crashes = randomFaults({
  kinds: ["crash", "stop", "messageLoss", "messageDuplication", "messageReordering"],
  every: 7_000,
  longest: 10_000,
  quiet: 240_000,
});

/** Nodes crash and are restarted, with messages lost and doubled between them. */
export const ledger: Scenario = {
  ...base,
  name: "ledger",
  faults: (random, scene) => [...crashes(random, scene), ...failingDatabase(random, scene)],
  source: source("ledger"),
};

/** Owners are cut off or stand still for longer than their leases, and come back. */
export const ledgerInPauses: Scenario = {
  ...base,
  name: "ledger in pauses",
  restartEnded: 10_000,
  faults: (random, scene) => {
    const { nodes } = scene;
    const faults: Fault[] = [...failingDatabase(random, scene)];
    for (let at = 5_000; at < 60_000; at += 12_000) {
      const node = nodes[Math.floor(random.next() * nodes.length)]!;
      const span = 1_000 + random.next() * 9_000;
      if (random.next() < 0.5) {
        faults.push({ type: "pause", at, for: span, node, whole: random.next() < 0.5 });
      } else {
        const others = nodes.filter((other) => other !== node);
        faults.push({ type: "partition", at, for: span, between: [node], and: others });
      }
    }
    return faults;
  },
  source: source("ledgerInPauses"),
};
