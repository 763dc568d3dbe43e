/**
 * The entities of the runs with replicated shards, and what their processes are told and tell.
 *
 * @module
 */
import { type ActorRef, Behaviors, entityType } from "@casty/casty";
import { eventSourced } from "@casty/casty/persistence";
import type { TlsMaterial } from "@casty/casty/runtime";

/** The messages of a ledger. */
export type LedgerMessage =
  /** Stores a value once; replies with the count of values. */
  | { readonly type: "add"; readonly value: number; readonly replyTo: ActorRef<number> }
  | { readonly type: "list"; readonly replyTo: ActorRef<readonly number[]> };

/** Ledgers keep each value as an event of its own. */
export const Ledgers = entityType<LedgerMessage>("ledgers", { numShards: 32 });

/** The messages of the counters of benchmarks. */
export interface CountMessage {
  /** `add` stores an event of 100 characters, `bulk` one of 1,000; `get` stores nothing. */
  readonly type: "add" | "bulk" | "get";
  readonly replyTo: ActorRef<number>;
}

/** Replicated counters: they reply with the count of events. */
export const Counters = entityType<CountMessage>("counters", { numShards: 64 });

/** Counters that store nothing. */
export const PlainCounters = entityType<CountMessage>("plain-counters", { numShards: 64 });

const texts = { add: "x".repeat(100), bulk: "x".repeat(1_000) };

/** See {@linkcode Ledgers}. A value that comes again after an unknown outcome is there once. */
export const ledger = () =>
  eventSourced<LedgerMessage, number, readonly number[]>({
    initial: [],
    onCommand(_context, values, message, effect) {
      if (message.type === "list") return effect.reply(message.replyTo, values);
      if (values.at(-1) === message.value) return effect.reply(message.replyTo, values.length);
      return effect.persist(message.value).thenReply(message.replyTo, (after) => after.length);
    },
    onEvent: (values, value) => [...values, value],
  });

/** See {@linkcode Counters}. */
export const counter = () =>
  eventSourced<CountMessage, { readonly text: string }, number>({
    initial: 0,
    onCommand: (_context, count, { type, replyTo }, effect) =>
      type === "get"
        ? effect.reply(replyTo, count)
        : effect.persist({ text: texts[type] }).thenReply(replyTo, (after) => after),
    onEvent: (count) => count + 1,
  });

/** See {@linkcode PlainCounters}. */
export const plainCounter = () => {
  let count = 0;
  return Behaviors.receive<CountMessage>((_context, { replyTo }) => {
    replyTo.tell(++count);
    return Behaviors.same();
  });
};

/** The options of a node: the first line of its input, as JSON. */
export interface ReplicationNodeOptions {
  readonly nodeId: string;
  readonly host: string;
  readonly port: number;
  readonly seedNodes: readonly string[];
  readonly tls: TlsMaterial;
  /** The file of its copies; undefined: copies are in memory. */
  readonly file?: string;
  readonly replicas: number;
  readonly minAcks: number;
  /** Members that must be up before it starts its work. Default 1. */
  readonly quorum?: number;
  /** Whether it runs its types only when it is told to: until then it gets no copies. */
  readonly spawnsLater?: boolean;
}
