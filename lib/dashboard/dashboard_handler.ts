import { resolveOptions } from "../options/check_options.ts";
import { dashboardHandlerTable } from "../options/tables/dashboard_tables.ts";
import { randomId } from "../runtime/random.ts";
import { Actions, Confirmations, consequenceOf, parseAction } from "./actions.ts";
import type { DashboardSource } from "./dashboard_source.ts";
import { ObservedNode } from "./observed_node.ts";
import { Access, actionHeader, isOwnOrigin } from "./server/access.ts";
import { assetNamed } from "./server/asset_store.ts";
import { LiveStreams } from "./server/live_streams.ts";
import { summaryView, type ViewParameters, views } from "./views.ts";

/** Options of {@linkcode dashboardHandler}. */
export interface DashboardHandlerOptions {
  /**
   * What a viewer has to show, 16 to 200 visible ASCII characters without spaces: once as `?token=` in the browser, or as
   * `Authorization: Bearer` in each request. Default: a random one.
   */
  readonly token?: string;
  /**
   * Host names under which the dashboard is reached, besides `localhost`, `127.0.0.1` and `[::1]`:
   * requests for others are refused, so that a page of another site cannot reach it by a name of its
   * own (DNS rebinding). Default: none.
   */
  readonly hosts?: readonly string[];
  /**
   * Whether viewers may act: make nodes leave, declare them down, rebalance shards, stop actors and
   * entities. Each action is asked for twice, and logged. Without it, this node also refuses actions of
   * the dashboards of other nodes. Default `false`.
   */
  readonly actions?: boolean;
  /**
   * Whether states and events of entities of this node, and contents of messages, are shown: `false`
   * where they hold secrets. Default `true`.
   */
  readonly peek?: boolean;
}

/** Serves the dashboard of one node: give it to `Deno.serve`, or to a router of yours. */
export interface DashboardHandler {
  /**
   * Answers the paths `/`, `/assets/*` and `/api/*`; others are 404. Never rejects. Requests without
   * the token, or for a host that is not in `hosts`, are refused (401, 403).
   */
  (request: Request): Promise<Response>;
  /** The token, whether given or made. */
  readonly token: string;
  /** Ends all streams, and keeps nothing of the node any more. */
  close(): void;
}

/** Bytes of the body of an action. */
const maxBody = 16 * 1024;
/** Characters of the query of a view. */
const maxQuery = 4_096;

const securityHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/**
 * The dashboard of a node, as a handler of requests, for servers that serve more than that. See
 * `dashboard`, which opens a port.
 *
 * @param system a node that has started.
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 * import { dashboardHandler } from "@casty/casty/dashboard";
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const handler = dashboardHandler(system);
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}/api/view/cluster`, {
 *   headers: { authorization: `Bearer ${handler.token}` },
 * });
 * const { members } = await response.json();
 * console.assert(members.length === 1 && members[0].address === system.address);
 * handler.close();
 * ```
 */
export function dashboardHandler(
  system: DashboardSource,
  options: DashboardHandlerOptions = {},
): DashboardHandler {
  const resolved = resolveOptions(dashboardHandlerTable, options);
  const { token = randomId(system.runtime.random, 24), hosts = [], actions, peek } = resolved;
  const server = new DashboardServer(system, token, hosts, actions, peek);
  const handler = (request: Request) => server.answer(request);
  return Object.assign(handler, { token, close: () => server.close() });
}

class DashboardServer {
  readonly #source: DashboardSource;
  readonly #node: ObservedNode;
  readonly #access: Access;
  readonly #streams: LiveStreams;
  readonly #actions: Actions | undefined;
  readonly #confirmations = new Confirmations();
  readonly #endActions: () => void;
  readonly #endShutdown: () => void;

