import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  monitoredMembers,
  monitoringRing,
  observersOf,
} from "../../lib/membership/detector/monitoring.ts";
import { pick } from "../../lib/membership/machine/pick.ts";

const addresses = (count: number) => Array.from({ length: count }, (_, i) => `node-${i}:25520`);

Deno.test("each member is monitored by exactly five others, or by all of fewer", () => {
  for (const count of [1, 2, 3, 5, 6, 7, 30, 100]) {
    const ring = monitoringRing(addresses(count));
    const monitorsPerMember = new Map<string, number>();
    for (const self of ring) {
      const monitored = monitoredMembers(ring, self, 5, new Set());
      assert(!monitored.includes(self));
      assertEquals(new Set(monitored).size, monitored.length);
      for (const address of monitored) {
        monitorsPerMember.set(address, (monitorsPerMember.get(address) ?? 0) + 1);
      }
    }
    for (const address of ring) {
      assertEquals(monitorsPerMember.get(address) ?? 0, Math.min(5, count - 1));
    }
  }
});

Deno.test("the observers of a member are those that monitor it", () => {
  for (const count of [1, 2, 5, 6, 30]) {
    const ring = monitoringRing(addresses(count));
    for (const self of ring) {
      const monitoring = ring.filter((other) =>
        other !== self && monitoredMembers(ring, other, 5, new Set()).includes(self)
      );
      assertEquals(observersOf(ring, self, 5).toSorted(), monitoring.toSorted());
    }
    assertEquals(observersOf(ring, "elsewhere:1", 5), []);
  }
});

Deno.test("the ring does not depend on the order in which members are known", () => {
  fc.assert(fc.property(fc.shuffledSubarray(addresses(20)), (some) => {
    assertEquals(monitoringRing(some), monitoringRing(some.toSorted()));
  }));
});

Deno.test("the small side of a partition monitors all members", () => {
  const ring = monitoringRing(addresses(30));
  const side = new Set(ring.slice(0, 3));
  const self = ring[1]!;
  let unreachable = new Set<string>();
  for (let round = 0; round < 20; round++) {
    const monitored = monitoredMembers(ring, self, 5, unreachable);
    unreachable = new Set(monitored.filter((address) => !side.has(address)));
  }
  assertEquals(unreachable.size, 27);
});

Deno.test("peers are picked without repetition, and each is as likely as the others", () => {
  const items = [0, 1, 2, 3, 4, 5, 6, 7];
  const counts = items.map(() => 0);
  const rounds = 8_000;
  for (let i = 0; i < rounds; i++) {
    const picked = pick(items, 3, i / rounds);
    assertEquals(new Set(picked).size, 3);
    for (const item of picked) counts[item]!++;
  }
  for (const count of counts) assert(Math.abs(count - 3_000) < 300, `picked ${count} times`);
  assertEquals(pick(items, 20, 0.5).toSorted(), items);
  assertEquals(pick(items, 0, 0.5), []);
  assertEquals(pick([], 3, 0.5), []);
  assertEquals(pick(items, 3, 0.3), pick(items, 3, 0.3));
});
