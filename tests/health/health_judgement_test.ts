import { assertEquals } from "@std/assert";
import { type HealthFacts, judgeHealth } from "../../lib/health/health_judgement.ts";

const running: HealthFacts = {
  phase: "running",
  wasUp: true,
  status: "up",
  explanation: ["node-1 is up in cluster 1"],
  extensions: { sharding: { healthy: true } },
};

/** The reasons of the three checks. */
function all(facts: Partial<HealthFacts>): Record<string, readonly string[]> {
  const judged = { ...running, ...facts };
  return {
    live: judgeHealth("live", judged),
    startup: judgeHealth("startup", judged),
    ready: judgeHealth("ready", judged),
  };
}

Deno.test("a node that is up or weakly up passes all checks", () => {
  for (const status of ["up", "weaklyUp"] as const) {
    assertEquals(all({ status }), { live: [], startup: [], ready: [] });
  }
});

Deno.test("a node that starts is live, and says why it has not joined", () => {
  const closed = ["the node has not opened its port yet"];
  const starting = { phase: "starting", wasUp: false } as const;
  assertEquals(all({ ...starting, status: undefined, explanation: [] }), {
    live: [],
    startup: closed,
    ready: closed,
  });
  const explanation = ["node-1 is not a member yet", "node-2 rejected it"];
  assertEquals(all({ ...starting, status: "joining", explanation }), {
    live: [],
    startup: explanation,
    ready: explanation,
  });
});

Deno.test("a node that joins again has started, and is not ready", () => {
  const explanation = ["node-1 is not a member yet"];
  assertEquals(all({ status: "joining", explanation }), {
    live: [],
    startup: [],
    ready: explanation,
  });
});

Deno.test("a node that leaves or shuts down is live, and not ready", () => {
  for (const status of ["leaving", "exiting"] as const) {
    assertEquals(all({ status }), {
      live: [],
      startup: [],
      ready: ["the node is leaving the cluster"],
    });
  }
  assertEquals(all({ phase: "stopping" }).ready, ["the node is shutting down"]);
  assertEquals(all({ phase: "stopping" }).live, []);
});

Deno.test("a node that was declared down is not ready, and not live once it has stopped", () => {
  const explanation = ["node-1 was declared down by node-2: silent"];
  const down = { status: "down", explanation } as const;
  assertEquals(all(down), { live: [], startup: [], ready: explanation });
  assertEquals(all({ ...down, phase: "stopped" }), {
    live: explanation,
    startup: [],
    ready: explanation,
  });
});

Deno.test("a node that has stopped, or did not start, is not live", () => {
  assertEquals(all({ phase: "stopped", status: "removed" }).live, ["the node has stopped"]);
  const failed = all({ phase: "stopped", wasUp: false, status: undefined });
  const reasons = ["the node did not start"];
  assertEquals(failed, { live: reasons, startup: reasons, ready: reasons });
});

Deno.test("an extension that does not work makes the node unready, and nothing else", () => {
  const extensions = {
    sharding: { healthy: true },
    store: { healthy: false, reason: "the disk is full" },
    queue: { healthy: false },
  };
  assertEquals(all({ extensions }), {
    live: [],
    startup: [],
    ready: ["store: the disk is full", "queue: it does not work"],
  });
});
