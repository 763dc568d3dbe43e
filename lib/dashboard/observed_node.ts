/**
 * What a dashboard keeps of its node, and answers dashboards of other nodes.
 *
 * @module
 */
import { internalsOf } from "../actor/system/system_internals.ts";
import type { ActorSystem } from "../actor/system/actor_system.ts";
import { type Inspection, inspectionKey, type NodeAnswer } from "../inspection/inspection.ts";
import { isAlive } from "../membership/state/member.ts";
import { type NodeInternals, nodeInternalsOf } from "../node_internals.ts";
import type { Clock } from "../runtime/clock.ts";
import type { LogLevel } from "../runtime/logger.ts";
import { type ShardInspector, shardInspectorOf } from "../sharding/shard_inspector.ts";
import { shardingKey } from "../sharding/sharding.ts";
import type { DashboardSource } from "./dashboard_source.ts";
import { AskSamples } from "./facts/ask_samples.ts";
import { DeadLetterSamples } from "./facts/dead_letter_samples.ts";
import { entityState } from "./facts/entity_state.ts";
import { LogRing } from "./facts/log_ring.ts";
import { MessageTrace } from "./facts/message_trace.ts";
import { PhiHistory } from "./facts/phi_history.ts";
import { ShardMoves } from "./facts/shard_moves.ts";

/** Members that are asked for one view. */
const maxAsked = 64;
/** Milliseconds that a member has to answer. */
const answerTime = 1_500;
/** The same where an entity has to come to its turn. */
export const entityTime = 3_500;
const logCount = 200;

/** See the module's text. */
export class ObservedNode {
  readonly source: DashboardSource;
  readonly system: ActorSystem;
  readonly internals: NodeInternals;
  readonly inspection: Inspection;
  readonly shards: ShardInspector;
  readonly clock: Clock;
  readonly phi: PhiHistory;
  readonly #log: LogRing;
  readonly #deadLetters: DeadLetterSamples;
  readonly #asks: AskSamples;
  readonly #trace: MessageTrace;
  readonly #moves: ShardMoves;
  readonly #ends: (() => void)[] = [];

  /** `peek`: whether states and contents of messages are shown; `secret`: no line of the log shows it. */
  constructor(source: DashboardSource, peek: boolean, secret: string) {
    this.source = source;
    // A node is an actor system.
    const system = this.system = source as unknown as ActorSystem;
    this.internals = nodeInternalsOf(system)!;
    this.inspection = source.extension(inspectionKey);
    this.shards = shardInspectorOf(source.extension(shardingKey));
    const clock = this.clock = source.runtime.clock;
    const internals = internalsOf(system);
    this.phi = new PhiHistory(this.internals, clock);
    this.#log = new LogRing(this.internals, clock, secret);
    this.#deadLetters = new DeadLetterSamples(system, peek);
    this.#asks = new AskSamples(clock);
    this.#trace = new MessageTrace(internals, clock, peek);
    this.#moves = new ShardMoves(system);
    internals.observeAsks(this.#asks);
    this.#ends.push(() => internals.observeAsks(undefined));
    this.#provide(peek);
  }

  /** Asks one member. */
  ask(
    node: string,
    topic: string,
    parameters: Readonly<Record<string, string>> = {},
    timeout: number = answerTime,
  ): Promise<NodeAnswer> {
    return this.inspection.ask(node, topic, parameters, timeout);
  }

  /** Asks all members that are not down, this node included. */
  askAll(
    topic: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<readonly NodeAnswer[]> {
    const { members, unreachable } = this.internals.view;
    const asked = members.filter(isAlive).map(({ address }, at): Promise<NodeAnswer> => {
      if (at >= maxAsked) return notAsked(address, `more than ${maxAsked} members are not asked`);
      // Its connection may hang: no need to wait for it.
      if (unreachable.has(address)) return notAsked(address, "it is unreachable");
      return this.ask(address, topic, parameters);
    });
    return Promise.all(asked);
  }

  /** Keeps nothing any more. */
  close(): void {
    for (const end of this.#ends.splice(0)) end();
    for (const one of [this.phi, this.#log, this.#deadLetters, this.#trace, this.#moves]) {
      one.close();
    }
  }

  #provide(peek: boolean): void {
    const provide: Inspection["provide"] = (topic, reader) => {
      const end = this.inspection.provide(topic, reader);
      this.#ends.push(end);
      return end;
    };
    provide("deadLetters", () => this.#deadLetters.facts());
    provide("asks", () => this.#asks.facts());
    provide("moves", () => this.#moves.last());
    provide("logs", ({ level = "info" }) => this.#log.last(levelOf(level), logCount));
    provide("trace", ({ path = "" }) => this.#trace.look(checkedPath(path)));
    provide("state", ({ type = "", id = "" }) => {
      if (!peek) return { hidden: "the dashboard of its node has peek: false" };
      const cell = this.shards.entity(type, id);
      if (cell === undefined) return { hidden: "it does not run at this node" };
      return entityState(cell, this.clock);
    });
  }
}

function notAsked(node: string, why: string): Promise<NodeAnswer> {
  return Promise.resolve({ node, missing: "timeout", why });
}

function levelOf(text: string): LogLevel {
  return text === "debug" || text === "warn" || text === "error" ? text : "info";
}

function checkedPath(path: string): string {
  if (/^\/[\x21-\x7e]{0,500}$/.test(path)) return path;
  throw new Error('a path begins with "/", such as /user or /carts/alice');
}
