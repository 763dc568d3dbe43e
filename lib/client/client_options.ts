import type { Logger } from "../runtime/logger.ts";
import type { TlsMaterial } from "../runtime/network.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { formatAddress, parseAddress } from "../runtime/address.ts";
import type { ShardBufferLimits } from "../sharding/routing/shard_routes.ts";
import type { TransportLimits } from "../transport/base/limits.ts";
import type { Serializer } from "../wire/serializer.ts";
import type { AddressMap } from "./address_map.ts";
import { ClientError } from "./errors.ts";

/**
 * Nodes to begin with, `"host:port"`, by IP address or DNS name: a list, or a function that gives
 * one. A function is called again whenever no node answers.
 */
export type ContactPoints =
  | readonly string[]
  | (() => readonly string[] | Promise<readonly string[]>);

/** How a client connects. Times are milliseconds. */
export interface ClientOptions {
  /** At least one; more are learned. */
  readonly contactPoints: ContactPoints;
  /** Name of the cluster's system; nodes refuse another. */
  readonly systemName: string;
  /**
   * A label for people: what nodes show beside the client's own, random identity. Nothing listens
   * there and nobody dials it. Default `"127.0.0.1"`.
   */
  readonly clientHost?: string;
  /** Part of the label, 0 to 65535. Default 0: none. */
  readonly clientPort?: number;
  /** Takes the place of `clientHost` in the label. */
  readonly advertisedHost?: string;
  /** Takes the place of `clientPort` in the label. */
  readonly advertisedPort?: number;
  /** Where to dial for an address of the cluster: an object, a `Map` or a function; for tunnels. */
  readonly addressMap?: AddressMap;
  /** Certificate of the client (or a node) and the cluster's authority. */
  readonly tls?: TlsMaterial;
  /**
   * `connect` does not wait for a node: until one answers, `lookup` finds nobody and what is told to
   * entities waits within `buffer`. Default false.
   */
  readonly lazy?: boolean;
  /** Until `connect` gives up. Default 10 000. */
  readonly connectTimeout?: number;
  /** Ends `connect` when it is aborted, and nothing afterwards: then there is `close`. */
  readonly signal?: AbortSignal;
  /**
   * Silence after which a node that was listened to is given up, at least 1 000. It is asked three
   * times meanwhile. Default 10 000.
   */
  readonly liveness?: number;
  /** What waits for the location of its shard. */
  readonly buffer?: Partial<ShardBufferLimits>;
  /**
   * Everything goes through one node that the client listens to, which passes it on: for networks
   * where one address only can be reached. Costs a hop. Default false.
   */
  readonly unisocket?: boolean;
  /** Asks that may wait for a reply at once. Default 100 000. */
  readonly maxPendingAsks?: number;
  /** How values of your classes cross the wire: the same as those of the nodes. Default: none. */
  readonly serializers?: readonly Serializer[];
  /** Bounds of connections and queues. `minBackoff` is 200 and `maxBackoff` 5 000 by default. */
  readonly transport?: Partial<TransportLimits>;
  /** Where log lines go. Default: standard error, `warn` and above. */
  readonly logger?: Logger;
  /** Replaces clock, chance and network, for simulations. */
  readonly runtime?: Partial<Runtime>;
}

/**
 * Checks what a user has written, before anything is dialled.
 *
 * @throws {CastyError} codes `badOption`, `badAddress`.
 */
export function checkClientOptions(options: ClientOptions): void {
  if (typeof options !== "object" || options === null) {
    throw badOption("options", options, "name contactPoints and systemName");
  }
  const { contactPoints, systemName, clientPort = 0, advertisedPort = 0 } = options;
  if (typeof contactPoints !== "function") checkContactPoints(contactPoints);
  if (typeof systemName !== "string" || systemName.length === 0 || systemName.length > 255) {
    throw badOption("systemName", systemName, "use the name of the cluster's system");
  }
  for (const [name, port] of Object.entries({ clientPort, advertisedPort })) {
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw badOption(name, port, "use a whole number from 0 to 65535");
    }
  }
  for (const name of ["clientHost", "advertisedHost"] as const) {
    const host = options[name];
    if (host !== undefined) checkHost(name, host);
  }
  for (const [name, least] of [["connectTimeout", 1], ["liveness", 1_000]] as const) {
    const time = options[name] ?? least;
    if (!(time >= least && time <= 0x7fff_ffff)) {
      throw badOption(name, time, `use ${least} to 2147483647 milliseconds`);
    }
  }
  checkAddressMap(options.addressMap);
  for (const [name, value] of Object.entries(options.buffer ?? {})) {
    if (!(value >= 1)) throw badOption(`buffer.${name}`, value, "use a number of at least 1");
  }
}

/**
 * The addresses, if they can be contact points.
 *
 * @throws {CastyError} codes `badOption`, `badAddress`.
 */
export function checkContactPoints(points: readonly string[]): readonly string[] {
  if (!Array.isArray(points) || points.length === 0) {
    throw badOption("contactPoints", points, "give a list that names at least one node");
  }
  for (const point of points) parseAddress(point);
  return [...new Set(points)];
}

/** What nodes show for people. */
export function clientLabel(options: ClientOptions, id: string): string {
  const host = options.advertisedHost ?? options.clientHost ?? "127.0.0.1";
  const port = options.advertisedPort ?? options.clientPort ?? 0;
  return `client-${id.slice(0, 8)}@${port === 0 ? host : formatAddress(host, port)}`;
}

/** A map that leads nowhere would only show as a node that cannot be reached. */
function checkAddressMap(map: AddressMap | undefined): void {
  if (map === undefined || typeof map === "function") return;
  if (typeof map !== "object" || map === null) {
    throw badOption("addressMap", map, "use an object, a Map or a function");
  }
  for (const [from, to] of map instanceof Map ? map : Object.entries(map)) {
    parseAddress(from);
    parseAddress(to);
  }
}

function checkHost(name: string, host: string): void {
  try {
    parseAddress(formatAddress(host, 1));
  } catch {
    throw badOption(name, host, "use a host name or an IP address, without a port");
  }
}

function badOption(name: string, value: unknown, remedy: string): ClientError {
  const shown = typeof value === "string" || typeof value === "number"
    ? `: ${JSON.stringify(value)}`
    : "";
  const problem = Array.isArray(value) && value.length === 0
    ? " is empty"
    : `${shown} is not allowed`;
  return new ClientError("badOption", `${name}${problem}`, { value, remedy });
}
