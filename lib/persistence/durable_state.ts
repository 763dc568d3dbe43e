import type { Behavior } from "../actor/behavior/behavior.ts";
import { checkOptions } from "../options/check_options.ts";
import { durableStateTable } from "../options/tables/persistence_tables.ts";
import type { OutboxOptions } from "./delivery/outbox_options.ts";
import type { DurableContext } from "./durable_context.ts";
import type { Effect, Effects } from "./effect.ts";
import { durable } from "./event_sourced.ts";
import type { Journal } from "./journal.ts";
import type { StateSchemaOptions } from "./schema.ts";

/** A kind of actor whose state is stored as a whole. */
export interface DurableState<M, S> {
  /** See {@linkcode persistenceId}. All actors but entities need one. Default: of an entity: its type and id. */
  readonly id?: string;
  /**
   * Where states are stored. Default: that of the entity type, or of the node or system: see
   * `Behaviors.sharded(..., { journal })` and `persistence: { journal }`.
   */
  readonly journal?: Journal;
  /** The state before the first one is stored. Never changed. */
  readonly initial: S;
  /**
   * Decides what follows from a message: `effect.persist(state)` stores a new state in place of the
   * present one.
   */
  readonly onMessage: (
    context: DurableContext<M>,
    state: S,
    message: M,
    effect: Effects<S, S>,
  ) => Effect<S, S> | Promise<Effect<S, S>>;
  /** Versions and validator of what is stored. */
  readonly schema?: StateSchemaOptions<S>;
  /** What waits until a state is durable, see {@linkcode EventSourced}. Default `"output"`. */
  readonly gate?: "output" | "command";
  /** How the messages of `thenSend` are delivered. */
  readonly outbox?: OutboxOptions;
  /** Reminders that an actor may have at once. Default 1 000. */
  readonly maxReminders?: number;
}

/**
 * An actor whose state is stored as a whole each time it changes: for states that are small, and whose
 * history nobody needs. All else is as of {@linkcode eventSourced}: recovery, the order of replies,
 * one writer.
 *
 * @example
 * ```ts
 * import { type ActorRef, ActorSystem } from "@casty/casty";
 * import { durableState, memoryJournal, persistenceId } from "@casty/casty/persistence";
 *
 * type Message = { type: "set"; theme: string } | { type: "get"; replyTo: ActorRef<string> };
 *
 * const journal = memoryJournal();
 * const settings = durableState<Message, string>({
 *   id: persistenceId("settings", "alice"),
 *   journal,
 *   initial: "light",
 *   onMessage: (_context, theme, message, effect) =>
 *     message.type === "set"
 *       ? effect.persist(message.theme)
 *       : effect.reply(message.replyTo, theme),
 * });
 *
 * await using system = new ActorSystem();
 * const ref = system.spawn(settings, "settings");
 * ref.tell({ type: "set", theme: "dark" });
 * console.assert(await system.ask(ref, (replyTo) => ({ type: "get", replyTo })) === "dark");
 * ```
 */
export function durableState<M, S>(definition: DurableState<M, S>): Behavior<M> {
  checkOptions(durableStateTable, definition);
  const { onMessage, schema: { version, state, upcastState, serializers } = {}, ...rest } =
    definition;
  return durable<M, S, S>({
    ...rest,
    onCommand: onMessage,
    onEvent: (_state, next) => next,
    schema: {
      ...(version !== undefined && { version }),
      ...(state !== undefined && { event: state }),
      ...(upcastState !== undefined && { upcastEvent: upcastState }),
      ...(serializers !== undefined && { serializers }),
    },
  }, "last");
}
