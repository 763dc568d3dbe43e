import type { ActorEvent, EventStream } from "../../actor/services/event_stream.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { EntityRef } from "../../sharding/routing/entity_ref.ts";
import type { EntityType } from "../../sharding/routing/entity_type.ts";
import type { Topic } from "../../topics/topic.ts";
import type { TopicHandle } from "../../topics/topic_handle.ts";

/** What a gateway uses of the runtime of its host. */
export type HostRuntime = Pick<Runtime, "clock" | "random" | "logger" | "telemetry">;

/** The events of a node or client that tell of lost messages. */
type LossEvent =
  | ActorEvent
  | { readonly type: "unreachableMember" | "memberDowned" | "memberRemoved" }
  | { readonly type: "clientNode"; readonly usable: boolean }
  | { readonly type: "clientState"; readonly state: string };

/** Where a gateway reaches the cluster: a `ClusteredActorSystem` or a `ClusterClient`. */
export interface GatewayHost {
  /** A reference to one entity. */
  entity<M>(type: EntityType<M>, entityId: string): EntityRef<M>;
  /** Opens a topic. */
  topic<M>(topic: Topic<M>): TopicHandle<M>;
  /** Its `EventStream`. */
  readonly eventStream: object;
  /** Of a node. */
  readonly runtime?: HostRuntime;
  /** Of a node: adds a task to its shutdown, and returns a function that removes it. */
  readonly onShutdown?: (phase: "serviceStop", name: string, task: () => void) => () => void;
  /** Of a client. */
  readonly system?: { readonly runtime: HostRuntime };
}

/** Clock, random numbers, logger and telemetry of the host. */
export function hostRuntime(host: GatewayHost): HostRuntime {
  return (host.runtime ?? host.system?.runtime)!;
}

/**
 * Calls back before the host stops: a gateway without it would take operations that nobody gets, and
 * subscriptions would be silent. Returns a function that ends it.
 */
export function onHostStops(host: GatewayHost, stop: () => void): () => void {
  if (host.onShutdown !== undefined) {
    return host.onShutdown("serviceStop", "close the gateway", stop);
  }
  return (host.eventStream as EventStream<LossEvent>).subscribe("clientState", ({ state }) => {
    if (state === "closed") stop();
  });
}

/**
 * Calls back when messages of topics may have been lost on their way here: a node that publishes or
 * passes them on could not be reached, or is gone. Returns a function that ends it.
 */
export function onMessagesMayBeLost(host: GatewayHost, lost: () => void): () => void {
  const eventStream = host.eventStream as EventStream<LossEvent>;
  const ends = [
    eventStream.subscribe("unreachableMember", lost),
    eventStream.subscribe("memberDowned", lost),
    eventStream.subscribe("memberRemoved", lost),
    eventStream.subscribe("clientNode", ({ usable }) => {
      if (!usable) lost();
    }),
    eventStream.subscribe("clientState", ({ state }) => {
      if (state !== "connected" && state !== "closed") lost();
    }),
  ];
  return () => ends.forEach((end) => end());
}
