import { assertEquals } from "@std/assert";
import type { LeaseConfig } from "../../../lib/sharding/lease/lease_config.ts";
import { NodeLease } from "../../../lib/sharding/lease/node_lease.ts";
import type { Term } from "../../../lib/sharding/routing/term.ts";

const term: Term = [5, "a:1"];
const id = (address: string) => ({ address, incarnation: 1 });

function config(count: number, voter = "b:1"): LeaseConfig {
  return { version: [term, count], voters: [id(voter), id("c:1")], excluded: [] };
}

/** A node at x:1 whose coordinator is a:1, and which knows `config(1)`. */
function lease(): NodeLease {
  const made = new NodeLease({
    self: "x:1",
    now: () => 0,
    wallTime: () => 0,
    send: () => {},
    isCoordinator: (address) => address === "a:1",
    isMember: () => true,
    onLaterTerm: () => true,
    onNotAdmitted: () => {},
    onLease: () => {},
  });
  made.setIncarnation(1);
  made.acknowledge(term);
  made.onAdmit({ type: "admitHolder", term, config: config(1) });
  return made;
}

const refused = (config: LeaseConfig) =>
  ({ type: "leaseRefused", incarnation: 1, round: 1, reason: "outdatedConfig", config }) as const;

Deno.test("a configuration that one voter names is not believed, and that of two is", () => {
  const node = lease();
  const forged = config(Number.MAX_SAFE_INTEGER, "evil:1");
  for (let i = 0; i < 3; i++) node.receive("d:1", refused(forged));
  assertEquals(node.config, config(1));
  node.receive("b:1", refused(config(2)));
  assertEquals(node.config, config(1));
  node.receive("d:1", refused(forged));
  node.receive("c:1", refused(config(2)));
  assertEquals(node.config, config(2));
  // The coordinator itself is believed, as a voter too.
  node.receive("a:1", refused(config(3)));
  assertEquals(node.config, config(3));
});
