import { checkMessage, type MessageSchema } from "../../actor/behavior/message_schema.ts";
import { AskError } from "../../actor/errors.ts";
import type { ActorRef } from "../../actor/ref/ref.ts";
import { statusValue } from "../../actor/ask/status_value.ts";
import type { EntityRef } from "../../sharding/routing/entity_ref.ts";
import type { TopicHandle } from "../../topics/topic_handle.ts";
import type {
  GatewayApi,
  GatewayAsk,
  GatewayEntity,
  GatewayOperation,
  GatewayPrincipal,
  GatewayTell,
  GatewayTopic,
} from "../api/gateway_api.ts";
import type { GatewayErrorCode } from "../errors.ts";
import { jsonText } from "./json_text.ts";
import type { GatewayHost } from "./gateway_host.ts";
import type { GatewayTelemetry, OperationKind } from "./gateway_telemetry.ts";
import { type OperationFailure, operationFailure } from "./operation_failure.ts";

/** What a principal wants to do. */
export type GatewayRequest =
  | {
    readonly kind: "call";
    /** The name in the API. */
    readonly entity: string;
    /** The id of the entity. */
    readonly key: string;
    readonly operation: string;
    /** As the schema has returned it. */
    readonly input: unknown;
  }
  | { readonly kind: "publish"; readonly topic: string; readonly message: unknown }
  | { readonly kind: "subscribe"; readonly topic: string };

/** Decides what a principal may do. Throwing refuses. */
export type Authorize = (principal: GatewayPrincipal, request: GatewayRequest) => boolean;

/** The answer to an operation: JSON, undefined for none, or why it has failed. */
export type OperationAnswer =
  | { readonly ok: true; readonly value: string | undefined }
  | { readonly ok: false; readonly failure: OperationFailure };

type Entity = GatewayEntity<Readonly<Record<string, GatewayOperation>>>;
type OpenTopic = {
  readonly definition: GatewayTopic<unknown, never>;
  readonly handle: TopicHandle<unknown>;
};

/** A topic to read, or why it cannot be read. */
type OpenAnswer =
  | { readonly ok: true; readonly topic: OpenTopic }
  | (OperationAnswer & { readonly ok: false });

/** A call of an operation. */
interface Call {
  readonly entity: string;
  readonly key: string;
  readonly operation: string;
  readonly input?: unknown;
  /** Milliseconds. */
  readonly timeout: number;
}

/** Carries out what principals want, as far as the API offers it and they may. */
export class Operations {
  readonly #host: GatewayHost;
  readonly #authorize: Authorize | undefined;
  readonly #telemetry: GatewayTelemetry | undefined;
  readonly #entities = new Map<string, Entity>();
  readonly #topics = new Map<string, OpenTopic>();
  /** Operations that may be repeated, `"entity/operation"`. */
  readonly idempotent: readonly string[];

  /** Opens the topics at the node or client. */
  constructor(
    host: GatewayHost,
    api: GatewayApi<object>,
    authorize: Authorize | undefined,
    telemetry: GatewayTelemetry | undefined,
  ) {
    this.#host = host;
    this.#authorize = authorize;
    this.#telemetry = telemetry;
    for (const [name, made] of Object.entries(api.definitions)) {
      const definition = made as Entity | GatewayTopic<unknown, never>;
      if (definition.kind === "entity") this.#entities.set(name, definition);
      else {
        const handle = host.topic(definition.topic) as unknown as TopicHandle<unknown>;
        this.#topics.set(name, { definition, handle });
      }
    }
    this.idempotent = [...this.#entities].flatMap(([name, { operations }]) =>
      Object.entries(operations).filter(([, { idempotent }]) => idempotent)
        .map(([operation]) => `${name}/${operation}`)
    );
  }

  /** Calls an operation of an entity. Never rejects. */
  async call(principal: GatewayPrincipal, call: Call): Promise<OperationAnswer> {
    return this.#done("call", await this.#call(principal, call));
  }

  /** Publishes a message. */
  publish(principal: GatewayPrincipal, topic: string, message: unknown): OperationAnswer {
    return this.#done("publish", this.#publish(principal, topic, message));
  }

  /** The topic, if the principal may subscribe to it; otherwise why not. */
  subscribe(principal: GatewayPrincipal, topic: string): OpenAnswer {
    return this.#done("subscribe", this.#subscribe(principal, topic));
  }

