import { resolveOptions } from "../../options/check_options.ts";
import { refusedOption } from "../../options/explain.ts";
import { gatewayCallTable, gatewayClientTable } from "../../options/tables/gateway_tables.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { systemRandom } from "../../runtime/system_random.ts";
import { webClock } from "../../runtime/system_web.ts";
import type { AnyApi } from "./client_types.ts";
import { GatewayError, type GatewayErrorCode } from "../errors.ts";
import { gatewaySubprotocol, tokenSubprotocol } from "../protocol/frames.ts";
import {
  type ClientFailure,
  type ClientOperation,
  ClientSession,
  type ClientSessionEffect,
  type ClientSessionEvent,
  type GatewayClientState,
} from "../session/client_session.ts";
import type {
  EntityMethods,
  EntityName,
  GatewayCallOptions,
  MessageOf,
  PublishedOf,
  TopicName,
} from "./client_types.ts";
import { answerOfAnother, protocolOfAnother } from "../session/not_a_gateway.ts";
import { GatewaySubscription } from "./gateway_subscription.ts";
import { methods } from "./method_proxy.ts";

/** The part of `WebSocket` that a client uses. */
export type WebSocketFactory = (url: string, protocols: string[]) => WebSocket;

/** Options of {@linkcode gatewayClient}. Times are milliseconds. */
export interface GatewayClientOptions {
  /** Where the gateway is, with its path: `"https://shop.example/gateway"`. One of `url` and `urls`. */
  readonly url?: string;
  /** Where gateways are that offer the same; the next one is tried when one fails. */
  readonly urls?: readonly string[];
  /**
   * Called for each connection; `authenticate` of the gateway gets what it returns. A browser sends the
   * cookies of the page in any case. Default: none.
   */
  readonly token?: () => string | Promise<string>;
  /** How long an operation may take, if it does not say. Default 5 000. */
  readonly timeout?: number;
  /** Operations that wait at once. Default 1 000. */
  readonly maxPending?: number;
  /** Messages of a subscription that wait for a slow reader. Default 1 024. */
  readonly buffer?: number;
  /**
   * From the start of a connection to its welcome; then the next address is tried. Doubles with each
   * round of failures, up to 8 times of it. Default 3 000.
   */
  readonly connectTimeout?: number;
  /** Silence after which a sign of life is asked for, and given up after as much again. Default 10 000. */
  readonly pingAfter?: number;
  /** Longest pause between attempts to connect. Default 5 000. */
  readonly maxPause?: number;
  /**
   * Time, random numbers, sockets and requests, for tests. Default: those of the browser or process;
   * with `webSocket`, no requests.
   */
  readonly runtime?: {
    readonly clock?: Clock;
    readonly random?: Random;
    readonly webSocket?: WebSocketFactory;
    readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  };
}

/** A change of the connection of a client. */
export interface GatewayStateChange {
  /** The new state. */
  readonly state: GatewayClientState;
  /** With `open`: whether the session goes on that was open before. */
  readonly resumed: boolean;
}

/** A topic, as a client uses it. */
export interface GatewayTopicHandle<M, P> {
  /**
   * Publishes a message; resolves when the gateway has published it.
   *
   * @throws {GatewayError}
   */
  publish(message: P, options?: GatewayCallOptions): Promise<void>;
  /** Subscribes a reader. */
  subscribe(): GatewaySubscription<M>;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: GatewayError) => void;
}

/** A client of a gateway. Made by {@linkcode gatewayClient}. */
export class GatewayClient<A> implements AsyncDisposable {
  readonly #urls: readonly string[];
  readonly #token: (() => string | Promise<string>) | undefined;
  readonly #timeout: number;
  readonly #maxPending: number;
  readonly #buffer: number;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #webSocket: WebSocketFactory;
  readonly #fetch: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  readonly #connectTimeout: number;
  readonly #session: ClientSession;
  readonly #pending = new Map<number, Pending>();
  readonly #subscriptions = new Map<number, GatewaySubscription<unknown>>();
  readonly #listeners = new Set<(change: GatewayStateChange) => void>();
  #socket: WebSocket | undefined;
  #connection = 0;
  #lastId = 0;
  #timer: Timer | undefined;
  #timerAt = Infinity;

