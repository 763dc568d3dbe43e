/**
 * What a gateway and its clients say over a WebSocket, as JSON text. A frame is an array
 * `[number, received, body]`, or an object without a number, see `docs/gateway.md`.
 *
 * @module
 */

/** The version that this code speaks. Another one is refused with the close code `badProtocol`. */
export const gatewayProtocolVersion = 1;

/** The WebSocket subprotocol of a gateway. */
export const gatewaySubprotocol = "casty.gateway.1";

/** A subprotocol that carries a token: a browser sets no headers. The rest is base64url. */
export const tokenSubprotocol = "casty.token.";

/** Names a session and proves that it is the client's. */
export interface SessionTicket {
  /** The session. */
  readonly session: string;
  /** Known to the client and the gateway only. */
  readonly secret: string;
}

/** The first frame of a client. */
export interface HelloFrame {
  readonly type: "hello";
  readonly version: number;
  /** The session to resume. Absent: a new one. */
  readonly resume?: SessionTicket & { readonly received: number };
}

/** The answer of the gateway. */
export interface WelcomeFrame extends SessionTicket {
  readonly type: "welcome";
  /** Whether the session goes on; false: it is a new one, and nothing is known of another. */
  readonly resumed: boolean;
  /** What the gateway has received of the client in this session. */
  readonly received: number;
  /** How much the client may have under way. */
  readonly window: { readonly messages: number; readonly bytes: number };
  /** Longest frame that the gateway takes, UTF-16 code units. */
  readonly maxFrame: number;
  /** Operations that may be repeated, `"entity/operation"`. */
  readonly idempotent: readonly string[];
}

/** What was received, when nothing else is to be sent. */
export interface AckFrame {
  readonly type: "ack";
  readonly received: number;
}

/** Asks for a sign of life. */
export interface PingFrame {
  readonly type: "ping";
}

/** The sign of life. */
export interface PongFrame {
  readonly type: "pong";
}

/** Calls an operation of an entity. */
export interface CallBody {
  readonly type: "call";
  /** Chosen by the client; names the answer. */
  readonly id: number;
  readonly entity: string;
  readonly key: string;
  readonly operation: string;
  readonly input?: unknown;
  /** Milliseconds until nobody waits for the answer. */
  readonly timeout: number;
}

/** Publishes a message to a topic. */
export interface PublishBody {
  readonly type: "publish";
  readonly id: number;
  readonly topic: string;
  readonly message: unknown;
}

/** Subscribes to a topic. */
export interface SubscribeBody {
  readonly type: "subscribe";
  readonly id: number;
  readonly topic: string;
}

/** Ends a subscription. */
export interface UnsubscribeBody {
  readonly type: "unsubscribe";
  readonly id: number;
}

/** What a client sends under a number. */
export type ClientBody = CallBody | PublishBody | SubscribeBody | UnsubscribeBody;

/** What a client sends. */
export type ClientFrame =
  | HelloFrame
  | AckFrame
  | PingFrame
  | { readonly number: number; readonly received: number; readonly body: ClientBody };

/**
 * Whether an operation that has failed was handled: `none` if certainly not, `unknown` if nobody can
 * say, `handled` if the entity has answered.
 */
export type CallOutcome = "none" | "unknown" | "handled";

/** An operation was answered. */
export interface ReplyBody {
  readonly type: "reply";
  readonly id: number;
  readonly value?: unknown;
}

/** An operation has failed, or a subscription has ended. */
export interface FailureBody {
  readonly type: "failure";
  readonly id: number;
  readonly code: string;
  readonly message: string;
  readonly outcome: CallOutcome;
  /** Whether another attempt may succeed. */
  readonly retry?: boolean;
  /** With the code `rejected`: what the entity has answered. */
  readonly rejection?: {
    readonly message: string;
    readonly code?: string;
    readonly details?: unknown;
  };
}

/** A message of a topic. */
export interface MessageBody {
  readonly type: "message";
  /** The subscription. */
  readonly id: number;
  readonly message: unknown;
}

/**
 * Why messages of a topic are missing, or may be: `overflow` if the client was too slow or too long
 * away, `clusterChanged` if a node that may have had some was lost, `notSendable` if one is not JSON,
 * `sessionLost` if the gateway knows the session no more.
 */
export type GapReason = "overflow" | "clusterChanged" | "sessionLost" | "notSendable";

/** Messages of a topic are missing, or may be. */
export interface GapBody {
  readonly type: "gap";
  /** The subscription. */
  readonly id: number;
  /** How many are certainly missing. */
  readonly missed: number;
  readonly reason: GapReason;
}

/** What a gateway sends under a number. */
export type ServerBody = ReplyBody | FailureBody | MessageBody | GapBody;

/** What a gateway sends. */
export type ServerFrame =
  | WelcomeFrame
  | AckFrame
  | PongFrame
  | { readonly number: number; readonly received: number; readonly body: ServerBody };
