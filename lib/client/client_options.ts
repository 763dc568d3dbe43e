import type { Logger } from "../runtime/logger.ts";
import type { TlsMaterial } from "../runtime/network.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { formatAddress } from "../runtime/address.ts";
import { checkOptions, checkValue, withDefaults } from "../options/check_options.ts";
import { clientDefaults, clientTable, contactPointList } from "../options/tables/client_tables.ts";
import type { ShardBufferLimits } from "../sharding/routing/shard_routes.ts";
import type { TransportLimits } from "../transport/base/limits.ts";
import type { Serializer } from "../wire/serializer.ts";
import type { AddressMap } from "./address_map.ts";

/**
 * Initial contact points, `"host:port"`, by IP address or DNS name: a list, or a function that
 * gives one. A function is called again whenever no node answers.
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
   * A label for operators: nodes show it beside the client's random identity. No port is opened
   * there. Default `"127.0.0.1"`.
   */
  readonly clientHost?: string;
  /** Part of the label, 0 to 65535. Default 0: none. */
  readonly clientPort?: number;
  /** Takes the place of `clientHost` in the label. Default: `clientHost`. */
  readonly advertisedHost?: string;
  /** Takes the place of `clientPort` in the label. Default: `clientPort`. */
  readonly advertisedPort?: number;
  /**
   * Where to dial for an address of the cluster: an object, a `Map` or a function; for tunnels.
   * Default: the address itself.
   */
  readonly addressMap?: AddressMap;
  /**
   * Certificate of the client (or a node) and the cluster's authority. Default: none: the traffic is
   * plain.
   */
  readonly tls?: TlsMaterial;
  /**
   * `connect` does not wait for a node: until one answers, `lookup` finds no actor and messages to
   * entities waits within `buffer`. Default false.
   */
  readonly lazy?: boolean;
  /** Timeout of `connect`. Default 10 000. */
  readonly connectTimeout?: number;
  /** Aborts `connect`. Has no effect after `connect` has resolved: use `close`. */
  readonly signal?: AbortSignal;
  /**
   * Silence after which a node that was listened to is given up, at least 1 000. It is asked three
   * times meanwhile. Default 10 000.
   */
  readonly liveness?: number;
  /** Limits of the messages that wait for the location of their shard. */
  readonly buffer?: Partial<ShardBufferLimits>;
  /**
   * All messages go through one node that the client is subscribed to, which forwards them: for
   * networks where one address only can be reached. Costs a hop. Default false.
   */
  readonly unisocket?: boolean;
  /** Asks that may wait for a reply at once. Default 100 000. */
  readonly maxPendingAsks?: number;
  /** How values of your classes cross the wire: the same as those of the nodes. Default: none. */
  readonly serializers?: readonly Serializer[];
  /** Bounds of connections, messages and queues. `minBackoff` is 200 and `maxBackoff` 5 000 by default. */
  readonly transport?: Partial<TransportLimits>;
  /** Where log lines go. Default: standard error, `warn` and above. */
  readonly logger?: Logger;
  /** Replaces clock, randomness and network, for simulations. Default: the machine's. */
  readonly runtime?: Partial<Runtime>;
}

/**
 * Validates the options before the client dials.
 *
 * @throws {OptionError}
 */
export function checkClientOptions(options: ClientOptions): void {
  checkOptions(clientTable, options);
}

/**
 * The addresses, without duplicates, if they can be contact points.
 *
 * @throws {OptionError}
 */
export function checkContactPoints(points: readonly string[]): readonly string[] {
  return [...new Set(checkValue("contactPoints", contactPointList, points))];
}

/** The label that nodes show to operators. */
export function clientLabel(options: ClientOptions, id: string): string {
  const { clientHost, clientPort, ...advertised } = withDefaults(clientDefaults, options);
  const { advertisedHost: host = clientHost, advertisedPort: port = clientPort } = advertised;
  return `client-${id.slice(0, 8)}@${port === 0 ? host : formatAddress(host, port)}`;
}
