/**
 * Answers the requests of admins at a node, and explains the node to itself.
 *
 * @module
 */
import { internalsOf } from "../actor/system/system_internals.ts";
import type { DeadLetter } from "../actor/services/dead_letter.ts";
import type { ClusterHandle } from "../cluster/node/cluster_handle.ts";
import type {
  ExtensionContext,
  ExtensionPeer,
  NodeExtension,
} from "../cluster/node/node_extension.ts";
import { replicationKey } from "../replication/replication.ts";
import type { Timer } from "../runtime/clock.ts";
import { TokenBuckets } from "../runtime/token_buckets.ts";
import { shardingKey, shardRefsOf } from "../sharding/sharding.ts";
import { accountOf } from "../transport/base/peer.ts";
import { adminOf, changes, requestRate } from "./admin_access.ts";
import {
  type AdminAnswer,
  adminAnswerPath,
  adminPath,
  type AdminRequest,
  type DownRequest,
  parseAdminRequest,
} from "./admin_protocol.ts";
import { BusyActors, type BusyReport } from "./busy_actors.ts";
import { AdminError } from "./errors.ts";
import { explainTopic } from "./explanation/explain_topic.ts";
import type { Explanation } from "./explanation/explanation.ts";
import type { ExplainPort, OwnCertificate } from "./explanation/explain_port.ts";
import { type DownReport, judgeDown, type LeaveReport } from "./manual_downing.ts";
import { membersReport, nodeStatus, shardsReport } from "./node_report.ts";
import { shownPath } from "./shown_path.ts";
import { RecentLosses } from "./recent_losses.ts";

/** Milliseconds after the last request for busy actors until they are not counted any more. */
const topTimeout = 15_000;

/** The node, as its composition root hands it over. */
export interface AdministeredNode {
  readonly cluster: ClusterHandle;
  /** Undefined: the node runs without certificates. */
  certificate(): OwnCertificate | undefined;
  /** This node declares a member down; `why` says who has decided that. */
  declareDown(address: string, why: string): void;
}

/** See the module's text. */
export class AdminExtension implements NodeExtension {
  readonly name = "admin";
  readonly requires = ["sharding", "replication"];
  readonly #losses = new RecentLosses();
  readonly #requests = new TokenBuckets(requestRate);
  #host: AdministeredNode | undefined;
  #node: ExtensionContext | undefined;
  #port: ExplainPort | undefined;
  #startedAt = 0;
  #unsubscribe = () => {};
  /** While admins look at what is busy. */
  #busy: BusyActors | undefined;
  #stopSamples = () => {};
  #topEnd: Timer | undefined;

  /** Called once, before the node starts. */
  attach(host: AdministeredNode): void {
    this.#host = host;
  }

  /** Opens the path of admins. */
  install(node: ExtensionContext): void {
    this.#node = node;
    this.#port = this.#portOf(node);
    this.#startedAt = node.runtime.clock.now();
    node.reserve(adminAnswerPath, { grants: false, own: true });
    node.handlePeers(adminPath, (peer, message) => this.#receive(peer, message));
    this.#unsubscribe = node.system.eventStream.subscribe<DeadLetter>(
      "deadLetter",
      ({ target, reason }) => this.#losses.add(target, reason, node.runtime.clock.now()),
    );
  }

  /** Ends all measurements. */
  afterLeave(): void {
    this.#unsubscribe();
    this.#endTop();
  }

  /**
   * Why something in the cluster is as it is, as this node knows it.
   *
   * @throws {AdminError} code `unknownTopic`.
   */
  explainTopic(topic: string): Explanation {
    if (this.#port === undefined) throw notStarted();
    return explainTopic(this.#port, topic);
  }

  #receive(peer: ExtensionPeer, message: unknown): void {
    const node = this.#node!;
    const request = parseAdminRequest(message);
    // A member has no reason to ask: an answer could make two nodes answer each other.
    if (request === undefined || peer.role !== "client") return;
    const now = node.runtime.clock.now();
    const isWithinRate = this.#requests.take(accountOf(peer), now);
    const admin = adminOf(peer, request);
    if (admin instanceof AdminError) {
      this.#logRefusal(peer, request, admin);
      // Beyond the rate it is not even refused: each refusal is work.
      if (isWithinRate) this.#refuse(peer, request, admin);
      return;
    }
    if (!isWithinRate) {
      return this.#refuse(
        peer,
        request,
        new AdminError("tooManyRequests", `more than ${requestRate} requests a second`, {
          remedy: "send fewer; the limit counts for each certificate and node",
        }),
      );
    }
    try {
      const value = this.#do(request, admin);
      this.#logChange(peer, request, admin, "an admin changes the cluster");
      this.#answer(peer, { type: "report", request: request.request, value });
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      this.#logChange(peer, request, admin, "a change that an admin asked for was refused", error);
      this.#refuse(peer, request, error);
    }
  }

