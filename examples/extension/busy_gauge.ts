/** A node extension: each node publishes its number of jobs to all members. */
import { extensionKey, type NodeExtension } from "@casty/casty/extension";

/** What the extension exposes: `system.extension(BusyGauge)`. */
export interface BusyGauge {
  /** Sets the number of jobs that this node runs. */
  set(jobs: number): void;
  /** The number of jobs of each known node, by address. */
  readonly jobs: ReadonlyMap<string, number>;
  /** The node with the fewest jobs. */
  leastBusy(): string;
}

export const BusyGauge = extensionKey<BusyGauge>("busy");

/** A reserved path. Messages below `/_cluster/` use the control lane, not that of user messages. */
const path = "/_cluster/busy";
/** Milliseconds between two publications. The next one replaces a lost one. */
const interval = 1_000;

/** Makes the extension of one node. */
export function busyGauge(): NodeExtension {
  const jobs = new Map<string, number>();
  let publish = () => {};
  let stop = () => {};
  return {
    name: "busy",
    install(node) {
      jobs.set(node.address, 0);
      // The message comes from another process: validate it.
      node.handleNodes(path, ({ address }, message) => {
        if (Number.isSafeInteger(message)) jobs.set(address, message as number);
      });
      publish = () => {
        for (const { address } of node.view.members) {
          if (address !== node.address) node.send(address, path, jobs.get(node.address));
        }
      };
      const tick = () => {
        const timer = node.runtime.clock.schedule(interval, () => (publish(), tick()));
        stop = () => timer.cancel();
      };
      tick();
      node.expose(BusyGauge, {
        jobs,
        set: (count) => (jobs.set(node.address, count), publish()),
        leastBusy: () => [...jobs].reduce((a, b) => b[1] < a[1] ? b : a)[0],
      });
    },
    onView({ members, self }) {
      const present = new Set([self, ...members].map(({ address }) => address));
      for (const address of jobs.keys()) if (!present.has(address)) jobs.delete(address);
      publish();
    },
    afterLeave: () => stop(),
    explain: () =>
      [...jobs].map(([address, count]) =>
        `${address} runs ${count} ${count === 1 ? "job" : "jobs"}`
      ),
    health: () => ({ healthy: true, details: { nodes: jobs.size } }),
  };
}
