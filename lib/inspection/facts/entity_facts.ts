import type { ExtensionContext } from "../../cluster/node/node_extension.ts";
import { shardInspectorOf } from "../../sharding/shard_inspector.ts";
import { shardingKey } from "../../sharding/sharding.ts";
import type { FactReader } from "../inspection.ts";

/** Entities of a type that run at a node. */
export interface EntityListFacts {
  /** How many run. */
  readonly running: number;
  /** How many of these match. */
  readonly matching: number;
  /** The first of these, sorted. */
  readonly ids: readonly string[];
}

/** Where an entity is, as a node knows it. */
export interface EntityPlaceFacts {
  readonly shard?: number;
  readonly owner?: string;
  readonly epoch?: number;
  /** Absent: it does not run at this node. */
  readonly here?: {
    readonly path: string;
    /** Messages that wait in its mailbox. */
    readonly mailbox: number;
    /** Whether it has work: messages, timers, open asks. */
    readonly busy: boolean;
  };
}

/** Ids of one answer. */
const maxIds = 200;

/** Reads {@linkcode EntityListFacts} of the parameter `type`, with `search` in their ids. */
export function entityList(node: ExtensionContext): FactReader {
  const sharding = node.extension(shardingKey);
  return ({ type = "", search = "" }): EntityListFacts => {
    const running = sharding.runningEntities(type);
    const found = search === "" ? [...running] : running.filter((id) => id.includes(search));
    const matching = found.length;
    return { running: running.length, matching, ids: found.sort().slice(0, maxIds) };
  };
}

/** Reads {@linkcode EntityPlaceFacts} of the parameters `type` and `id`. */
export function entityPlace(node: ExtensionContext): FactReader {
  const sharding = node.extension(shardingKey);
  const inspector = shardInspectorOf(sharding);
  return ({ type = "", id = "" }): EntityPlaceFacts => {
    const cell = inspector.entity(type, id);
    return {
      ...sharding.whereIs(type, id),
      ...(cell && {
        here: { path: cell.path, mailbox: cell.size, busy: cell.isBusy(true) },
      }),
    };
  };
}
