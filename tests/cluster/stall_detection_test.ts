import { assert, assertEquals } from "@std/assert";
import { StallDetection } from "../../lib/cluster/stall/stall_detection.ts";
import type { Runtime } from "../../lib/runtime/runtime.ts";
import type { StallProbe, StallRequest } from "../../lib/runtime/stall_probe.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";

interface Scene {
  readonly detection: StallDetection;
  readonly ports: (number | undefined)[];
  readonly lines: string[];
  readonly cluster: SimulatedCluster;
  readonly clock: SimulatedCluster["clock"];
}

function scene(stallProbe: StallProbe | undefined, addressMap?: Record<string, string>): Scene {
  const ports: (number | undefined)[] = [];
  const lines: string[] = [];
  const cluster = new SimulatedCluster(1);
  const runtime: Runtime = {
    ...cluster.runtime("a"),
    logger: { log: (level, _source, message) => void lines.push(`${level} ${message}`) },
    ...(stallProbe && { stallProbe }),
  };
  const detection = new StallDetection(runtime, {
    host: "a",
    port: 0,
    timeout: 1_000,
    onPort: (port) => ports.push(port),
    ...(addressMap && { addressMap }),
  });
  return { detection, ports, lines, cluster, clock: cluster.clock };
}

/** Lets what has been begun take its turns; nothing in it waits for time. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

const unknown = { outcome: "unknown", ms: 0 } as const;

Deno.test("on a simulated network stall detection needs a probe of the runtime", async () => {
  const { detection, ports, lines } = scene(undefined);
  detection.start(1);
  assertEquals(await detection.ask("b:1", 1, 2), unknown);
  await detection.close();
  assertEquals([ports, lines], [[], []]);
});

Deno.test("without threads, stall detection is unavailable and logged once", async () => {
  const { detection, ports, lines } = scene({
    serve: () => Promise.reject(new Error("no threads here")),
    ask: () => Promise.resolve(unknown),
  });
  detection.start(1);
  await turns();
  await detection.close();
  assertEquals(ports, []);
  assertEquals(lines.length, 1);
  assert(lines[0]!.startsWith("warn stall detection is unavailable"));
});

Deno.test("a responder receives beats, a new incarnation, and the end", async () => {
  const calls: string[] = [];
  let port = 100;
  const { detection, ports } = scene({
    serve: ({ incarnation }) => {
      calls.push(`serve ${incarnation}`);
      return Promise.resolve({
        port: ++port,
        beat: () => calls.push(`beat ${incarnation}`),
        close: () => {
          calls.push(`close ${incarnation}`);
          return Promise.resolve();
        },
      });
    },
    ask: () => Promise.resolve(unknown),
  });
  detection.start(1);
  detection.start(2);
  await turns();
  detection.beat();
  await detection.close();
  assertEquals(calls, ["serve 1", "beat 1", "close 1", "serve 2", "beat 2", "beat 2", "close 2"]);
  assertEquals(ports, [101, 102]);
});

Deno.test("the port of a failed responder is withdrawn", async () => {
  let end = (_reason: string) => {};
  const { detection, ports, lines } = scene({
    serve: ({ onEnd }) => {
      end = onEnd;
      return Promise.resolve({ port: 5, beat: () => {}, close: () => Promise.resolve() });
    },
    ask: () => Promise.resolve(unknown),
  });
  detection.start(1);
  await turns();
  end("the thread has failed");
  assertEquals(ports, [5, undefined]);
  assertEquals(lines.length, 1);
  await detection.close();
});

/** A probe that finds nobody at any stall port. */
const nobody: StallProbe = {
  serve: () => Promise.reject(new Error("none")),
  ask: () => Promise.resolve({ outcome: "gone", ms: 0 }),
};

Deno.test("both ports of a host where no process listens refuse", async () => {
  const { detection, clock } = scene(nobody);
  assertEquals(await clock.resolve(detection.portsRefuse("b:1", 3, 9)), true);
  await detection.close();
});

Deno.test("a main port that accepts, or a stall port that answers, does not refuse", async () => {
  const { detection, clock, cluster } = scene(nobody);
  const listening = cluster.runtime("b").network.listen({
    host: "b",
    port: 1,
    handshakeTimeout: 1_000,
    maxPendingHandshakes: 1,
    onLink: () => {},
    onRefused: () => {},
  });
  await clock.resolve(listening);
  assertEquals(await clock.resolve(detection.portsRefuse("b:1", 3, 9)), false);
  for (const outcome of ["alive", "stalled", "unknown"] as const) {
    const other = scene({ ...nobody, ask: () => Promise.resolve({ outcome, ms: 0 }) });
    assertEquals(await other.clock.resolve(other.detection.portsRefuse("b:1", 3, 9)), false);
    await other.detection.close();
  }
  await detection.close();
});

Deno.test("a refusal through an address map says nothing about the host", async () => {
  // The main port, the stall port, and a map that cannot be used.
  for (const map of [{ "b:1": "127.0.0.1:7" }, { "b:9": "127.0.0.1:7" }, { "b:1": "nonsense" }]) {
    const { detection, clock } = scene(nobody, map);
    assertEquals(await clock.resolve(detection.portsRefuse("b:1", 3, 9)), false);
    await detection.close();
  }
});

Deno.test("probes use the address map and the server name of the address", async () => {
  const requests: StallRequest[] = [];
  const { detection } = scene({
    serve: () => Promise.reject(new Error("none")),
    ask: (request) => {
      requests.push(request);
      return Promise.resolve({ outcome: "stalled", ms: 7 });
    },
  }, { "b:9": "127.0.0.1:1009", "c:9": "nonsense" });
  assertEquals(await detection.ask("b:1", 3, 9), { outcome: "stalled", ms: 7 });
  assertEquals(await detection.ask("c:1", 3, 9), unknown);
  const { host, port, serverName, incarnation } = requests[0]!;
  assertEquals([host, port, serverName, incarnation], ["127.0.0.1", 1_009, "b", 3]);
  assertEquals(requests.length, 1);
  await detection.close();
});
