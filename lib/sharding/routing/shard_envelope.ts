/** A message and the entity that it is for. Made by {@linkcode shardEnvelope}. */
export interface ShardEnvelope<out M> {
  /** Distinguishes an envelope from other messages. */
  readonly type: "shardEnvelope";
  /** 1 to 512 characters. */
  readonly entityId: string;
  /** The message for the entity. */
  readonly message: M;
}

/** Whether a message is an envelope, of whatever message to whatever entity. */
export function isShardEnvelope(message: unknown): message is ShardEnvelope<unknown> {
  return (message as ShardEnvelope<unknown> | null | undefined)?.type === "shardEnvelope";
}

/**
 * Addresses a message to one entity of a sharded actor.
 *
 * @example
 * ```ts
 * import { shardEnvelope } from "@casty/casty";
 *
 * const envelope = shardEnvelope("hits", { type: "increment", amount: 1 });
 * console.assert(envelope.entityId === "hits");
 * ```
 */
export function shardEnvelope<const M>(entityId: string, message: M): ShardEnvelope<M> {
  return { type: "shardEnvelope", entityId, message };
}
