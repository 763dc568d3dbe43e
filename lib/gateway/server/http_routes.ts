import type { Clock } from "../../runtime/clock.ts";
import type { GatewayPrincipal } from "../api/gateway_api.ts";
import type { GatewayErrorCode } from "../errors.ts";
import type { ResolvedGatewayOptions } from "./gateway_options.ts";
import type { GatewayTelemetry } from "./gateway_telemetry.ts";
import { httpStatusOf } from "./operation_failure.ts";
import type { OperationAnswer, Operations } from "./operations.ts";
import { corsHeaders } from "./origin_policy.ts";
import { plainRefusal } from "./plain_refusal.ts";
import type { PrincipalAccount, Principals } from "./principals.ts";
import { bodyText } from "./request_body.ts";

/** Opens a stream of a topic that the principal may read; undefined: there are too many. */
export type OpenStream = (
  request: Request,
  topic: string,
  principal: GatewayPrincipal,
  account: PrincipalAccount,
) => ReadableStream<Uint8Array> | undefined;

/**
 * Operations over HTTP, without a session: for programs that make a request now and then. Topics as
 * server-sent events.
 */
export class HttpRoutes {
  readonly #options: ResolvedGatewayOptions;
  readonly #operations: Operations;
  readonly #principals: Principals;
  readonly #clock: Clock;
  readonly #telemetry: GatewayTelemetry | undefined;
  readonly #openStream: OpenStream;

  constructor(
    options: ResolvedGatewayOptions,
    operations: Operations,
    principals: Principals,
    clock: Clock,
    telemetry: GatewayTelemetry | undefined,
    openStream: OpenStream,
  ) {
    this.#options = options;
    this.#operations = operations;
    this.#principals = principals;
    this.#clock = clock;
    this.#telemetry = telemetry;
    this.#openStream = openStream;
  }

  /** The answer to a page that asks what it may send. */
  preflight(request: Request): Response {
    const { origins = [] } = this.#options;
    return new Response(null, { status: 204, headers: corsHeaders(request, origins) });
  }

  /** The answer to a request of a principal; undefined: of nobody. */
  async answer(
    request: Request,
    route: string,
    principal: GatewayPrincipal | undefined,
  ): Promise<Response> {
    if (principal === undefined) {
      return this.failure(
        request,
        "unauthenticated",
        "the gateway has not accepted the credentials",
      );
    }
    const topic = topicOf(route);
    if (request.method === "GET" && topic !== undefined) {
      return this.#read(request, topic, principal);
    }
    if (request.method !== "POST") {
      const allow = topic === undefined ? "POST" : "GET, POST";
      return plainRefusal(405, `${request.method} is not possible here, but ${allow}`, { allow });
    }
    // A form of a foreign page cannot have this type without a preflight.
    if (!/^application\/json\b/i.test(request.headers.get("content-type") ?? "")) {
      return plainRefusal(415, "a POST needs the header content-type: application/json");
    }
    const account = this.#principals.account(principal.id, this.#clock.now());
    if (account === undefined || !this.#principals.mayCall(account)) return this.#tooMany(request);
    account.calls++;
    try {
      return await this.#carryOut(request, route, principal, account);
    } finally {
      account.calls--;
    }
  }

  /** A stream of the messages of a topic. */
  #read(request: Request, topic: string, principal: GatewayPrincipal): Response {
    // No page can have this type in a request of an image or a script, which have no origin.
    if (!/\btext\/event-stream\b/i.test(request.headers.get("accept") ?? "")) {
      return plainRefusal(406, "a topic is a stream: accept text/event-stream");
    }
    const open = this.#operations.mayRead(principal, topic);
    if (!open.ok) return this.#respond(request, open);
    const now = this.#clock.now();
    const account = this.#principals.account(principal.id, now);
    if (account === undefined || !this.#principals.mayConnect(account)) {
      return this.#tooMany(request);
    }
    if (!this.#principals.take(account, topic.length, now)) return this.#tooMany(request);
    const body = this.#openStream(request, topic, principal, account);
    if (body === undefined) return this.#tooMany(request);
    const { origins = [] } = this.#options;
    return new Response(body, {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        // Proxies would keep events until they have many.
        "x-accel-buffering": "no",
        ...corsHeaders(request, origins),
      },
    });
  }

  async #carryOut(
    request: Request,
    route: string,
    principal: GatewayPrincipal,
    account: PrincipalAccount,
  ): Promise<Response> {
    const { maxMessageBytes, maxTimeout } = this.#options;
    let body: string | undefined;
    try {
      body = await bodyText(request, maxMessageBytes);
    } catch {
      return plainRefusal(400, "the body could not be read");
    }
    if (body === undefined) {
      return this.failure(request, "tooLarge", `the body is longer than ${maxMessageBytes} bytes`);
    }
    if (!this.#principals.take(account, body.length, this.#clock.now())) {
      return this.#tooMany(request);
    }
    const input = parsed(body);
    if (input === undefined) return this.failure(request, "badInput", "the body is not JSON");
    const asked = Number(new URL(request.url).searchParams.get("timeout") ?? NaN);
    const timeout = asked >= 1 ? Math.min(asked, maxTimeout) : maxTimeout;
    const answer = await this.#route(route, principal, input.value, timeout);
    if (answer === undefined) {
      return this.failure(request, "unknownOperation", "the gateway has no such path");
    }
    return this.#respond(request, answer);
  }

  #route(
    route: string,
    principal: GatewayPrincipal,
    value: unknown,
    timeout: number,
  ): Promise<OperationAnswer> | OperationAnswer | undefined {
    const topic = topicOf(route);
    if (topic !== undefined) return this.#operations.publish(principal, topic, value);
    const [kind, name = "", key, operation, ...rest] = decoded(route.split("/"));
    if (kind !== "entities" || key === undefined || operation === undefined || rest.length > 0) {
      return undefined;
    }
    const call = { entity: name, key, operation, input: value, timeout };
    return this.#operations.call(principal, call);
  }

  #respond(request: Request, answer: OperationAnswer): Response {
    if (!answer.ok) {
      const { failure } = answer;
      return this.#json(request, httpStatusOf[failure.code], JSON.stringify({ failure }));
    }
    const text = answer.value === undefined ? "{}" : `{"value":${answer.value}}`;
    return this.#json(request, 200, text);
  }

  /** The answer to a request that was not carried out. */
  failure(request: Request, code: GatewayErrorCode, message: string): Response {
    this.#telemetry?.refused(code);
    return this.#respond(request, { ok: false, failure: { code, message, outcome: "none" } });
  }

  #tooMany(request: Request): Response {
    const response = this.failure(
      request,
      "tooManyRequests",
      "the principal, or the gateway, does as much as it may",
    );
    response.headers.set("retry-after", "1");
    return response;
  }

  #json(request: Request, status: number, text: string): Response {
    const { origins = [] } = this.#options;
    return new Response(text, {
      status,
      headers: {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        ...corsHeaders(request, origins),
      },
    });
  }
}

/** An empty body is no input. Undefined: not JSON. */
function parsed(body: string): { readonly value: unknown } | undefined {
  if (body === "") return { value: undefined };
  try {
    return { value: JSON.parse(body) };
  } catch {
    return undefined;
  }
}

function topicOf(route: string): string | undefined {
  const [kind, name, ...rest] = decoded(route.split("/"));
  return kind === "topics" && rest.length === 0 ? name : undefined;
}

function decoded(parts: readonly string[]): string[] {
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return [];
  }
}
