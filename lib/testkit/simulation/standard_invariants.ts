/**
 * Invariants of every cluster under any faults. Each is a function that creates one, for the option
 * `invariants`.
 *
 * @module
 */
import { statusRank } from "../../membership/state/member.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Invariant, InvariantMaker } from "./invariant.ts";
import {
  noAcknowledgedEventLost,
  noEventStoredTwice,
  oneWriter,
  repliesOnlyAfterDurable,
} from "./journal_invariants.ts";
import { oneOwnerAtEveryInstant } from "./one_owner.ts";
import type { Simulation } from "./simulation.ts";

/** Nodes whose views are converged and tell of the same members name the same leader. */
export function oneLeader(): Invariant {
  return {
    name: "oneLeader",
    on: "view",
    check: ({ nodes }) => {
      const leaders = new Map<string, { leader: string | undefined; node: string }>();
      for (const { name, view } of nodes) {
        if (view === undefined || !view.converged) continue;
        const key = signature(view);
        const known = leaders.get(key);
        if (known === undefined) leaders.set(key, { leader: view.leader, node: name });
        else if (known.leader !== view.leader) {
          return `${known.node} follows ${known.leader}, ${name} follows ${view.leader}, ` +
            "and both have converged on the same members";
        }
      }
    },
  };
}

/** Views are immutable and checked many times. */
const signatures = new WeakMap<MembershipView, string>();

function signature(view: MembershipView): string {
  const known = signatures.get(view);
  if (known !== undefined) return known;
  const made = describe(view);
  signatures.set(view, made);
  return made;
}

function describe({ clusterId, members, unreachable }: MembershipView): string {
  let text = clusterId ?? "";
  for (const { address, incarnation, status, upNumber } of members) {
    text += ` ${address}/${incarnation}/${status}/${upNumber}`;
    if (unreachable.has(address)) text += "!";
  }
  return text;
}

/** In the view of each node, the status of a member only moves forward, and no incarnation returns. */
export function statusMovesForward(): Invariant {
  const seen = new Map<string, { view: MembershipView; last: Map<string, [number, number]> }>();
  return {
    name: "statusMovesForward",
    on: "view",
    check: ({ nodes }) => {
      for (const { name, starts, view } of nodes) {
        if (view === undefined) continue;
        // A node that rejoins has another incarnation, or is in another cluster.
        const key = `${name} ${starts} ${view.clusterId} ${view.self.incarnation}`;
        let known = seen.get(key);
        if (known?.view === view) continue;
        if (known === undefined) seen.set(key, known = { view, last: new Map() });
        known.view = view;
        const problem = compare(known.last, view);
        if (problem !== undefined) return `in the view of ${name}, ${problem}`;
      }
    },
  };
}

function compare(last: Map<string, [number, number]>, view: MembershipView): string | undefined {
  const present = new Set<string>();
  for (const { address, incarnation, status } of view.members) {
    present.add(address);
    const before = last.get(address);
    const rank = statusRank(status);
    if (before !== undefined) {
      if (incarnation < before[0]) return `${address} went back to an earlier incarnation`;
      if (incarnation === before[0] && rank < before[1]) {
        return `${address} went back to ${status} within one incarnation`;
      }
    }
    last.set(address, [incarnation, rank]);
  }
  for (const [address, entry] of last) {
    if (!present.has(address)) entry[1] = statusRank("removed");
  }
}

/**
 * No member is declared down that, by the faults, has run and reached most others for a while; see
 * {@linkcode HealthLimits}.
 */
export function healthyNotDowned(): Invariant {
  let checked = 0;
  return {
    name: "healthyNotDowned",
    on: "view",
    check: ({ downings }) => {
      for (; checked < downings.length; checked++) {
        const { address, by, healthy, why } = downings[checked]!;
        if (healthy) return `${address} is healthy and was declared down by ${by}: ${why}`;
      }
    },
  };
}

/** No two nodes that run own a shard by grants of the same epoch. */
export function oneOwnerPerEpoch(): Invariant {
  return {
    name: "oneOwnerPerEpoch",
    on: "shards",
    check: (simulation) => doubleOwner(simulation, (shard, epoch) => `${shard} ${epoch}`),
  };
}

/**
 * No two nodes that run own a shard, even if one of the grants is older and its node is suspended.
 * Stricter than what a cluster can promise when nodes are paused or cut off for long, since a suspended
 * node keeps what it owned: not among the standard invariants.
 */
export function oneLiveOwner(): Invariant {
  return {
    name: "oneLiveOwner",
    on: "shards",
    check: (simulation) => doubleOwner(simulation, (shard) => shard),
  };
}

function doubleOwner(
  { nodes }: Simulation,
  keyOf: (shard: string, epoch: number) => string,
): string | undefined {
  const owners = new Map<string, string>();
  for (const node of nodes) {
    const cluster = node.view?.clusterId ?? "";
    for (const { shardType, shard, epoch } of node.ownedShards()) {
      const name = `shard ${shard} of ${shardType}`;
      const key = keyOf(`${cluster} ${name}`, epoch);
      const other = owners.get(key);
      if (other !== undefined) return `${other} and ${node.name} own ${name} (epoch ${epoch})`;
      owners.set(key, node.name);
    }
  }
}

/** Every message is counted: sent = delivered + dead letters + in flight. */
export function ledgerBalances(): Invariant {
  return {
    name: "ledgerBalances",
    on: "second",
    check: ({ nodes }) => {
      for (const { name, running } of nodes) {
        if (running === undefined) continue;
        const { sent, delivered, deadLetters, inFlight } = running.ledger.snapshot();
        let lost = 0;
        for (const count of Object.values(deadLetters)) lost += count;
        if (sent === delivered + lost + inFlight) continue;
        return `the ledger of ${name}: ${sent} sent, but ${delivered} delivered, ${lost} dead ` +
          `letters and ${inFlight} in flight`;
      }
    },
  };
}

/**
 * Messages in mailboxes and in the queues for other nodes stay below `limit`, and the bytes in the
 * queue for each node below `maxBytes` (default 64 MiB, twice what a queue may hold by default).
 */
export function queuesAreBounded(limit = 100_000, maxBytes = 67_108_864): Invariant {
  return {
    name: "queuesAreBounded",
    on: "second",
    check: ({ nodes }) => {
      for (const node of nodes) {
        const { name, running, view } = node;
        if (running === undefined) continue;
        const { inFlight } = running.ledger.snapshot();
        if (inFlight > limit) return `${inFlight} messages wait in the mailboxes of ${name}`;
        for (const { address } of view?.members ?? []) {
          const { messages, bytes } = node.queuedFor(address);
          if (messages > limit) return `${messages} messages of ${name} wait for ${address}`;
          if (bytes > maxBytes) return `${bytes} bytes of ${name} wait for ${address}`;
        }
      }
    },
  };
}

/** The invariants that every simulation checks, unless the option `invariants` names others. */
export const standardInvariants: readonly InvariantMaker[] = [
  oneLeader,
  statusMovesForward,
  healthyNotDowned,
  oneOwnerPerEpoch,
  oneOwnerAtEveryInstant,
  ledgerBalances,
  () => queuesAreBounded(),
  noAcknowledgedEventLost,
  noEventStoredTwice,
  oneWriter,
  repliesOnlyAfterDurable,
];