  /** The same, before the subscription is made. */
  mayRead(principal: GatewayPrincipal, topic: string): OpenAnswer {
    const answer = this.#subscribe(principal, topic);
    return answer.ok ? answer : this.#done("subscribe", answer);
  }

  #done<A extends OperationAnswer | OpenAnswer>(kind: OperationKind, answer: A): A {
    this.#telemetry?.done(kind, answer.ok ? "ok" : answer.failure.code);
    return answer;
  }

  async #call(
    principal: GatewayPrincipal,
    { entity, key, operation, input, timeout }: Call,
  ): Promise<OperationAnswer> {
    const { type, operations } = this.#entities.get(entity) ?? {};
    const made = operations !== undefined && Object.hasOwn(operations, operation)
      ? operations[operation] as GatewayAsk<unknown, unknown> | GatewayTell<unknown>
      : undefined;
    if (type === undefined || made === undefined) {
      return refused("unknownOperation", `the gateway does not offer ${entity}/${operation}`);
    }
    const checked = check(made.input, input);
    if (!checked.valid) return refused("badInput", checked.told ?? checked.why);
    const request = { kind: "call", entity, key, operation, input: checked.value } as const;
    if (!this.#may(principal, request)) return notAllowed(`${entity}/${operation}`);
    try {
      const ref = this.#host.entity(type, key) as EntityRef<unknown>;
      if (made.kind === "tell") {
        ref.tell(made.message(checked.value, principal));
        return { ok: true, value: undefined };
      }
      const reply = await ref.ask(
        (replyTo: ActorRef<unknown>) => made.message(replyTo, checked.value, principal),
        { timeout },
      );
      return answered(reply, String(ref));
    } catch (error) {
      return { ok: false, failure: operationFailure(error) };
    }
  }

  #publish(principal: GatewayPrincipal, topic: string, message: unknown): OperationAnswer {
    const { definition, handle } = this.#topics.get(topic) ?? {};
    if (definition?.publish === undefined || handle === undefined) {
      return refused("unknownOperation", `the gateway does not offer to publish to ${topic}`);
    }
    const checked = check(definition.publish, message);
    if (!checked.valid) return refused("badInput", checked.told ?? checked.why);
    if (!this.#may(principal, { kind: "publish", topic, message: checked.value })) {
      return notAllowed(`publishing to ${topic}`);
    }
    handle.publish(checked.value);
    return { ok: true, value: undefined };
  }

  #subscribe(principal: GatewayPrincipal, topic: string): OpenAnswer {
    const open = this.#topics.get(topic);
    if (!open?.definition.subscribe) {
      return refused("unknownOperation", `the gateway does not offer the topic ${topic}`);
    }
    if (!this.#may(principal, { kind: "subscribe", topic })) return notAllowed(`reading ${topic}`);
    return { ok: true, topic: open };
  }

  #may(principal: GatewayPrincipal, request: GatewayRequest): boolean {
    if (this.#authorize === undefined) return true;
    try {
      return this.#authorize(principal, request) === true;
    } catch {
      return false;
    }
  }
}

function check(schema: MessageSchema<unknown> | undefined, value: unknown) {
  if (schema !== undefined) return checkMessage(schema, value, "input");
  return value === undefined
    ? { valid: true, value } as const
    : { valid: false, why: "the operation has no input", told: undefined } as const;
}

function answered(reply: unknown, target: string): OperationAnswer {
  const isStatus = typeof reply === "object" && reply !== null &&
    (reply as { type?: unknown }).type === "statusReply";
  let value: unknown;
  try {
    value = isStatus ? statusValue(reply, target) : reply;
  } catch (error) {
    if (error instanceof AskError) return { ok: false, failure: operationFailure(error) };
    throw error;
  }
  try {
    return { ok: true, value: jsonText(value) };
  } catch (error) {
    const message = `the entity's answer cannot be sent: ${(error as Error).message}`;
    return { ok: false, failure: { code: "badReply", message, outcome: "handled" } };
  }
}

function refused(
  code: GatewayErrorCode,
  message: string,
): OperationAnswer & { readonly ok: false } {
  return { ok: false, failure: { code, message, outcome: "none" } };
}

function notAllowed(what: string): OperationAnswer & { readonly ok: false } {
  return refused("unauthorized", `${what} is not allowed`);
}
