import type { Timer } from "../../runtime/clock.ts";
import { LimitedLog } from "../../runtime/limited_log.ts";
import type { TopicSubscription } from "../../topics/topic_subscription.ts";
import type { GatewayApi, GatewayPrincipal, GatewayTopic } from "../api/gateway_api.ts";
import { GatewayError } from "../errors.ts";
import type { CloseReason } from "../protocol/close_codes.ts";
import {
  type CallBody,
  gatewayProtocolVersion,
  gatewaySubprotocol,
  type HelloFrame,
  type SubscribeBody,
} from "../protocol/frames.ts";
import { parseClientFrame } from "../protocol/parse_frame.ts";
import type { ServerSessionEffect, ServerSessionEvent } from "../session/server_session.ts";
import { offeredSubprotocols, tokenOf } from "./credentials.ts";
import { type GatewayHost, hostRuntime, onHostStops, onMessagesMayBeLost } from "./gateway_host.ts";
import type { GatewayFacts, ResolvedGatewayOptions } from "./gateway_options.ts";
import { GatewaySessions, type HeldSession } from "./gateway_sessions.ts";
import { eventIdOf, EventStream } from "./event_stream.ts";
import { GatewaySocket } from "./gateway_socket.ts";
import { GatewayTelemetry, type Refusal } from "./gateway_telemetry.ts";
import { HttpRoutes } from "./http_routes.ts";
import { jsonText } from "./json_text.ts";
import { Operations } from "./operations.ts";
import { upgradeFor } from "./offered_upgrades.ts";
import { mayUse } from "./origin_policy.ts";
import { plainRefusal } from "./plain_refusal.ts";
import { type PrincipalAccount, Principals } from "./principals.ts";

const tickInterval = 100;
/** Ticks between two of all sessions. */
const sweepEvery = 10;
/** Requests whose principal is looked for at once. */
const maxAuthenticating = 1_000;
/** Messages of a topic that wait for the loop which passes them on. */
const readerBuffer = 4_096;

/** Closed sockets whose peer has not answered, beyond which refusals are statuses of HTTP. */
const maxClosing = 256;

/** Texts of answers without a failure of an operation. */
const isClosed = "the gateway is closed";
const refusalTexts: { readonly [R in Refusal]?: string } = {
  foreignOrigin: "pages of this origin may not use the gateway: see its option origins",
  tooManyRequests: "the gateway has as many requests as it takes: try again later",
  tooManySockets: "there are as many sockets as there may be: try again later",
  unauthenticated: "the gateway has not accepted the credentials",
};

/** Whether a client may have a socket, and the account that it counts for. */
interface Admission {
  readonly account: PrincipalAccount | undefined;
  readonly refusal: "unauthenticated" | "tooManySockets" | undefined;
}

/** The shell of a gateway: requests and sockets on one side, the cluster on the other. */
export class GatewayServer {
  readonly #host: GatewayHost;
  readonly #options: ResolvedGatewayOptions;
  readonly #runtime: ReturnType<typeof hostRuntime>;
  readonly #operations: Operations;
  readonly #principals: Principals;
  readonly #sessions: GatewaySessions;
  readonly #http: HttpRoutes;
  readonly #log: LimitedLog;
  readonly #telemetry: GatewayTelemetry | undefined;
  readonly #stopListening: readonly (() => void)[];
  /** Open sockets, and those that are being opened. */
  #sockets = 0;
  /** Sockets that were closed, and whose peer has not answered that. */
  #closing = 0;
  readonly #greeting = new Set<GatewaySocket>();
  #authenticating = 0;
  #timer: Timer | undefined;
  #ticks = 0;
  #lossPending = false;
  #closed = false;
  /** Messages of topics as JSON: written once for all sessions. */
  readonly #texts = new WeakMap<object, string>();

