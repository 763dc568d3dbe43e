/**
 * A node of the counters of `examples/sharded_counters.ts`' kind, as a pod of the StatefulSet beside
 * this file. `POD` is the name of the pod, `DOMAIN` that of its headless service.
 *
 * @module
 */
import {
  type ActorRef,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  consoleLogger,
  entityType,
  healthHandler,
  TlsConfig,
} from "@casty/casty";
import { metricsHandler, MetricsTelemetry } from "@casty/casty/metrics";

type Counter = { type: "add"; replyTo: ActorRef<number> };
const Counters = entityType<Counter>("counters", { numShards: 100 });
const counter = (value: number): Behavior<Counter> =>
  Behaviors.receive((_context, { replyTo }) => {
    replyTo.tell(value + 1);
    return counter(value + 1);
  });

const pod = Deno.env.get("POD")!;
const domain = Deno.env.get("DOMAIN")!;
const health = healthHandler();
const telemetry = new MetricsTelemetry();
const metrics = metricsHandler(telemetry);

// Probes are answered while the node joins. Only the kubelet and Prometheus reach this port.
Deno.serve({ port: 8080, onListen() {} }, (request) => {
  return new URL(request.url).pathname === "/metrics" ? metrics(request) : health(request);
});

const system = await ClusteredActorSystem.start({
  name: "shop",
  nodeId: pod,
  host: `${pod}.${domain}`,
  bindHost: "0.0.0.0",
  port: 25520,
  stallPort: 25521,
  // The same on all pods, in the same order: the pods with the lowest numbers.
  seedNodes: [0, 1, 2].map((number) => `casty-${number}.${domain}:25520`),
  requiredQuorum: 2,
  tls: await TlsConfig.fromPaths({
    certFile: "/etc/casty/tls.crt",
    keyFile: "/etc/casty/tls.key",
    caFile: "/etc/casty/ca.crt",
    // Files of a secret can be read by their group.
    allowOpenKeyFile: true,
    // cert-manager renews them in place.
    watch: true,
  }),
  extensions: [health.extension],
  runtime: { telemetry },
  logger: consoleLogger("info"),
  stopOnSignals: true,
});
system.spawn(Behaviors.sharded(Counters, () => counter(0)));
