import type { LiteralOf } from "../../actor/behavior/ask_options.ts";
import type { MessageSchema } from "../../actor/behavior/message_schema.ts";
import type { ReplyOf } from "../../actor/behavior/reply_of.ts";
import type { StatusValue } from "../../actor/behavior/status_reply.ts";
import type { ActorRef } from "../../actor/ref/ref.ts";
import type { EntityType } from "../../sharding/routing/entity_type.ts";
import type { Topic } from "../../topics/topic.ts";
import { resolveOptions } from "../../options/check_options.ts";
import { gatewayOperationTable, gatewayTopicTable } from "../../options/tables/gateway_tables.ts";
import { GatewayError } from "../errors.ts";
import type { InputOf, OutputOf } from "./gateway_schema.ts";
import type { JsonOf } from "./json_of.ts";

/** On whose behalf a request is made: what `authenticate` has found out. */
export interface GatewayPrincipal {
  /** 1 to 256 characters; limits are counted by it. */
  readonly id: string;
  /** What else is known, such as roles. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** An operation with an answer. Made by `ask` of {@linkcode Operations}. */
export interface GatewayAsk<I, R> {
  /** What it is. */
  readonly kind: "ask";
  /** Validates the input; undefined: there is none. */
  readonly input: MessageSchema<unknown> | undefined;
  /** Whether it may be done twice. */
  readonly idempotent: boolean;
  /** Makes the message for the entity. */
  readonly message: (
    replyTo: ActorRef<unknown>,
    input: unknown,
    principal: GatewayPrincipal,
  ) => unknown;
  /** Carries the types; never set. */
  readonly types?: { readonly input: I; readonly reply: R };
}

/** An operation without an answer. Made by `tell` of {@linkcode Operations}. */
export interface GatewayTell<I> {
  /** What it is. */
  readonly kind: "tell";
  /** Validates the input; undefined: there is none. */
  readonly input: MessageSchema<unknown> | undefined;
  /** Whether it may be done twice. */
  readonly idempotent: boolean;
  /** Makes the message for the entity. */
  readonly message: (input: unknown, principal: GatewayPrincipal) => unknown;
  /** Carries the types; never set. */
  readonly types?: { readonly input: I; readonly reply: void };
}

/** Any operation. */
export type GatewayOperation = GatewayAsk<never, unknown> | GatewayTell<never>;

/** A reply as the client gets it: a status reply is its value, or rejects. */
export type UnwrappedReply<R> = R extends { readonly type: "statusReply" } ? StatusValue<R> : R;

/** Makes the operations of one type of entities, whose messages are `M`. */
export interface Operations<M> {
  /**
   * An operation that asks the entity.
   *
   * @param definition `input`: a synchronous Standard Schema; without one the operation has no input.
   * `message`: the message for the entity. `idempotent`: it may be done twice, so that clients repeat
   * it when its answer was lost. Default `false`.
   */
  ask<
    R,
    const Q extends LiteralOf<M> = LiteralOf<M>,
    S extends MessageSchema<unknown> | undefined = undefined,
  >(definition: {
    readonly input?: S;
    readonly idempotent?: boolean;
    readonly message: (
      replyTo: ActorRef<R>,
      input: OutputOf<S>,
      principal: GatewayPrincipal,
    ) => Q;
  }): GatewayAsk<InputOf<S>, JsonOf<UnwrappedReply<ReplyOf<M, R, Q>>>>;
  /**
   * An operation that tells the entity. The client hears that the gateway has sent it, not that it was
   * handled.
   */
  tell<
    const Q extends LiteralOf<M> = LiteralOf<M>,
    S extends MessageSchema<unknown> | undefined = undefined,
  >(definition: {
    readonly input?: S;
    readonly idempotent?: boolean;
    readonly message: (input: OutputOf<S>, principal: GatewayPrincipal) => Q;
  }): GatewayTell<InputOf<S>>;
}

/** A type of entities at the border. Made by {@linkcode Gateway.entity}. */
export interface GatewayEntity<O> {
  /** What it is. */
  readonly kind: "entity";
  /** The type. */
  readonly type: EntityType<never>;
  /** What clients may do, by name. */
  readonly operations: O;
}

/** What a topic offers to clients. */
export interface GatewayTopicOptions<M, S extends MessageSchema<M> | undefined> {
  /** Validates what is published: a synchronous Standard Schema. Default: clients publish nothing. */
  readonly publish?: S;
  /** Whether clients may subscribe. Default `true`. */
  readonly subscribe?: boolean;
  /** Which messages a principal gets. Default: all. */
  readonly visible?: (message: M, principal: GatewayPrincipal) => boolean;
}

/** A topic at the border. Made by {@linkcode Gateway.topic}. */
export interface GatewayTopic<M, P> {
  /** What it is. */
  readonly kind: "topic";
  /** The topic. */
  readonly topic: Topic<never>;
  /** Validates what clients publish; undefined: they publish nothing. */
  readonly publish: MessageSchema<unknown> | undefined;
  /** Whether clients may subscribe. */
  readonly subscribe: boolean;
  /** Which messages a principal gets; undefined: all. */
  readonly visible: ((message: never, principal: GatewayPrincipal) => boolean) | undefined;
  /** Carries the types; never set. */
  readonly types?: { readonly message: M; readonly published: P };
}

/** Entities and topics by the names that clients use. */
export type GatewayDefinitions = Readonly<
  Record<
    string,
    GatewayEntity<Readonly<Record<string, GatewayOperation>>> | GatewayTopic<unknown, never>
  >
>;

/** What a gateway offers. Clients need its type only. Made by {@linkcode Gateway.api}. */
export interface GatewayApi<D extends object = GatewayDefinitions> {
  /** Entities and topics, by the names that clients use. */
  readonly definitions: D;
}

/** Defines what a gateway offers. */
export interface Gateway {
  /**
   * What a gateway offers: entities and topics, by the names that clients use.
   *
   * @throws {GatewayError} code `badApi`.
   */
  api<D extends object>(definitions: D): GatewayApi<D>;
  /**
   * The operations of a type of entities.
   *
   * @throws {GatewayError} code `badApi`.
   * @throws {OptionError}
   */
  entity<M, O extends object>(
    type: EntityType<M>,
    operations: (define: Operations<M>) => O,
  ): GatewayEntity<O>;
  /**
   * A topic.
   *
   * @throws {OptionError}
   */
  topic<M, S extends MessageSchema<M> | undefined = undefined>(
    topic: Topic<M>,
    options?: GatewayTopicOptions<M, S>,
  ): GatewayTopic<JsonOf<M>, S extends undefined ? never : InputOf<S>>;
}

const define: Operations<never> = {
  ask: ((definition: object) => ({
    kind: "ask",
    input: undefined,
    ...resolveOptions(gatewayOperationTable, definition),
  })) as Operations<never>["ask"],
  tell: ((definition: object) => ({
    kind: "tell",
    input: undefined,
    ...resolveOptions(gatewayOperationTable, definition),
  })) as Operations<never>["tell"],
};

/**
 * Defines what a gateway offers, for `gatewayHandler`.
 *
 * @example
 * ```ts
 * import { type ActorRef, entityType, Topic } from "@casty/casty";
 * import { gateway } from "@casty/casty/gateway";
 *
 * type Counter =
 *   | { type: "add"; amount: number; replyTo: ActorRef<number> }
 *   | { type: "get"; replyTo: ActorRef<number> };
 * const Counters = entityType<Counter>("counters", { numShards: 20 });
 * const Totals = Topic<{ counter: string; total: number }>("totals", { retain: 1 });
 *
 * const api = gateway.api({
 *   counters: gateway.entity(Counters, ({ ask }) => ({
 *     add: ask({ message: (replyTo) => ({ type: "add", amount: 1, replyTo }) }),
 *     get: ask({ idempotent: true, message: (replyTo) => ({ type: "get", replyTo }) }),
 *   })),
 *   totals: gateway.topic(Totals),
 * });
 * console.assert(Object.keys(api.definitions).join() === "counters,totals");
 * ```
 */
export const gateway: Gateway = {
  api(definitions) {
    for (const [name, definition] of Object.entries(definitions)) {
      checkName("the entity or topic", name);
      const kind = (definition as { kind?: unknown } | null)?.kind;
      if (kind !== "entity" && kind !== "topic") {
        throw badApi(`"${name}" is neither an entity nor a topic`, definition);
      }
    }
    return Object.freeze({ definitions });
  },
  entity(type, operations) {
    const made = operations(define as never);
    for (const [name, operation] of Object.entries(made)) {
      checkName("the operation", name);
      // An operation of that name would make the client's object look like a promise.
      if (name === "then") throw badApi('an operation cannot be named "then"', name);
      const kind = (operation as { kind?: unknown } | null)?.kind;
      if (kind !== "ask" && kind !== "tell") {
        throw badApi(`the operation "${name}" was not made by ask or tell`, operation);
      }
    }
    return { kind: "entity", type: type as unknown as EntityType<never>, operations: made };
  },
  topic(topic, options) {
    const { publish, subscribe, visible } = resolveOptions(gatewayTopicTable, options);
    return { kind: "topic", topic: topic as unknown as Topic<never>, publish, subscribe, visible };
  },
};

const nameForm = /^[A-Za-z][\w.-]{0,127}$/;

function checkName(what: string, name: string): void {
  if (nameForm.test(name)) return;
  throw badApi(
    `the name of ${what} ${
      JSON.stringify(name)
    } is not a letter and up to 127 letters, digits, ".", "-" or "_"`,
    name,
  );
}

function badApi(text: string, value: unknown): GatewayError {
  return new GatewayError("badApi", text, {
    value,
    remedy: "define it with gateway.entity and gateway.topic",
  });
}