  constructor(host: GatewayHost, api: GatewayApi<object>, options: ResolvedGatewayOptions) {
    this.#host = host;
    this.#options = options;
    this.#runtime = hostRuntime(host);
    this.#telemetry = GatewayTelemetry.of(this.#runtime.telemetry, () => ({
      ...this.facts,
      waitingSessions: this.#sessions.waiting,
    }));
    this.#operations = new Operations(host, api, options.authorize, this.#telemetry);
    this.#principals = new Principals(options);
    this.#sessions = new GatewaySessions(
      {
        ...options,
        window: { messages: options.window, bytes: options.windowBytes },
        maxFrame: options.maxMessageBytes,
      },
      this.#principals,
      this.#runtime.random,
    );
    const { clock, logger } = this.#runtime;
    this.#http = new HttpRoutes(
      options,
      this.#operations,
      this.#principals,
      clock,
      this.#telemetry,
      (request, topic, principal, account) => this.#openStream(request, topic, principal, account),
    );
    this.#log = new LimitedLog(clock, logger);
    this.#stopListening = [
      onMessagesMayBeLost(host, () => this.#onMessagesMayBeLost()),
      onHostStops(host, () => this.close()),
    ];
  }

  get facts(): GatewayFacts {
    return {
      sockets: this.#sockets,
      sessions: this.#sessions.size,
      principals: this.#principals.size,
      bufferedBytes: this.#sessions.bytes,
    };
  }

  /** Answers a request. */
  async handle(request: Request, info: unknown): Promise<Response> {
    const { path, origins = [] } = this.#options;
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith(`${path}/`)) {
      return plainRefusal(404, `the paths of the gateway begin with ${path}/`);
    }
    if (this.#closed) return plainRefusal(503, isClosed);
    if (!mayUse(request, origins)) return this.#refuse(403, "foreignOrigin");
    const route = pathname.slice(path.length + 1);
    if (route === "socket") return await this.#onUpgrade(request, info);
    if (request.method === "OPTIONS") return this.#http.preflight(request);
    const principal = await this.#authenticate(request, info);
    if (principal === "busy") return this.#refuse(503, "tooManyRequests");
    // Meanwhile: a stream that is opened now would never be ended.
    if (this.#closed) return plainRefusal(503, isClosed);
    return await this.#http.answer(request, route, principal);
  }

  /** Closes all sockets and ends all sessions. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening.forEach((stop) => stop());
    this.#timer?.cancel();
    for (const socket of [...this.#greeting]) socket.close("closing");
    for (const held of [...this.#sessions.values()]) {
      const { socket } = held;
      this.#carryOut(held, held.session.end());
      socket?.close("closing");
    }
    this.#log.close();
    this.#telemetry?.close();
  }

  #refuse(status: number, reason: Refusal): Response {
    this.#telemetry?.refused(reason);
    return plainRefusal(status, refusalTexts[reason] ?? reason);
  }

  /** Undefined: the request is refused. */
  async #authenticate(
    request: Request,
    info: unknown,
  ): Promise<GatewayPrincipal | undefined | "busy"> {
    if (this.#authenticating >= maxAuthenticating) return "busy";
    this.#authenticating++;
    try {
      const principal = await this.#options.authenticate(request, tokenOf(request), info);
      const id = principal?.id;
      if (typeof id === "string" && id.length > 0 && id.length <= 256) return principal;
      if (principal !== undefined) throw new TypeError("its id is not 1 to 256 characters");
    } catch (error) {
      this.#log.add("error", "gateway", "authenticate has failed: request refused", { error });
    } finally {
      this.#authenticating--;
    }
    return undefined;
  }

  async #onUpgrade(request: Request, info: unknown): Promise<Response> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return plainRefusal(426, "this is the path of WebSockets", { upgrade: "websocket" });
    }
    if (this.#sockets >= this.#options.maxSockets) return this.#refuse(503, "tooManySockets");
    this.#sockets++;
    let isOpen = false;
    try {
      const principal = await this.#authenticate(request, info);
      if (principal === "busy") return this.#refuse(503, "tooManyRequests");
      if (this.#closed) return plainRefusal(503, isClosed);
      const admission = this.#admit(principal);
      if (this.#lingers(admission)) {
        const refusal = admission.refusal ?? "tooManySockets";
        return this.#refuse(refusal === "unauthenticated" ? 401 : 503, refusal);
      }
      const offered = offeredSubprotocols(request).includes(gatewaySubprotocol);
      const upgrade = this.#options.upgrade ?? upgradeFor(request);
      const protocol = offered ? gatewaySubprotocol : undefined;
      const upgraded = upgrade(request, protocol, this.#options.maxMessageBytes);
      isOpen = true;
      this.#onSocket(upgraded.socket, principal, admission);
      return upgraded.response;
    } catch (error) {
      const isOurs = error instanceof GatewayError;
      const level = isOurs ? "error" : "warn";
      this.#log.add(level, "gateway", "a request could not be upgraded", { error });
      if (isOurs) return this.#http.failure(request, error.code, error.message);
      return new Response(null, { status: 400 });
    } finally {
      if (!isOpen) this.#sockets--;
    }
  }

  #admit(principal: GatewayPrincipal | undefined): Admission {
    if (principal === undefined) return { account: undefined, refusal: "unauthenticated" };
    const now = this.#runtime.clock.now();
    const account = this.#principals.account(principal.id, now);
    const mayConnect = account !== undefined && this.#principals.mayConnect(account) &&
      this.#principals.take(account, 0, now);
    return { account, refusal: mayConnect ? undefined : "tooManySockets" };
  }

  /**
   * Whether a request must not become a WebSocket, not even to be told why it is refused: a peer that
   * does not answer the close keeps the connection, and not every server can end it.
   */
  #lingers({ account, refusal }: Admission): boolean {
    if (account !== undefined && this.#principals.lingers(account)) return true;
    return refusal !== undefined && this.#closing >= maxClosing;
  }

  /** A refused client learns why from the close code: a page sees no status of an upgrade. */
  #onSocket(
    webSocket: WebSocket,
    principal: GatewayPrincipal | undefined,
    { account, refusal }: Admission,
  ): void {
    const { clock } = this.#runtime;
    if (refusal === undefined) account!.sockets++;
    let held: HeldSession | undefined;
    let hello: Timer | undefined = undefined;
    let isClosing = false;
    const socket = new GatewaySocket(webSocket, this.#options.windowBytes * 4, {
      onText: (text) => {
        this.#telemetry?.received();
        if (held !== undefined) return this.#step(held, { type: "text", text });
        if (refusal !== undefined) return;
        hello?.cancel();
        this.#greeting.delete(socket);
        held = this.#onHello(socket, text, principal!, account!);
      },
      onClosed: (reason) => {
        if (reason !== undefined) {
          this.#telemetry?.refused(reason);
          isClosing = true;
          this.#closing++;
          if (account !== undefined) account.closing++;
        }
        hello?.cancel();
        this.#greeting.delete(socket);
        this.#sockets--;
        if (refusal === undefined) account!.sockets--;
        if (held?.socket === socket) this.#onDisconnected(held);
      },
      onGone: () => {
        if (!isClosing) return;
        isClosing = false;
        this.#closing--;
        if (account !== undefined) account.closing--;
      },
    });
    if (refusal !== undefined) {
      const refuse = () => socket.close(refusal);
      if (webSocket.readyState === WebSocket.OPEN) refuse();
      else webSocket.onopen = refuse;
      return;
    }
    this.#greeting.add(socket);
    hello = clock.schedule(this.#options.helloTimeout, () => socket.close("helloTimeout"));
  }

  #onHello(
    socket: GatewaySocket,
    text: string,
    principal: GatewayPrincipal,
    account: PrincipalAccount,
  ): HeldSession | undefined {
    const { maxMessageBytes } = this.#options;
    const frame = text.length <= maxMessageBytes ? parseClientFrame(text) : undefined;
    if (frame === undefined || !("type" in frame) || frame.type !== "hello") {
      socket.close("badProtocol");
      return undefined;
    }
    if (frame.version !== gatewayProtocolVersion) {
      socket.close("badProtocol");
      return undefined;
    }
    const now = this.#runtime.clock.now();
    const resumed = this.#resume(frame, principal);
    const held = resumed ??
      this.#sessions.open(principal, account, now, (old) => this.#carryOut(old, old.session.end()));
    if (held === undefined) {
      socket.close("tooManySockets");
      return undefined;
    }
    if (resumed === undefined) held.session.connect(0);
    this.#telemetry?.started(resumed ? "resumed" : frame.resume ? "lost" : "new");
    this.#sessions.setSocket(held, socket);
    const { window, windowBytes } = this.#options;
    socket.send([JSON.stringify({
      type: "welcome",
      session: held.id,
      secret: held.secret,
      resumed: resumed !== undefined,
      received: held.session.received,
      window: { messages: window, bytes: windowBytes },
      maxFrame: maxMessageBytes,
      idempotent: this.#operations.idempotent,
    })]);
    this.#step(held, { type: "tick" });
    this.#scheduleTick();
    return held;
  }

  /** The session that the client has, if the gateway knows it and can go on with it. */
  #resume({ resume }: HelloFrame, principal: GatewayPrincipal): HeldSession | undefined {
    const held = resume && this.#sessions.find(resume, principal);
    return held && this.#takeOver(held, resume!.received) ? held : undefined;
  }

  /** Ends the connection that a session has, for another one. False: it cannot go on. */
  #takeOver(held: HeldSession, received: number): boolean {
    const before = held.socket;
    this.#sessions.setSocket(held, undefined);
    before?.close("replaced");
    held.session.disconnect(this.#runtime.clock.now());
    return held.session.connect(received);
  }

  /** A stream of a topic, which the principal may read; undefined: there are too many. */
  #openStream(
    request: Request,
    topic: string,
    principal: GatewayPrincipal,
    account: PrincipalAccount,
  ): ReadableStream<Uint8Array> | undefined {
    if (this.#sockets >= this.#options.maxSockets) return undefined;
    const now = this.#runtime.clock.now();
    const last = eventIdOf(request.headers.get("last-event-id"));
    const known = last && this.#sessions.find(last, principal, topic);
    // What it lacks must be kept still, and the subscription must have been read.
    const resumed = known !== undefined && known.session.isSubscribed &&
        last!.received >= known.session.acknowledged && this.#takeOver(known, last!.received)
      ? known
      : undefined;
    // Nobody can go on with it any more.
    if (known !== undefined && resumed === undefined) this.#carryOut(known, known.session.end());
    const held = resumed ??
      this.#sessions.open(
        principal,
        account,
        now,
        (old) => this.#carryOut(old, old.session.end()),
        topic,
      );
    if (held === undefined) return undefined;
    const isLost = request.headers.has("last-event-id") && resumed === undefined;
    this.#telemetry?.started(resumed ? "resumed" : isLost ? "lost" : "new");
    const { window, windowBytes, slowAfter } = this.#options;
    const stream = new EventStream(
      { session: held.id, secret: held.secret, received: resumed ? last!.received : 0 },
      isLost,
      {
        messages: window >> 1,
        bytes: windowBytes >> 1,
        slowAfter,
        mayKeep: () => this.#sessions.mayBuffer,
      },
      {
        onReceived: (received) =>
          this.#step(held, { type: "text", text: `{"type":"ack","received":${received}}` }),
        onClosed: (reason) => {
          if (reason !== undefined) this.#telemetry?.refused(reason);
          this.#sockets--;
          account.sockets--;
          if (held.socket === stream) this.#onDisconnected(held);
        },
      },
      now,
    );
    this.#sockets++;
    account.sockets++;
    this.#sessions.setSocket(held, stream);
    if (resumed === undefined) {
      held.session.connect(0);
      const body = JSON.stringify({ type: "subscribe", id: 1, topic });
      this.#step(held, { type: "text", text: `[1,0,${body}]` });
    }
    this.#step(held, { type: "tick" });
    this.#scheduleTick();
    return stream.body;
  }

  #onDisconnected(held: HeldSession): void {
    held.session.disconnect(this.#runtime.clock.now());
    this.#sessions.setSocket(held, undefined);
    this.#scheduleTick();
  }

  #step(held: HeldSession, event: ServerSessionEvent): void {
    const effects = held.session.step(event, this.#runtime.clock.now());
    this.#carryOut(held, effects);
    this.#sessions.count(held, held.session.bytes);
  }

  /** Frames first: what is done for others may be answered at once, under later numbers. */
  #carryOut(held: HeldSession, effects: readonly ServerSessionEffect[]): void {
    for (const effect of effects) {
      if (effect.type !== "send") continue;
      this.#telemetry?.sent(effect.frames.length);
      held.socket?.send(effect.frames, this.#runtime.clock.now());
    }
    for (const effect of effects) {
      switch (effect.type) {
        case "close":
          this.#closeSocket(held, effect.reason);
          break;
        case "call":
          void this.#call(held, effect.call);
          break;
        case "publish": {
          const { id, topic, message } = effect.publish;
          const answer = this.#operations.publish(held.principal, topic, message);
          this.#answer(held, id, answer);
          break;
        }
        case "subscribe":
          this.#subscribe(held, effect.subscribe);
          break;
        case "unsubscribe":
          held.readers.get(effect.id)?.end();
          held.readers.delete(effect.id);
          break;
        case "ended":
          this.#onEnded(held);
      }
    }
  }

  #closeSocket(held: HeldSession, reason: CloseReason): void {
    const { socket } = held;
    if (socket === undefined) return;
    this.#sessions.setSocket(held, undefined);
    const principal = held.principal.id;
    this.#log.add("warn", "gateway", "socket closed", { reason, principal }, {
      cause: reason,
      identity: principal,
    });
    socket.close(reason);
  }

  #onEnded(held: HeldSession): void {
    for (const reader of held.readers.values()) reader.end();
    held.readers.clear();
    held.socket?.close("replaced");
    held.socket = undefined;
    this.#sessions.delete(held);
  }

  async #call(
    held: HeldSession,
    call: CallBody,
  ): Promise<void> {
    const timeout = Math.max(1, Math.min(call.timeout, this.#options.maxTimeout));
    const answer = await this.#operations.call(held.principal, { ...call, timeout });
    held.account.calls--;
    this.#answer(held, call.id, answer);
  }

  #answer(
    held: HeldSession,
    id: number,
    answer: Awaited<ReturnType<Operations["call"]>>,
  ): void {
    this.#step(
      held,
      answer.ok
        ? { type: "reply", id, value: answer.value }
        : { type: "failure", failure: { id, ...answer.failure } },
    );
  }

  #subscribe(held: HeldSession, { id, topic }: SubscribeBody): void {
    const open = this.#operations.subscribe(held.principal, topic);
    if (!open.ok) return this.#answer(held, id, open);
    const { definition, handle } = open.topic;
    const reader = handle.subscribe({ buffer: readerBuffer });
    held.readers.set(id, reader);
    void this.#read(held, id, definition, reader);
  }

  /** Passes the messages of a topic on. */
  async #read(
    held: HeldSession,
    id: number,
    definition: GatewayTopic<unknown, never>,
    reader: TopicSubscription<unknown>,
  ): Promise<void> {
    const visible = definition.visible as
      | ((message: unknown, principal: GatewayPrincipal) => boolean)
      | undefined;
    let dropped = 0;
    for await (const message of reader) {
      if (held.readers.get(id) !== reader) return;
      if (reader.dropped > dropped) {
        const count = reader.dropped - dropped;
        dropped = reader.dropped;
        this.#step(held, { type: "missed", id, count, reason: "overflow" });
      }
      try {
        if (visible !== undefined && !visible(message, held.principal)) continue;
        this.#step(held, { type: "message", id, message: this.#text(message) });
      } catch (error) {
        const { name } = definition.topic;
        this.#log.add("error", "gateway", "a message of a topic cannot be sent", { name, error });
        this.#step(held, { type: "missed", id, count: 1, reason: "notSendable" });
      }
    }
  }

  #text(message: unknown): string {
    if (typeof message !== "object" || message === null) return jsonText(message) ?? "null";
    let text = this.#texts.get(message);
    if (text === undefined) this.#texts.set(message, text = jsonText(message)!);
    return text;
  }

  /** Of one turn together: a node that goes is several events. */
  #onMessagesMayBeLost(): void {
    if (this.#lossPending) return;
    this.#lossPending = true;
    this.#runtime.clock.defer(() => {
      this.#lossPending = false;
      for (const held of [...this.#sessions.values()]) {
        for (const id of [...held.session.subscriptions]) {
          this.#step(held, { type: "missed", id, count: 0, reason: "clusterChanged" });
        }
      }
    });
  }

  #scheduleTick(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = this.#runtime.clock.schedule(tickInterval, () => this.#tick());
  }

  #tick(): void {
    this.#timer = undefined;
    const isSweep = this.#ticks++ % sweepEvery === 0;
    const now = this.#runtime.clock.now();
    for (const held of [...this.#sessions.values()]) {
      if (isSweep || held.session.isBusy) this.#step(held, { type: "tick" });
      if (isSweep) held.socket?.tick?.(now);
    }
    if (isSweep) this.#principals.prune(now);
    if (this.#sessions.size > 0) this.#scheduleTick();
  }
}
