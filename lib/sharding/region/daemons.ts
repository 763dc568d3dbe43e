/**
 * Daemons: entities of a type that always run, each in a shard of its own. The owner of a shard starts
 * its daemon without a message, and starts it again when it has failed or stopped itself; the type has
 * no other entities. (Akka: sharded daemon process.)
 *
 * @module
 */

/** The daemons of a type; the same on all nodes. */
export interface Daemons {
  /** Their ids; each is in the shard of its index. */
  readonly ids: readonly string[];
  /** What users call them: the name of the actor by which `lookup` finds them at each node. */
  readonly actorName: string;
  /** The id of the daemon that gets what is sent to that actor; undefined: the actor takes nothing. */
  readonly recipient: string | undefined;
}