  constructor(
    source: DashboardSource,
    token: string,
    hosts: readonly string[],
    actions: boolean,
    peek: boolean,
  ) {
    this.#source = source;
    const { random, clock } = source.runtime;
    const node = this.#node = new ObservedNode(source, peek, token);
    const name = source.address.replace(/[^a-zA-Z0-9]/g, "_");
    this.#access = new Access(token, hosts, () => randomId(random, 24), name);
    this.#streams = new LiveStreams(clock);
    this.#actions = actions ? new Actions(node) : undefined;
    this.#endActions = this.#actions === undefined
      ? () => {}
      : node.inspection.provide("act", this.#actions.reader);
    this.#endShutdown = source.onShutdown("afterStop", `dashboard ${name} ${++handlers}`, () => {
      this.close();
    });
  }

  close(): void {
    this.#endShutdown();
    this.#endActions();
    this.#streams.close();
    this.#node.close();
  }

  async answer(request: Request): Promise<Response> {
    try {
      return await this.#answer(request);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return json({ failed: why }, 500);
    }
  }

  async #answer(request: Request): Promise<Response> {
    const { headers, method } = request;
    const url = new URL(request.url);
    const verdict = this.#access.judge({
      host: headers.get("host"),
      authorization: headers.get("authorization"),
      cookie: headers.get("cookie"),
      token: url.searchParams.get("token"),
    }, this.#now);
    if (verdict.type === "refused") {
      return text(`${verdict.why}\n`, verdict.status);
    }
    if (verdict.type === "login") return loggedIn(verdict.cookie);
    const { identity } = verdict;
    const { pathname } = url;
    if (pathname === "/api/actions") {
      if (method !== "POST") return notAllowed("POST");
      return await this.#act(request, identity);
    }
    if (method !== "GET" && method !== "HEAD") return notAllowed("GET, HEAD");
    if (pathname === "/") return this.#asset("index.html", headers);
    const asset = /^\/assets\/([\w.-]{1,60})$/.exec(pathname)?.[1];
    if (asset !== undefined) return this.#asset(asset, headers);
    if (pathname === "/api/about") {
      const { name, address, nodeId } = this.#source;
      return json({ name, address, nodeId, actions: this.#actions !== undefined });
    }
    const [, how, name] = /^\/api\/(view|live)\/(\w{1,40})$/.exec(pathname) ?? [];
    const view = views[name ?? ""];
    if (view === undefined) return text("there is no such page\n", 404);
    if (url.search.length > maxQuery) return text("the address is too long\n", 414);
    const parameters: ViewParameters = Object.fromEntries(url.searchParams);
    if (how === "view") return json(await view(this.#node, parameters));
    if (method === "HEAD") return notAllowed("GET");
    const stream = this.#streams.open(identity, [
      { event: "summary", key: "summary", make: () => summaryView(this.#node) },
      {
        event: "view",
        key: `${name} ${JSON.stringify(Object.entries(parameters).sort())}`,
        make: () => view(this.#node, parameters),
      },
    ]);
    if (stream === undefined) return text("too many pages are open\n", 429);
    return new Response(stream, {
      headers: { ...securityHeaders, "content-type": "text/event-stream" },
    });
  }

  get #now(): number {
    return this.#source.runtime.clock.now();
  }

  #asset(name: string, headers: Headers): Response {
    const asset = assetNamed(name);
    if (asset === undefined) return text("there is no such page\n", 404);
    const { type, gzip } = asset;
    const own = { ...securityHeaders, "content-type": type, vary: "accept-encoding" };
    if (/\bgzip\b/.test(headers.get("accept-encoding") ?? "")) {
      return new Response(gzip, { headers: { ...own, "content-encoding": "gzip" } });
    }
    const plain = new Blob([gzip]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(plain, { headers: own });
  }

  async #act(request: Request, identity: string): Promise<Response> {
    const { headers } = request;
    const isOwn = isOwnOrigin({
      host: headers.get("host"),
      origin: headers.get("origin"),
      site: headers.get("sec-fetch-site"),
      action: headers.get(actionHeader),
    });
    if (!isOwn) return json({ failed: "the request does not come from the dashboard" }, 403);
    if (this.#actions === undefined) {
      return json({ failed: "this dashboard only shows: it has no actions: true" }, 403);
    }
    const body = await request.text();
    if (body.length > maxBody) return json({ failed: "the request is too large" }, 413);
    const value = parse(body);
    const { confirm } = (value ?? {}) as { readonly confirm?: unknown };
    if (typeof confirm !== "string") {
      const action = parseAction(value);
      if (action === undefined) return json({ failed: "there is no such action" }, 400);
      const code = randomId(this.#source.runtime.random, 16);
      this.#confirmations.ask(code, action, identity, this.#now);
      return json({ confirm: code, consequence: consequenceOf(action) });
    }
    const action = this.#confirmations.take(confirm, identity, this.#now);
    if (action === undefined) {
      return json({ failed: "the action was not asked for, or too long ago: ask again" }, 409);
    }
    try {
      return json({ done: await this.#actions.carryOut(action) });
    } catch (error) {
      return json({ failed: error instanceof Error ? error.message : String(error) }, 409);
    }
  }
}

/** Numbers the tasks of the shutdown: their names are unique in a phase. */
let handlers = 0;

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/**
 * The page goes on by itself: a redirect could still count as a navigation from another site, and the
 * cookie would not come with it.
 */
function loggedIn(cookie: string): Response {
  const page = '<!doctype html><html lang="en"><meta charset="utf-8">' +
    '<meta http-equiv="refresh" content="0;url=/"><link rel="icon" href="data:,"><title>Casty</title>' +
    '<p><a href="/">Open the dashboard</a></p></html>';
  const headers = { ...securityHeaders, "content-type": "text/html; charset=utf-8" };
  return new Response(page, { headers: { ...headers, "set-cookie": cookie } });
}

function notAllowed(allow: string): Response {
  return new Response(null, { status: 405, headers: { ...securityHeaders, allow } });
}

function text(body: string, status: number): Response {
  const headers = { ...securityHeaders, "content-type": "text/plain; charset=utf-8" };
  return new Response(body, { status, headers });
}

function json(value: unknown, status = 200): Response {
  const headers = { ...securityHeaders, "content-type": "application/json" };
  return new Response(JSON.stringify(value), { status, headers });
}
