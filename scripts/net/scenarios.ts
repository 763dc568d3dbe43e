import type { NetCluster } from "./cluster.ts";

/** A fault of a cluster of five nodes. */
export interface Scenario {
  readonly name: string;
  /** Whether it is part of the short run. */
  readonly short: boolean;
  /** The nodes that may be declared down; all others are healthy. */
  readonly mayDown: readonly string[];
  /** Starts the fault, waits, and ends it. Returns a note if a part of it was not possible. */
  fault(cluster: NetCluster): Promise<string | undefined | void>;
}

const hosts = [1, 2, 3, 4, 5];

/** Waits for the duration of a fault. A fixed time is intended here: it is part of the scenario. */
const lasting = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** In the order in which they run. */
export const scenarios: readonly Scenario[] = [
  {
    name: "partition 2|3 for 8 s, healed in time",
    short: true,
    mayDown: [],
    async fault({ lab }) {
      await lab.partition([1, 2], [3, 4, 5]);
      await lasting(8_000);
      await lab.heal();
    },
  },
  {
    name: "partition 2|3 for 30 s; the minority rejoins",
    short: false,
    mayDown: ["node-1", "node-2"],
    async fault({ lab }) {
      await lab.partition([1, 2], [3, 4, 5]);
      await lasting(30_000);
      await lab.heal();
    },
  },
  {
    name: "one-way loss from node-2 to node-3, 30 s",
    short: false,
    mayDown: [],
    async fault({ lab }) {
      await lab.cut(2, 3);
      await lasting(30_000);
      await lab.heal();
    },
  },
  {
    name: "20 % loss and 200 ms delay at all, 40 s",
    short: false,
    mayDown: [],
    async fault({ lab }) {
      const notes = await Promise.all(
        hosts.map((host) => lab.weather(host, { delay: 200, loss: 20 })),
      );
      await lasting(40_000);
      await lab.heal();
      return notes[0];
    },
  },
  {
    name: "SIGSTOP of node-4 for 10 s",
    short: false,
    mayDown: [],
    async fault(cluster) {
      cluster.signal(4, "SIGSTOP");
      await lasting(10_000);
      cluster.signal(4, "SIGCONT");
    },
  },
  {
    name: "kill -9 of node-5, started again after 20 s",
    short: false,
    mayDown: ["node-5"],
    async fault(cluster) {
      cluster.signal(5, "SIGKILL");
      await cluster.ended(5);
      await lasting(20_000);
      cluster.start(5);
    },
  },
  {
    name: "rolling restart of all five",
    short: false,
    mayDown: [],
    async fault(cluster) {
      for (const host of hosts) {
        cluster.signal(host, "SIGTERM");
        await cluster.ended(host);
        cluster.start(host);
        await cluster.until(`restart of node-${host}`, () => cluster.whole(), 60_000);
      }
    },
  },
];
