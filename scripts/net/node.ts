/**
 * One node under load: sends asks to sharded counters, and prints events and states, one JSON
 * object per line. Its argument is {@linkcode NodeArgs} as JSON. SIGTERM shuts it down gracefully.
 * With `log`, each counter writes its starts, handler runs and stops to that file.
 *
 * @module
 */
import {
  type ActorRef,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  type MemberEvent,
  shardEnvelope,
  TlsConfig,
} from "../../mod.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import type { EntityEvent } from "./entity_log.ts";
import { hostNow } from "./host_clock.ts";
import type { FinalContent } from "./structure_log.ts";
import { workWithStructures } from "./structure_node.ts";

/** The options of a node. */
export interface NodeArgs {
  readonly nodeId: string;
  readonly host: string;
  readonly port: number;
  readonly seeds: readonly string[];
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
  /** Members that must be up before it starts its work. Default 1. */
  readonly quorum?: number;
  /** The file of its entity log. Default: none. */
  readonly log?: string;
  /** The file of its operations of distributed structures. Default: it uses none. */
  readonly operations?: string;
}

/** A line of output of a node. */
export type NodeLine =
  | {
    readonly type: "event";
    readonly event: string;
    readonly about: string;
    readonly reason?: string;
  }
  | { readonly type: "state"; readonly up: readonly string[]; readonly unreachable: number }
  /** It is up and has its counters. */
  | { readonly type: "ready" }
  | { readonly type: "load"; readonly ok: number; readonly failed: number }
  /** What is in the structures at the end. */
  | { readonly type: "final"; readonly content: FinalContent };

/** The message of the counters; the reply is the instance that has counted. */
export type Count = { readonly type: "count"; readonly replyTo: ActorRef<string> };

/** The name of the entities, and their shards. */
export const counterType = "counters";
export const counterSharding = { numShards: 20 } as const;

type Log = (event: Pick<EntityEvent, "id" | "instance" | "what" | "epoch">) => void;

/** The counters of this process. */
function countersOf(log: Log) {
  let instances = 0;
  return (id: string): Behavior<Count> =>
    Behaviors.setup<Count>((context) => {
      const instance = `${Deno.pid}.${++instances}`;
      log({ id, instance, what: "start", epoch: context.epoch });
      const counting = Behaviors.receive<Count>(({ epoch }, { replyTo }) => {
        log({ id, instance, what: "run", epoch });
        replyTo.tell(instance);
        return Behaviors.same();
      });
      return Behaviors.withLifecycle(counting, {
        postStop: () => log({ id, instance, what: "stop" }),
      });
    });
}

/** Appends to a file at once, so that a killed process loses no line. */
function logTo(path: string, node: string): Log {
  const file = Deno.openSync(path, { create: true, append: true, write: true });
  const encoder = new TextEncoder();
  return (event) => {
    const line: EntityEvent = { at: Math.round(hostNow() * 100) / 100, node, ...event };
    file.writeSync(encoder.encode(`${JSON.stringify(line)}\n`));
  };
}

const print = (line: NodeLine) => console.log(JSON.stringify(line));

if (import.meta.main) {
  const args = JSON.parse(Deno.args[0]!) as NodeArgs;
  const { nodeId, host, port, seeds, tls, quorum = 1 } = args;
  const log = args.log === undefined ? () => {} : logTo(args.log, nodeId);
  const system = await ClusteredActorSystem.start({
    name: "net",
    nodeId,
    host,
    port,
    seedNodes: seeds,
    tls: await TlsConfig.fromPem(tls),
    whenDowned: "rejoin",
    requiredQuorum: quorum,
    startTimeout: 120_000,
  });
  for (
    const type of ["unreachableMember", "reachableMember", "memberDowned", "memberUp"] as const
  ) {
    system.eventStream.subscribe(type, (event: MemberEvent) => {
      if (!("member" in event)) return;
      const reason = event.type === "unreachableMember"
        ? event.reason
        : event.type === "memberDowned"
        ? event.evidence.why
        : undefined;
      print({ type: "event", event: type, about: event.member.nodeId, ...(reason && { reason }) });
    });
  }
  const counters = system.spawn(Behaviors.sharded(countersOf(log), counterSharding), counterType);
  if (args.operations !== undefined) {
    workWithStructures(system, args.operations, (content) => print({ type: "final", content }));
  }
  print({ type: "ready" });
  let ok = 0;
  let failed = 0;
  let next = 0;
  const ask = setInterval(() => {
    const envelope = (replyTo: ActorRef<string>) =>
      shardEnvelope(`counter-${next++ % 50}`, { type: "count" as const, replyTo });
    system.ask(counters, envelope, { timeout: 2_000 }).then(() => ok++, () => failed++);
  }, 50);
  let last = "";
  const look = setInterval(() => {
    const up = system.members.filter(({ status }) => status === "up").map(({ nodeId }) => nodeId);
    const unreachable = unreachableCount(system);
    const state = JSON.stringify([up, unreachable]);
    if (state !== last) print({ type: "state", up, unreachable });
    last = state;
  }, 50);
  const report = setInterval(() => print({ type: "load", ok, failed }), 1_000);
  Deno.addSignalListener("SIGTERM", () => {
    for (const timer of [ask, look, report]) clearInterval(timer);
    void system.shutdown().then(() => Deno.exit(0));
  });
}

function unreachableCount(system: ClusteredActorSystem): number {
  return nodeInternalsOf(system)?.view.unreachable.size ?? 0;
}
