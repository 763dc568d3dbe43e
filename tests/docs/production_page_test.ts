import { assert, assertEquals } from "@std/assert";
import { actorSystemDefaults } from "../../lib/options/tables/actor_tables.ts";
import { passivationDefaults } from "../../lib/options/tables/sharding_tables.ts";
import { clusterTable } from "../../lib/options/tables/cluster_tables.ts";
import { tlsPathsTable } from "../../lib/options/tables/tls_tables.ts";

const page = await Deno.readTextFile(new URL("../../docs/production.md", import.meta.url));

function numberAfter(name: string): number {
  const found = new RegExp(`${name}: (\\d+)`).exec(page);
  assert(found !== null, `${name} is missing`);
  return Number(found[1]);
}

Deno.test("the grace period of the manifest is longer than a whole shutdown", () => {
  const { shutdownBudget } = actorSystemDefaults;
  assert(numberAfter("terminationGracePeriodSeconds") * 1_000 >= shutdownBudget + 10_000);
  assert(
    page.includes(`\`shutdownBudget\` (${shutdownBudget / 1_000} s)`),
    "its default has changed",
  );
});

Deno.test("one node at a time is evicted, and a majority of three seeds is left", () => {
  assertEquals(numberAfter("maxUnavailable"), 1);
  assertEquals(numberAfter("replicas"), 3);
  assertEquals(/seedNodes: \[0, 1, 2\]/.test(page), true);
});

Deno.test("the liveness probe waits longer than a stalled node may stay a member", () => {
  const probes = page.slice(page.indexOf("livenessProbe:"));
  const value = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(probes)![1]);
  assert(value("periodSeconds") * value("failureThreshold") >= 60);
});

Deno.test("the options of the program exist", () => {
  const program = page.slice(page.indexOf("const pod ="), page.indexOf("- **Certificates.**"));
  const names = [...program.matchAll(/^\s+(\w+)(?::|,$)/gm)].map((match) => match[1]!);
  const known = new Set([
    ...Object.keys(clusterTable.options),
    ...Object.keys(tlsPathsTable.options),
  ]);
  assert(names.length > 10);
  assertEquals(names.filter((name) => !known.has(name)), []);
});

Deno.test("the limit of running entities is the documented one", () => {
  const { limit } = passivationDefaults;
  assert(page.includes(`\`passivation.limit\` (${limit.toLocaleString("en").replace(",", " ")})`));
});