  /** @internal Use {@linkcode gatewayClient}. */
  constructor(options: GatewayClientOptions) {
    const resolved = resolveOptions(gatewayClientTable, options);
    const { url, urls = url === undefined ? [] : [url], runtime } = resolved;
    if (urls.length === 0 || (url !== undefined && resolved.urls !== undefined)) {
      throw refusedOption("url", url, "give url, or urls with one or more");
    }
    this.#urls = urls.map(socketUrl);
    this.#token = resolved.token;
    this.#timeout = resolved.timeout;
    this.#maxPending = resolved.maxPending;
    this.#buffer = resolved.buffer;
    this.#clock = runtime?.clock ?? webClock;
    this.#random = runtime?.random ?? systemRandom;
    this.#webSocket = runtime?.webSocket ?? ((url, protocols) => new WebSocket(url, protocols));
    this.#fetch = runtime?.fetch ??
      (runtime?.webSocket === undefined ? (url, init) => fetch(url, init) : undefined);
    this.#connectTimeout = resolved.connectTimeout;
    this.#session = new ClientSession(this.#urls, resolved, this.#clock.now());
    this.#step({ type: "tick", chance: 0 });
  }

  /** The state of its connection. Operations are taken until it is closed. */
  get state(): GatewayClientState {
    return this.#session.state;
  }

