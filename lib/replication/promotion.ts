/**
 * Whether a new owner may open the log of its shard, by what the stores have answered that promised its
 * epoch. Pure.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import {
  type BootstrapRecord,
  mergeBootstrap,
  noBootstrap,
  sameBootstrap,
} from "./bootstrap_record.ts";
import { comparePositions } from "./log_position.ts";
import {
  compareReplicaVersions,
  isReadSet,
  type ReplicaConfig,
  sameStore,
  type StoreId,
  storesOf,
} from "./replica_config.ts";
import type { EpochPromisedMessage } from "./replication_protocol.ts";

/** What decides. */
export interface PromotionInput {
  /** The store of the node that was granted the shard. */
  readonly self: StoreId;
  /** What each node has answered last; only nodes that are members. */
  readonly answers: readonly EpochPromisedMessage[];
  /** Addresses of all members that run the type. */
  readonly members: readonly string[];
  /** Addresses that shall have copies, the owner among them. */
  readonly wanted: readonly string[];
  /** See `ReplicaConfig`. */
  readonly minAcks: number;
  /** Index before the first entry that is here: a copy with less needs a back-fill. */
  readonly base: number;
  /** Whether to go on without copies that are missing. */
  readonly acceptLoss: boolean;
}

/** Why a shard is not open. */
export type PromotionWait =
  /** The last answers that count are awaited from these nodes. */
  | { readonly reason: "copies"; readonly stores: readonly StoreId[] }
  /** Nobody has a copy, and these nodes have not confirmed it. */
  | { readonly reason: "bootstrap"; readonly addresses: readonly string[] }
  /** Nobody has a copy, although the shard is not new. */
  | { readonly reason: "lost" }
  /** So many nodes more are needed to acknowledge anything. */
  | { readonly reason: "nodes"; readonly count: number };

/** What to do. */
export type PromotionDecision =
  | { readonly type: "wait"; readonly wait: PromotionWait }
  /** Nodes have to store this first. */
  | { readonly type: "spread"; readonly bootstrap: BootstrapRecord }
  /** Another node has more: it should own the shard. */
  | { readonly type: "prefer"; readonly address: string }
  /** The shard opens with the log that is here. */
  | {
    readonly type: "open";
    readonly config: Omit<ReplicaConfig, "version">;
    /** Entries that were acknowledged may be missing. */
    readonly loss: boolean;
  };

/** See the module's text. */
export function judgePromotion(input: PromotionInput): PromotionDecision {
  const { self, answers, acceptLoss } = input;
  const own = answers.find(({ store }) => sameStore(store, self));
  if (own === undefined) return wait({ reason: "copies", stores: [self] });
  const config = newestConfig(answers);
  if (config === undefined) return judgeBootstrap(input);
  const usable = rules.incompleteCopiesDoNotCount
    ? answers.filter(({ copy }) => copy.filling === undefined)
    : answers;
  const has = (id: StoreId) => usable.some(({ store }) => sameStore(store, id));
  const isSafe = isReadSet(config, has);
  if (!isSafe && !acceptLoss) {
    const stores = storesOf(config).filter((id) => !has(id));
    return wait({ reason: "copies", stores });
  }
  if (usable.length === 0) return wait({ reason: "lost" });
  const best = usable.reduce((most, answer) =>
    comparePositions(answer.copy.last, most.copy.last) > 0 ? answer : most
  );
  const isComplete = usable.includes(own);
  const isHighest = comparePositions(own.copy.last, best.copy.last) >= 0;
  if (rules.highestCopyOpens && !(isComplete && isHighest)) {
    return { type: "prefer", address: best.store.address };
  }
  if (isSafe) {
    const { version: _, ...rest } = config;
    return { type: "open", config: rest, loss: false };
  }
  return begin(input, true);
}

/** The newest configuration that any of them has stored. */
function newestConfig(answers: readonly EpochPromisedMessage[]): ReplicaConfig | undefined {
  let newest: ReplicaConfig | undefined;
  for (const { copy: { config } } of answers) {
    if (config === undefined) continue;
    if (newest === undefined || compareReplicaVersions(config.version, newest.version) > 0) {
      newest = config;
    }
  }
  return newest;
}

/** Nobody has a copy: the shard begins, if that is certain. */
function judgeBootstrap(input: PromotionInput): PromotionDecision {
  const { answers, members, acceptLoss } = input;
  let all = noBootstrap;
  for (const { bootstrap } of answers) all = mergeBootstrap(all, bootstrap);
  all = mergeBootstrap(all, { stores: answers.map(({ store }) => store), closed: false });
  if (acceptLoss) return begin(input, all.closed || missing(all, answers, members).length > 0);
  if (all.closed) return wait({ reason: "lost" });
  if (!rules.bootstrapAsksAll) return begin(input, false);
  const addresses = missing(all, answers, members);
  if (addresses.length > 0) return wait({ reason: "bootstrap", addresses });
  // Invariant: each store of the list knows the whole list before the shard has a copy.
  if (!answers.every(({ bootstrap }) => sameBootstrap(bootstrap, all))) {
    return { type: "spread", bootstrap: all };
  }
  return begin(input, false);
}

function missing(
  { stores }: BootstrapRecord,
  answers: readonly EpochPromisedMessage[],
  members: readonly string[],
): string[] {
  const silent = members.filter((address) =>
    !answers.some(({ store }) => store.address === address)
  );
  const lost = stores.filter((id) => !answers.some(({ store }) => sameStore(store, id)));
  return [...new Set([...silent, ...lost.map(({ address }) => address)])].sort();
}

/** The first configuration, of nodes that have promised the epoch. */
function begin(
  { self, answers, wanted, minAcks, base }: PromotionInput,
  loss: boolean,
): PromotionDecision {
  const others = answers
    .filter(({ store, copy }) =>
      !sameStore(store, self) && wanted.includes(store.address) &&
      copy.filling === undefined && copy.last.index >= base
    )
    .map(({ store }) => store);
  const inSync = [self, ...others];
  // After a loss the others may have to be filled first: the log opens when they are.
  if (inSync.length <= minAcks && !loss) {
    return wait({ reason: "nodes", count: minAcks + 1 - inSync.length });
  }
  return { type: "open", config: { inSync, minAcks }, loss };
}

function wait(reason: PromotionWait): PromotionDecision {
  return { type: "wait", wait: reason };
}
