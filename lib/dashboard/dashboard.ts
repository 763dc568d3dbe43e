import { checkOptions, optionsOf, resolveOptions } from "../options/check_options.ts";
import { dashboardHandlerTable, dashboardTable } from "../options/tables/dashboard_tables.ts";
import { platform } from "../runtime/platform.ts";
import { listenFailed } from "../transport/base/socket_errors.ts";
import { dashboardHandler, type DashboardHandlerOptions } from "./dashboard_handler.ts";
import type { DashboardSource } from "./dashboard_source.ts";
import { type HttpServer, type RequestHandler, serveHttp } from "./server/http_server.ts";

/** Options of {@linkcode dashboard}. */
export interface DashboardOptions extends DashboardHandlerOptions {
  /** Port of the dashboard; 0: the system chooses. Default 25 580. */
  readonly port?: number;
  /**
   * Interface to listen on. The dashboard speaks HTTP without TLS: for others than this machine, put a
   * proxy with TLS before it, and name its host in `hosts`. Default `"127.0.0.1"`.
   */
  readonly hostname?: string;
}

/** A dashboard that is open. */
export interface Dashboard extends AsyncDisposable {
  /** The port. */
  readonly port: number;
  /** Its address without the token, such as `"http://127.0.0.1:25580/"`. */
  readonly url: string;
  /** The same with the token: who has it may look, and act with `actions: true`. */
  readonly openUrl: string;
  /** What a viewer has to show. */
  readonly token: string;
  /** Closes the port and ends all streams. The shutdown of the node does this too. */
  close(): Promise<void>;
}

/**
 * Opens a dashboard for the operators of a cluster at one of its nodes: members and failure detection,
 * shards and entities, services and topics, clients, lost messages, asks, certificates, the log and a
 * trace of messages. It shows what this node knows, and asks the other members for what only they know.
 * See `docs/dashboard.md`.
 *
 * It listens on 127.0.0.1, wants a token, and only shows unless `actions` is `true`. A token that was not
 * given is random, and the log shows the address with it once, as a warning.
 *
 * @param system a node that has started.
 * @throws {OptionError}
 * @throws {TransportError} the port cannot be opened: codes `addressInUse`, `addressNotAvailable`,
 * `nameNotFound`, `permissionDenied`, `networkFailure`.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 * import { dashboard } from "@casty/casty/dashboard";
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * await using board = await dashboard(system, { port: 0, token: "correct-horse-battery" });
 * const headers = { authorization: `Bearer ${board.token}` };
 * const page = await (await fetch(board.url, { headers })).text();
 * console.assert(page.includes("<title>"));
 * ```
 */
export async function dashboard(
  system: DashboardSource,
  options: DashboardOptions = {},
): Promise<Dashboard> {
  checkOptions(dashboardTable, options);
  const { port, hostname } = resolveOptions(dashboardTable, options);
  const hosts = [...options.hosts ?? [], ...named(hostname)];
  const handler = dashboardHandler(system, {
    ...optionsOf(dashboardHandlerTable, options),
    hosts,
  });
  try {
    const server = await listen(handler, hostname, port);
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    const url = `http://${host}:${server.port}/`;
    const openUrl = `${url}?token=${encodeURIComponent(handler.token)}`;
    tellUrl(system, options.token === undefined ? openUrl : undefined, url);
    const close = async () => {
      handler.close();
      await server.close();
    };
    system.onShutdown("afterStop", `dashboard port ${server.port}`, close);
    return {
      port: server.port,
      url,
      openUrl,
      token: handler.token,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    handler.close();
    throw error;
  }
}

async function listen(
  handler: RequestHandler,
  hostname: string,
  port: number,
): Promise<HttpServer> {
  try {
    // Its errors say why, where those of `node:http` do not.
    platform.tcp.checkBind({ hostname, port });
    return await serveHttp(handler, { hostname, port });
  } catch (cause) {
    throw listenFailed(hostname, port, cause);
  }
}

/** A token of the user is his secret; nobody else knows one that was made here. */
function tellUrl(system: DashboardSource, secret: string | undefined, url: string): void {
  const { logger } = system.runtime;
  if (secret === undefined) logger.log("info", "dashboard", "dashboard is open", { url });
  else {logger.log("warn", "dashboard", "dashboard is open; its address has the token", {
      url: secret,
    });}
}

/** An interface that is no wildcard is a name as well. */
function named(hostname: string): readonly string[] {
  if (hostname === "0.0.0.0" || hostname === "::") return [];
  return [hostname.includes(":") ? `[${hostname}]` : hostname];
}