  /** The operations of one entity, as methods. Each rejects with a {@linkcode GatewayError}. */
  entity<K extends EntityName<A> & string>(name: K, key: string): EntityMethods<A, K> {
    return methods((operation, input, options) =>
      this.#call(
        { kind: "call", entity: name, key, operation, input },
        options as GatewayCallOptions,
      )
    ) as EntityMethods<A, K>;
  }

  /** A topic. */
  topic<K extends TopicName<A> & string>(
    name: K,
  ): GatewayTopicHandle<MessageOf<A, K>, PublishedOf<A, K>> {
    return {
      publish: async (message, options) => {
        await this.#call({ kind: "publish", topic: name, message }, options);
      },
      subscribe: () => this.#subscribe(name),
    };
  }

  /** Calls back when the state changes. Returns a function that ends it. */
  onState(listener: (change: GatewayStateChange) => void): () => void {
    const own = (change: GatewayStateChange) => listener(change);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Closes the connection. What waits rejects with the code `closed`; subscriptions end. */
  close(): void {
    this.#step({ type: "close" });
  }

  /** The same as {@linkcode GatewayClient.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #call(operation: ClientOperation, options: GatewayCallOptions | undefined): Promise<unknown> {
    const { timeout = this.#timeout, idempotent, signal } = resolveOptions(
      gatewayCallTable,
      options,
    );
    if (this.#pending.size >= this.#maxPending) {
      return Promise.reject(
        new GatewayError("queueFull", `${this.#maxPending} operations of this client wait`, {
          value: this.#maxPending,
          remedy: "wait for some, or raise maxPending",
        }),
      );
    }
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const abort = () => {
        if (!this.#pending.delete(id)) return;
        this.#step({ type: "abandon", id });
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      const settled = () => signal?.removeEventListener("abort", abort);
      this.#pending.set(id, {
        resolve: (value) => (settled(), resolve(value)),
        reject: (error) => (settled(), reject(error)),
      });
      this.#step({ type: "operation", id, operation, timeout, idempotent });
    });
  }

  #subscribe<M>(topic: string): GatewaySubscription<M> {
    const id = ++this.#lastId;
    const subscription = new GatewaySubscription<M>(this.#buffer, () => {
      this.#subscriptions.delete(id);
      this.#step({ type: "unsubscribe", id });
    });
    this.#subscriptions.set(id, subscription as GatewaySubscription<unknown>);
    this.#step({ type: "subscribe", id, topic });
    return subscription;
  }

  #step(event: ClientSessionEvent): void {
    const effects = this.#session.step(event, this.#clock.now());
    for (const effect of effects) this.#onConnectionEffect(effect);
    for (const effect of effects) this.#onCallerEffect(effect);
    this.#schedule();
  }

  /** Before the others: what a caller does next is sent behind what was sent here. */
  #onConnectionEffect(effect: ClientSessionEffect): void {
    if (effect.type === "connect") void this.#connect(effect.connection, effect.address);
    else if (effect.type === "send" && effect.connection === this.#connection) {
      for (const frame of effect.frames) this.#socket?.send(frame);
    } else if (effect.type === "disconnect") this.#disconnect(effect.connection);
  }

  #onCallerEffect(effect: ClientSessionEffect): void {
    switch (effect.type) {
      case "resolve":
        this.#take(effect.id)?.resolve(effect.value);
        break;
      case "reject":
        this.#take(effect.id)?.reject(errorOf(effect.failure));
        break;
      case "message":
        this.#subscriptions.get(effect.id)?.offer({ type: "message", message: effect.message });
        break;
      case "gap": {
        const { id, missed, reason } = effect;
        this.#subscriptions.get(id)?.offer({ type: "gap", missed, reason });
        break;
      }
      case "ended": {
        const { id, failure } = effect;
        const subscription = this.#subscriptions.get(id);
        this.#subscriptions.delete(id);
        subscription?.fail(failure.code === "closed" ? undefined : errorOf(failure));
        break;
      }
      case "state":
        for (const listener of [...this.#listeners]) {
          listener({ state: effect.state, resumed: effect.resumed });
        }
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  async #connect(connection: number, address: number): Promise<void> {
    this.#connection = connection;
    this.#socket = undefined;
    const protocols = [gatewaySubprotocol];
    const closed = () => {
      this.#step({ type: "closed", connection, code: 0, chance: this.#random.next() });
    };
    try {
      if (this.#token !== undefined) protocols.push(encodeToken(await this.#token()));
      // The token took longer than the connection may.
      if (this.#connection !== connection || this.state === "closed") return;
      this.#attach(connection, this.#urls[address]!, protocols);
    } catch {
      closed();
    }
  }

  #attach(connection: number, url: string, protocols: string[]): void {
    const socket = this.#webSocket(url, protocols);
    this.#socket = socket;
    let wasOpen = false;
    const closed = (code: number, found?: string) => {
      this.#step({ type: "closed", connection, code, chance: this.#random.next(), found });
    };
    socket.onopen = () => {
      wasOpen = true;
      const found = protocolOfAnother(socket.protocol);
      if (found === undefined) return this.#step({ type: "opened", connection });
      this.#disconnect(connection);
      closed(0, found);
    };
    socket.onmessage = ({ data }) => this.#step({ type: "text", connection, text: data });
    socket.onclose = async ({ code }) => {
      // A page learns nothing of an answer that is no WebSocket.
      const isUnknown = !wasOpen && !this.#session.hadSession;
      closed(code, isUnknown ? await this.#foundAt(url) : undefined);
    };
    // The close event follows.
    socket.onerror = () => {};
  }

  /** What is there in the place of a gateway, if that is certain. */
  async #foundAt(url: string): Promise<string | undefined> {
    try {
      const response = await this.#fetch?.(url.replace(/^ws/, "http"), {
        redirect: "manual",
        signal: AbortSignal.timeout(this.#connectTimeout),
      });
      await response?.body?.cancel();
      return response && answerOfAnother(response);
    } catch {
      return undefined;
    }
  }

  #disconnect(connection: number): void {
    if (connection !== this.#connection) return;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#connection = 0;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #schedule(): void {
    const at = this.#session.tickAt ?? Infinity;
    if (at === this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = undefined;
    if (at === Infinity) return;
    const delay = Math.max(0, Math.ceil(at - this.#clock.now()));
    this.#timer = this.#clock.schedule(delay, () => {
      this.#timerAt = Infinity;
      this.#step({ type: "tick", chance: this.#random.next() });
    });
  }
}

/**
 * Connects to a gateway, from a browser or any other program with `WebSocket`. Returns at once;
 * operations wait until there is a session, and survive its connections. See `docs/gateway.md`.
 *
 * `A` is the type of what `gateway.api` has returned: the program imports it as a type, so nothing of
 * the API is in its bundle.
 *
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { gatewayClient, GatewayError } from "@casty/casty/gateway-client";
 * import type { GatewayApi, GatewayAsk, GatewayEntity } from "@casty/casty/gateway";
 *
 * // In a program: import type { api } from "./api.ts", and typeof api.
 * type Api = GatewayApi<{ counters: GatewayEntity<{ get: GatewayAsk<undefined, number> }> }>;
 *
 * await using client = gatewayClient<Api>({ url: "http://127.0.0.1:9/gateway" });
 * const failure = await client.entity("counters", "hits").get(undefined, { timeout: 50 })
 *   .catch((error: unknown) => error);
 * console.assert(failure instanceof GatewayError && failure.code === "notSent");
 * ```
 */
export function gatewayClient<A = AnyApi>(options: GatewayClientOptions): GatewayClient<A> {
  return new GatewayClient<A>(options);
}

function socketUrl(text: string): string {
  const url = new URL(text);
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname = `${url.pathname.replace(/\/$/, "")}/socket`;
  return url.href;
}

function encodeToken(token: string): string {
  const binary = String.fromCharCode(...new TextEncoder().encode(token));
  const text = btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return tokenSubprotocol + text;
}

/** The error for a failure. */
export function errorOf(
  { code, message, outcome, rejection, remedy }: ClientFailure,
): GatewayError {
  return new GatewayError(code as GatewayErrorCode, message, {
    outcome,
    rejection,
    ...(remedy !== undefined && { remedy }),
  });
}
