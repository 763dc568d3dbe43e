import type { Logger } from "../../lib/runtime/logger.ts";
import type { Link, Network, PeerIdentity } from "../../lib/runtime/network.ts";
import { Endpoint, type EndpointOptions } from "../../lib/transport/endpoint/endpoint.ts";
import { SimulatedHosts } from "../simulated_hosts.ts";

/** An endpoint that writes down what happens to it. */
export class Station {
  endpoint!: Endpoint;
  /** `"<from> <lane> <text>"`, as it arrived. */
  readonly heard: string[] = [];
  /** `"<to> <reason> <text>"`. */
  readonly dropped: string[] = [];
  /** `"up <peer> <lane>"` and `"down <peer> <lane>: <reason>"`. */
  readonly events: string[] = [];
  /** `"<peer> <lane>"` of each connection that the peer's system has ended without a close frame. */
  readonly cutOff: string[] = [];
  readonly unreachable: string[] = [];
  /** `"<level> <message> <reason>"`. */
  readonly log: string[] = [];

  send(to: string, text: string, lane: "control" | "user" = "user"): void {
    this.endpoint.send(to, lane, new TextEncoder().encode(text));
  }

  /** Only the texts, in order. */
  get texts(): string[] {
    return this.heard.map((line) => line.split(" ").slice(2).join(" "));
  }

  /** The log lines of rejected connections. */
  get refusals(): string[] {
    return this.log.filter((line) => line.startsWith("warn connection rejected"));
  }

  readonly logger: Logger = {
    log: (level, _source, message, fields) => {
      this.log.push(`${level} ${message} ${fields?.reason ?? ""}`);
    },
  };

  /** The callbacks of an endpoint's options. */
  callbacks(): Pick<
    EndpointOptions,
    "onMessage" | "onPeerUp" | "onPeerDown" | "onUnreachable" | "onDropped"
  > {
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return {
      onMessage: (peer, lane, bytes, start, end) => {
        this.heard.push(`${peer.address} ${lane} ${text(bytes.subarray(start, end))}`);
      },
      onPeerUp: (peer, lane) => void this.events.push(`up ${peer.address} ${lane}`),
      onPeerDown: (peer, lane, reason, cut) => {
        if (cut) this.cutOff.push(`${peer.address} ${lane}`);
        this.events.push(`down ${peer.address} ${lane}: ${reason}`);
      },
      onUnreachable: ({ reason }) => void this.unreachable.push(reason),
      onDropped: (to, _lane, payload, reason) => {
        this.dropped.push(`${to} ${reason} ${text(payload.subarray(0, 40))}`);
      },
    };
  }
}

/** Endpoints on a simulated network and virtual time. */
export class World extends SimulatedHosts implements AsyncDisposable {
  readonly #stations: Station[] = [];

  /** Starts the endpoint of the host; its address is `"<host>:25520"`, or `"client:<host>"`. */
  async start(
    host: string,
    options: Partial<EndpointOptions> & { identity?: PeerIdentity; network?: Network } = {},
  ): Promise<Station> {
    const { identity, network, ...rest } = options;
    const station = new Station();
    const runtime = this.runtime(host, station.logger);
    if (identity !== undefined) this.network.host(host, { identity });
    station.endpoint = await this.clock.resolve(Endpoint.start({
      runtime: { ...runtime, ...(network !== undefined && { network }) },
      systemName: "shop",
      role: "node",
      nodeId: host,
      incarnation: 1,
      ...(rest.role === "client" ? { address: `client:${host}` } : { host, port: 25_520 }),
      ...station.callbacks(),
      ...rest,
    }));
    this.#stations.push(station);
    return station;
  }

  /** A bare link from one host to the endpoint of another. */
  async dial(from: string, to: string): Promise<Link> {
    return await this.clock.resolve(
      this.network.host(from).dial({ host: to, port: 25_520, serverName: to, timeout: 1_000 }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { endpoint } of this.#stations) await this.clock.resolve(endpoint.close());
  }
}
