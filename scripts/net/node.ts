/**
 * One node under load: sends asks to sharded counters, and prints events and states, one JSON
 * object per line. Its argument is {@linkcode NodeArgs} as JSON. SIGTERM shuts it down gracefully.
 *
 * @module
 */
import {
  type ActorRef,
  Behaviors,
  ClusteredActorSystem,
  type MemberEvent,
  shardEnvelope,
  TlsConfig,
} from "../../mod.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";

/** The options of a node. */
export interface NodeArgs {
  readonly nodeId: string;
  readonly host: string;
  readonly port: number;
  readonly seeds: readonly string[];
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
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
  | { readonly type: "load"; readonly ok: number; readonly failed: number };

type Count = { readonly type: "count"; readonly replyTo: ActorRef<number> };

const counter = (): ReturnType<typeof Behaviors.receive<Count>> => {
  let value = 0;
  return Behaviors.receive<Count>((_context, { replyTo }) => {
    replyTo.tell(++value);
    return Behaviors.same();
  });
};

const print = (line: NodeLine) => console.log(JSON.stringify(line));

if (import.meta.main) {
  const { nodeId, host, port, seeds, tls } = JSON.parse(Deno.args[0]!) as NodeArgs;
  const system = await ClusteredActorSystem.start({
    name: "net",
    nodeId,
    host,
    port,
    seedNodes: seeds,
    tls: await TlsConfig.fromPem(tls),
    whenDowned: "rejoin",
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
  const counters = system.spawn(Behaviors.sharded(counter, { numShards: 20 }), "counters");
  let ok = 0;
  let failed = 0;
  let next = 0;
  const ask = setInterval(() => {
    const envelope = (replyTo: ActorRef<number>) =>
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
