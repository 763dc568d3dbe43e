/** Reads frames: what does not have the form of `frames.ts` is undefined, never thrown. */
import type {
  ClientBody,
  ClientFrame,
  FailureBody,
  GapReason,
  HelloFrame,
  ServerBody,
  ServerFrame,
  WelcomeFrame,
} from "./frames.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Longest name of an entity, topic or operation, and longest entity key. */
const maxName = 512;

/** A frame of a client. */
export function parseClientFrame(text: unknown): ClientFrame | undefined {
  const value = parsed(text);
  if (Array.isArray(value)) return numbered(value, clientBody);
  const fields = fieldsOf(value);
  switch (fields?.type) {
    case "hello":
      return hello(fields);
    case "ack":
      return isCount(fields.received) ? { type: "ack", received: fields.received } : undefined;
    case "ping":
      return { type: "ping" };
    default:
      return undefined;
  }
}

/** A frame of a gateway. */
export function parseServerFrame(text: unknown): ServerFrame | undefined {
  const value = parsed(text);
  if (Array.isArray(value)) return numbered(value, serverBody);
  const fields = fieldsOf(value);
  switch (fields?.type) {
    case "welcome":
      return welcome(fields);
    case "ack":
      return isCount(fields.received) ? { type: "ack", received: fields.received } : undefined;
    case "pong":
      return { type: "pong" };
    default:
      return undefined;
  }
}

function parsed(text: unknown): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function numbered<B>(
  [number, received, value, ...rest]: readonly unknown[],
  bodyOf: (fields: Fields) => B | undefined,
): { readonly number: number; readonly received: number; readonly body: B } | undefined {
  const fields = fieldsOf(value);
  if (!isCount(number) || !isCount(received) || fields === undefined) return undefined;
  const body = rest.length === 0 ? bodyOf(fields) : undefined;
  return body === undefined ? undefined : { number, received, body };
}

function hello({ version, resume }: Fields): HelloFrame | undefined {
  if (!isCount(version)) return undefined;
  if (resume === undefined) return { type: "hello", version };
  const { session, secret, received } = fieldsOf(resume) ?? {};
  if (!isName(session) || !isName(secret) || !isCount(received)) return undefined;
  return { type: "hello", version, resume: { session, secret, received } };
}

function clientBody(fields: Fields): ClientBody | undefined {
  const { type, id } = fields;
  if (!isCount(id)) return undefined;
  switch (type) {
    case "call": {
      const { entity, key, operation, input, timeout } = fields;
      if (!isName(entity) || !isName(key) || !isName(operation) || !isCount(timeout)) {
        return undefined;
      }
      return { type, id, entity, key, operation, input, timeout };
    }
    case "publish": {
      const { topic, message } = fields;
      return isName(topic) ? { type, id, topic, message } : undefined;
    }
    case "subscribe":
      return isName(fields.topic) ? { type, id, topic: fields.topic } : undefined;
    case "unsubscribe":
      return { type, id };
    default:
      return undefined;
  }
}

function welcome(fields: Fields): WelcomeFrame | undefined {
  const { session, secret, resumed, received, maxFrame, idempotent } = fields;
  const { messages, bytes } = fieldsOf(fields.window) ?? {};
  if (!isName(session) || !isName(secret) || typeof resumed !== "boolean") return undefined;
  if (!isCount(received) || !isCount(maxFrame) || !isCount(messages) || !isCount(bytes)) {
    return undefined;
  }
  if (!Array.isArray(idempotent) || !idempotent.every((name) => typeof name === "string")) {
    return undefined;
  }
  const window = { messages, bytes };
  return { type: "welcome", session, secret, resumed, received, window, maxFrame, idempotent };
}

function serverBody(fields: Fields): ServerBody | undefined {
  const { type, id } = fields;
  if (!isCount(id)) return undefined;
  switch (type) {
    case "reply":
      return { type, id, value: fields.value };
    case "message":
      return { type, id, message: fields.message };
    case "gap": {
      const { missed, reason } = fields;
      if (!isCount(missed) || typeof reason !== "string") return undefined;
      return { type, id, missed, reason: reason as GapReason };
    }
    case "failure":
      return failure(id, fields);
    default:
      return undefined;
  }
}

function failure(id: number, fields: Fields): FailureBody | undefined {
  const { code, message, outcome, retry, rejection } = fields;
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  if (outcome !== "none" && outcome !== "unknown" && outcome !== "handled") return undefined;
  return {
    type: "failure",
    id,
    code,
    message,
    outcome,
    ...(retry === true && { retry }),
    ...(fieldsOf(rejection) && { rejection: rejection as NonNullable<FailureBody["rejection"]> }),
  };
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxName;
}