  /** Also what changes nothing: who has tried it. */
  #logChange(
    { address: client }: ExtensionPeer,
    request: AdminRequest,
    admin: string,
    what: string,
    refusal?: AdminError,
  ): void {
    if (!changes(request)) return;
    const fields = { admin, client, ...request, ...(refusal && { code: refusal.code }) };
    this.#node!.runtime.logger.log("warn", "admin", what, fields);
  }

  #do(request: AdminRequest, admin: string): unknown {
    const port = this.#port!;
    switch (request.type) {
      case "status":
        return nodeStatus(port, this.#node!.runtime.clock.now() - this.#startedAt);
      case "members":
        return membersReport(port, request.from);
      case "shards":
        return shardsReport(port, request.shardType, request.from);
      case "explain":
        return explainTopic(port, request.topic);
      case "top":
        return this.#top(request.limit);
      case "down":
        return this.#down(request, admin);
      case "leave":
        return this.#leave();
    }
  }

  /** Begins to count with the first request, and ends when none has come for a while. */
  #top(limit: number): BusyReport {
    const { system, runtime: { clock } } = this.#node!;
    this.#topEnd?.cancel();
    this.#topEnd = clock.schedule(topTimeout, () => this.#endTop());
    if (this.#busy === undefined) {
      const busy = this.#busy = new BusyActors(clock.now());
      this.#stopSamples = internalsOf(system).sampleHandlers({
        add(path, ms, messages) {
          const shown = shownPath(path);
          if (shown !== undefined) busy.add(shown, ms, messages);
        },
      });
    }
    return this.#busy.take(clock.now(), limit);
  }

  #endTop(): void {
    this.#topEnd?.cancel();
    this.#stopSamples();
    this.#stopSamples = () => {};
    this.#busy = undefined;
  }

  #down({ address, force }: DownRequest, admin: string): DownReport {
    const { cluster, declareDown } = this.#host!;
    const verdict = judgeDown(cluster.state(), address, force);
    if (verdict instanceof AdminError) throw verdict;
    if (verdict === "down") return { address, status: "down" };
    declareDown(address, `declared down by admin ${admin}`);
    return { address, status: "declared" };
  }

  /** The answer is sent before the connections close. */
  #leave(): LeaveReport {
    const { system, address, runtime } = this.#node!;
    runtime.clock.defer(() => void system.shutdown());
    return { address, status: "leaving" };
  }

  #answer(peer: ExtensionPeer, answer: AdminAnswer): void {
    this.#node!.send(peer.address, adminAnswerPath, answer);
  }

  #refuse(peer: ExtensionPeer, { request }: AdminRequest, error: AdminError): void {
    const { code, remedy = "" } = error;
    // The remedy is the end of the message, and the client appends it again.
    const reason = error.message.slice(0, -(remedy.length + 2)).slice(0, 1_000);
    this.#answer(peer, {
      type: "adminRefused",
      request,
      code,
      reason,
      remedy: remedy.slice(0, 1_000),
    });
  }

  #logRefusal(peer: ExtensionPeer, request: AdminRequest, { code, message: reason }: AdminError) {
    const { limitedLog } = internalsOf(this.#node!.system);
    const fields = { client: peer.address, request: request.type, code, reason };
    const by = { identity: accountOf(peer), cause: `admin ${code}` };
    limitedLog.add("warn", "admin", "refused the request of a peer that is no admin", fields, by);
  }

  #portOf(node: ExtensionContext): ExplainPort {
    const host = this.#host!;
    const sharding = node.extension(shardingKey);
    const refs = shardRefsOf(sharding);
    const replication = node.extension(replicationKey);
    const { clock } = node.runtime;
    return {
      address: node.address,
      wallTime: () => clock.wallTime(),
      state: () => host.cluster.state(),
      health: () => host.cluster.health,
      sentences: (topic) => host.cluster.explain(topic),
      topics: () => host.cluster.topics,
      sharding,
      types: () => refs.types(),
      grantPhase: (shardType, shard) => refs.grantPhase(shardType, shard),
      obstacle: (shardType) => refs.obstacle(shardType),
      copies: () => replication.shards(),
      certificate: () => host.certificate(),
      lost: () => this.#losses.list(clock.now()),
    };
  }
}

function notStarted(): AdminError {
  return new AdminError("notPossible", "the node has not started", {
    remedy: "use what ClusteredActorSystem.start has resolved with",
  });
}
