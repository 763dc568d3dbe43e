import { ClusterClient } from "../client/cluster_client.ts";
import { clientInternalsOf } from "../client/client_internals.ts";
import type { ClientOptions } from "../client/client_options.ts";
import type { Topology } from "../cluster/gateway/topology.ts";
import type { Remoting } from "../remoting/remoting.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import { systemRuntime } from "../transport/system_runtime.ts";
import {
  adminAnswerPath,
  adminPath,
  type AdminRequest,
  pageLength,
  parseAdminAnswer,
} from "./admin_protocol.ts";
import type { BusyReport } from "./busy_actors.ts";
import { AdminError, type AdminErrorCode } from "./errors.ts";
import type { Explanation } from "./explanation/explanation.ts";
import type {
  MemberRow,
  MembersReport,
  NodeStatus,
  ShardRow,
  ShardsReport,
} from "./node_report.ts";

/** Milliseconds that a node may take to answer, unless told otherwise. */
export const answerTimeout = 5_000;

/** A request without its number. */
type Ask = AdminRequest extends infer R ? R extends AdminRequest ? Omit<R, "request"> : never
  : never;

interface Pending {
  readonly to: string;
  readonly timer: Timer;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Sends the requests of an admin to the nodes of a cluster, as a client of it. */
export class AdminClient implements AsyncDisposable {
  readonly #client: ClusterClient;
  readonly #remoting: Remoting;
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  private constructor(client: ClusterClient, clock: Clock, timeout: number) {
    this.#client = client;
    this.#clock = clock;
    this.#timeout = timeout;
    this.#remoting = clientInternalsOf(client)!.remoting;
    this.#remoting.reserve(adminPath, { own: true });
    this.#remoting.handlePeers(adminAnswerPath, ({ address }, value) => {
      this.#receive(address, value);
    });
  }

  /**
   * Connects to a cluster.
   *
   * @param timeout milliseconds that a node may take to answer.
   * @throws {OptionError}
   * @throws {ClientError} as {@linkcode ClusterClient.connect}.
   */
  static async connect(options: ClientOptions, timeout = answerTimeout): Promise<AdminClient> {
    const client = await ClusterClient.connect(options);
    return new AdminClient(client, systemRuntime({ ...options.runtime }).clock, timeout);
  }

  /** The members that are up, as the latest topology says. */
  get topology(): Topology {
    return this.#client.topology;
  }

  /** The node that this client is connected to first. */
  get contact(): string {
    return this.#client.contact ?? this.topology.members[0]?.address ?? "";
  }

  /** A node in short. */
  async status(node: string): Promise<NodeStatus> {
    return await this.ask(node, { type: "status" }) as NodeStatus;
  }

  /** All members that a node knows. */
  async members(node: string): Promise<MemberRow[]> {
    const rows: MemberRow[] = [];
    for (;;) {
      const { total, members } = await this.ask(node, {
        type: "members",
        from: rows.length,
      }) as MembersReport;
      rows.push(...members);
      if (members.length < pageLength || rows.length >= total) return rows;
    }
  }

  /** The types that a node knows, and all shards of one of them. */
  async shards(node: string, shardType = ""): Promise<ShardsReport> {
    const shards: ShardRow[] = [];
    for (;;) {
      const from = shards.length;
      const page = await this.ask(node, { type: "shards", shardType, from }) as ShardsReport;
      shards.push(...page.shards);
      if (page.shards.length < pageLength) return { ...page, shards };
    }
  }

  /** What the actors of a node have done since the last such request. */
  async top(node: string, limit: number): Promise<BusyReport> {
    return await this.ask(node, { type: "top", limit }) as BusyReport;
  }

  /** Why something is as it is, as a node knows it. */
  async explain(node: string, topic: string): Promise<Explanation> {
    return await this.ask(node, { type: "explain", topic }) as Explanation;
  }

  /**
   * Sends one request to a node.
   *
   * @throws {AdminError} what the node refuses; code `noAnswer`.
   */
  ask(node: string, request: Ask): Promise<unknown> {
    const number = ++this.#last;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.schedule(this.#timeout, () => {
        this.#pending.delete(number);
        const message = `${node} has not answered within ${this.#timeout} ms`;
        reject(
          new AdminError("noAnswer", message, {
            value: node,
            remedy:
              "it may be unreachable from here, busy, or of a version without this request: " +
              "see `casty why reachability`, or allow more time with --timeout",
          }),
        );
      });
      this.#pending.set(number, { to: node, timer, resolve, reject });
      this.#remoting.send(node, adminPath, 0, { ...request, request: number });
    });
  }

  /** Closes the connections. */
  async close(): Promise<void> {
    for (const { timer } of this.#pending.values()) timer.cancel();
    this.#pending.clear();
    await this.#client.close();
  }

  /** The same as {@linkcode AdminClient.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #receive(from: string, value: unknown): void {
    const answer = parseAdminAnswer(value);
    const pending = answer && this.#pending.get(answer.request);
    if (pending?.to !== from || answer === undefined) return;
    this.#pending.delete(answer.request);
    pending.timer.cancel();
    if (answer.type === "report") return pending.resolve(answer.value);
    const { code, reason, remedy } = answer;
    pending.reject(new AdminError(code as AdminErrorCode, reason, { value: from, remedy }));
  }
}
