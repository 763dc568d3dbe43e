import { resolveOptions } from "../../options/check_options.ts";
import {
  gatewayCallTable,
  gatewayFetchTable,
  gatewaySubscribeTable,
} from "../../options/tables/gateway_tables.ts";
import { systemRandom } from "../../runtime/system_random.ts";
import { webClock } from "../../runtime/system_web.ts";
import { GatewayError } from "../errors.ts";
import type {
  AnyApi,
  EntityMethods,
  EntityName,
  GatewayCallOptions,
  MessageOf,
  PublishedOf,
  TopicName,
} from "./client_types.ts";
import type { ClientFailure } from "../session/client_session.ts";
import { answerOfAnother, urlRemedy } from "../session/not_a_gateway.ts";
import { errorOf } from "./gateway_client.ts";
import type { GatewayTopicEvent } from "./gateway_subscription.ts";
import { topicEvents } from "./topic_events.ts";
import { methods } from "./method_proxy.ts";

/** Options of {@linkcode gatewayFetch}. */
export interface GatewayFetchOptions {
  /** Where the gateway is, with its path: `"https://shop.example/gateway"`. */
  readonly url: string;
  /** Called for each request; `authenticate` of the gateway gets what it returns. Default: none. */
  readonly token?: () => string | Promise<string>;
  /** How long an operation may take, milliseconds, if it does not say. Default 5 000. */
  readonly timeout?: number;
  /** Makes requests. Default: the global one. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** A topic, as a client uses it over HTTP. */
export interface GatewayFetchTopic<M, P> {
  /**
   * Publishes a message; resolves when the gateway has published it.
   *
   * @throws {GatewayError}
   */
  publish(message: P, options?: GatewayCallOptions): Promise<void>;
  /**
   * Reads the messages by server-sent events, over as many requests as it takes: each goes on behind the
   * last event of the one before. What the gateway does not keep any more is a gap. Nothing is read ahead
   * of the loop; ends when that is left, and rejects when `signal` aborts or the gateway refuses it.
   *
   * @throws {GatewayError}
   */
  subscribe(options?: GatewaySubscribeOptions): AsyncIterableIterator<GatewayTopicEvent<M>>;
}

/** Options of `subscribe` of a topic over HTTP. */
export interface GatewaySubscribeOptions {
  /** Ends it when it is aborted, with its reason. */
  readonly signal?: AbortSignal;
}

/** A client of a gateway that makes one HTTP request for each operation. */
export interface GatewayFetch<A> {
  /** The operations of one entity, as methods. Each rejects with a {@linkcode GatewayError}. */
  entity<K extends EntityName<A> & string>(name: K, key: string): EntityMethods<A, K>;
  /** A topic. */
  topic<K extends TopicName<A> & string>(
    name: K,
  ): GatewayFetchTopic<MessageOf<A, K>, PublishedOf<A, K>>;
}

/**
 * Uses a gateway over HTTP: for programs that run for one request, such as edge functions. It has no
 * session: an operation whose answer is lost is of unknown outcome. Topics are read by server-sent events.
 *
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { gatewayFetch } from "@casty/casty/gateway-client";
 * import type { GatewayApi, GatewayAsk, GatewayEntity } from "@casty/casty/gateway";
 *
 * // In a program: import type { api } from "./api.ts", and typeof api.
 * type Api = GatewayApi<{ counters: GatewayEntity<{ get: GatewayAsk<undefined, number> }> }>;
 *
 * const shop = gatewayFetch<Api>({
 *   url: "https://shop.example/gateway",
 *   token: () => "secret",
 *   fetch: () => Promise.resolve(Response.json({ value: 3 })), // The global one in a program.
 * });
 * console.assert(await shop.entity("counters", "hits").get() === 3);
 * ```
 */
export function gatewayFetch<A = AnyApi>(options: GatewayFetchOptions): GatewayFetch<A> {
  const { url, token, timeout: usual, fetch = globalThis.fetch } = resolveOptions(
    gatewayFetchTable,
    options,
  );
  const base = url.replace(/^ws/, "http").replace(/\/$/, "");
  const authorized = async (): Promise<Record<string, string>> =>
    token === undefined ? {} : { authorization: `Bearer ${await token()}` };
  const post = async (path: string, input: unknown, given: GatewayCallOptions | undefined) => {
    const { timeout = usual, signal } = resolveOptions(gatewayCallTable, given);
    const headers = { "content-type": "application/json", ...await authorized() };
    const ownSignal = AbortSignal.timeout(timeout);
    try {
      const response = await fetch(`${base}/${path}?timeout=${timeout}`, {
        method: "POST",
        headers,
        ...(input !== undefined && { body: JSON.stringify(input) }),
        signal: signal === undefined ? ownSignal : AbortSignal.any([signal, ownSignal]),
      });
      return await valueOf(response, base);
    } catch (error) {
      if (signal?.aborted || error instanceof GatewayError) throw error;
      throw ownSignal.aborted ? late(timeout, error) : lost(error);
    }
  };
  const open = async (path: string, lastEventId: string | undefined, signal: AbortSignal) => {
    const response = await fetch(`${base}/${path}`, {
      headers: {
        accept: "text/event-stream",
        ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
        ...await authorized(),
      },
      cache: "no-store",
      signal,
    });
    const { status, headers } = response;
    const isStream = headers.get("content-type")?.startsWith("text/event-stream");
    if (status === 200 && isStream) return response;
    // Later there may be room, or a gateway.
    const isTemporary = answerOfAnother(response) === undefined;
    if (!isTemporary) await valueOf(response, base, true);
    await response.body?.cancel();
    throw new Error(`status ${status}`);
  };
  return {
    entity: (name, key) =>
      methods((operation, input, given) => {
        const path = ["entities", name, key, operation].map(encodeURIComponent).join("/");
        return post(path, input, given as GatewayCallOptions | undefined);
      }) as never,
    topic: (name) => ({
      publish: async (message, given) => {
        await post(`topics/${encodeURIComponent(name)}`, message, given);
      },
      subscribe: (given) => {
        const { signal } = resolveOptions(gatewaySubscribeTable, given);
        return topicEvents({
          open: (lastEventId, aborted) =>
            open(`topics/${encodeURIComponent(name)}`, lastEventId, aborted),
          clock: webClock,
          random: systemRandom,
          signal,
        });
      },
    }),
  };
}

/** `isStream`: a value would not be what was asked for. */
async function valueOf(response: Response, url: string, isStream = false): Promise<unknown> {
  let body: { readonly value?: unknown; readonly failure?: ClientFailure } | undefined;
  try {
    body = await response.json();
  } catch (error) {
    if (!isStream && (response.ok || response.status >= 500)) throw error;
  }
  if (body?.failure !== undefined) throw errorOf(body.failure);
  if (response.ok && body !== undefined && !isStream) return body.value;
  const found = answerOfAnother(response) ?? `it answers with the status ${response.status}`;
  throw new GatewayError("badProtocol", `no gateway is at ${url}: ${found}`, {
    value: response.status,
    remedy: response.status === 403 ? "check the option origins of the gateway" : urlRemedy,
    outcome: response.status < 500 ? "none" : "unknown",
  });
}

function late(timeout: number, cause: unknown): GatewayError {
  const text = `no answer came within ${timeout} ms`;
  return new GatewayError("timeout", text, { value: timeout, cause, outcome: "unknown" });
}

function lost(cause: unknown): GatewayError {
  return new GatewayError("outcomeUnknown", "the request, or its answer, was lost", {
    cause,
    outcome: "unknown",
  });
}
