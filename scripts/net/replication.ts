/**
 * Faults of owners and copies of replicated shards, each on a cluster of five nodes of its own, while a client
 * that reaches all of them writes: every write that was acknowledged is read back afterwards.
 *
 * @module
 */
import type { Figure } from "../../bench/ownership/figures.ts";
import { Ledgers } from "../../bench/replication/entities.ts";
import { ReplicatedCluster } from "../../bench/replication/replicated_cluster.ts";
import { LedgerHost } from "./ledger_host.ts";
import { Namespaces } from "./namespaces.ts";

const nodes = 5;
const port = 25_540;
const others = [2, 3, 4, 5];
/** Milliseconds within which all writers are answered again. */
const limit = 90_000;

/** A cluster in a lab, and its client. */
interface Scene {
  readonly lab: Namespaces;
  readonly cluster: ReplicatedCluster;
  readonly load: LedgerHost;
}

/** A fault of replicated shards. */
export interface ReplicationScenario {
  readonly name: string;
  readonly store: "memory" | "sqlite";
  /** Whether all writers must be answered during the fault: no shard has lost two of three copies. */
  readonly goesOn: boolean;
  begin(scene: Scene): Promise<void>;
  /** Milliseconds that it lasts at least. */
  readonly lasts: number;
  end(scene: Scene): Promise<void>;
}

/** Waits for a fixed time, which is part of the scenario. */
const lasting = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const heal = ({ lab }: Scene) => lab.heal();

/** Each with the stores for which it makes sense: copies in memory are gone when their node was declared down. */
export const replicationScenarios: readonly ReplicationScenario[] = [
  ...both({
    name: "replication: an owner is cut from its copies for 25 s, not from clients",
    goesOn: true,
    lasts: 25_000,
    begin: ({ lab }) => lab.partition([1], others),
    end: heal,
  }),
  ...both({
    name: "replication: an owner is cut from its copies, and killed after 5 s",
    goesOn: true,
    lasts: 5_000,
    begin: ({ lab }) => lab.partition([1], others),
    async end({ lab, cluster }) {
      // What it has acknowledged alone, if anything, is lost with its memory.
      await cluster.nodes[0]!.kill();
      await lab.heal();
      await cluster.start(0, nodes).ready;
    },
  }),
  ...both({
    name:
      "replication: two nodes, owners and copies of each other, are cut from each other for 20 s",
    goesOn: true,
    lasts: 20_000,
    begin: ({ lab }) => lab.partition([2], [3]),
    end: heal,
  }),
  ...both({
    // Not heard by two nodes, an owner with its copies at just these could not go on.
    name: "replication: a copy hears an owner and is not heard by it for 20 s",
    goesOn: true,
    lasts: 20_000,
    begin: ({ lab }) => lab.cut(2, 3),
    end: heal,
  }),
  ...both({
    name: "replication: an owner hears all others and is heard by none for 25 s",
    goesOn: true,
    lasts: 25_000,
    begin: async ({ lab }) => {
      for (const other of others) await lab.cut(1, other);
    },
    end: heal,
  }),
  {
    name: "replication: a minority of two with owners is cut off for 8 s, healed in time (memory)",
    store: "memory",
    goesOn: false,
    lasts: 8_000,
    begin: ({ lab }) => lab.partition([1, 2], [3, 4, 5]),
    end: heal,
  },
  {
    name: "replication: a minority of two with owners is cut off for 30 s, and rejoins (sqlite)",
    store: "sqlite",
    goesOn: false,
    lasts: 30_000,
    begin: ({ lab }) => lab.partition([1, 2], [3, 4, 5]),
    end: heal,
  },
];

function both(scenario: Omit<ReplicationScenario, "store">): ReplicationScenario[] {
  return (["memory", "sqlite"] as const).map((store) => ({
    ...scenario,
    name: `${scenario.name} (${store})`,
    store,
  }));
}

/** Runs one scenario. */
export async function runReplication(
  scenario: ReplicationScenario,
  tell: (line: string) => void,
): Promise<readonly Figure[]> {
  await using lab = await Namespaces.create(nodes + 1);
  const places = Array.from({ length: nodes }, (_, index) => ({
    host: lab.address(index + 1),
    port,
    prefix: lab.command(index + 1, []),
  }));
  await using cluster = await ReplicatedCluster.start({ nodes, store: scenario.store, places });
  await cluster.settled(Ledgers.name, Ledgers.numShards);
  await using load = await LedgerHost.start(lab, nodes + 1, cluster.clientOptions);
  await load.ask({ type: "start" });
  const before = await load.ask({ type: "await", limit });
  if (before.took === undefined) throw new Error("not all writers were answered before the fault");

  const scene: Scene = { lab, cluster, load };
  const begun = performance.now();
  await scenario.begin(scene);
  // The first acknowledgements may be older than the fault; the second look is within it.
  const during = scenario.goesOn ? await load.ask({ type: "await", limit }) : undefined;
  await lasting(Math.max(0, scenario.lasts - (performance.now() - begun)));
  await scenario.end(scene);
  const after = await load.ask({ type: "await", limit });
  if (after.took === undefined || (scenario.goesOn && during!.took === undefined)) {
    tell(await cluster.explain());
  }
  await cluster.settled(Ledgers.name, Ledgers.numShards);
  const { acknowledged, read, repeated, faults, failures } = await load.ask({ type: "stop" });
  for (const fault of faults) tell(`  ${fault}`);
  if (repeated > 0) tell(failures);
  const ms = (name: string, value = NaN): Figure => ({
    name,
    value,
    unit: "ms",
    target: { atMost: limit },
  });
  return [
    { name: "acknowledged writes", value: acknowledged },
    { name: "acknowledged writes that are missing", value: acknowledged - read, ...none },
    { name: "answers and contents that contradict", value: faults.length, ...none },
    { name: "asks that were repeated", value: repeated },
    ...(scenario.goesOn ? [ms("until all write during the fault", during!.took)] : []),
    ms("until all write after the fault", after.took),
  ];
}

const none = { target: { atMost: 0 } } as const;
