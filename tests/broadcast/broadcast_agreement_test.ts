import { assertEquals } from "@std/assert";
import {
  type AnnouncedActor,
  type Announcement,
  BroadcastAgreement,
  maxAnnounced,
  parseAnnouncement,
} from "../../lib/broadcast/broadcast_agreement.ts";

const announcing = (...actors: readonly AnnouncedActor[]): Announcement => ({
  type: "broadcasts",
  actors,
});
const plain = { name: "cache", clients: false };
const inRole = { name: "cache", role: "web", clients: true };

Deno.test("options that differ are answered once, in any order, and named while they do", () => {
  const agreement = new BroadcastAgreement();
  assertEquals(agreement.spawned(plain), []);
  assertEquals(agreement.announced("b:1", announcing(plain, { name: "x", clients: true })), []);
  assertEquals(agreement.announced("c:1", announcing(inRole)), [
    { name: "cache", node: "c:1", option: "role", here: "all nodes", there: 'the role "web"' },
    { name: "cache", node: "c:1", option: "clients", here: "all clients", there: "a policy" },
  ]);
  for (let count = 0; count < 100; count++) {
    const other = { ...inRole, role: `role-${count}` };
    assertEquals(agreement.announced("c:1", announcing(other)), []);
    assertEquals(agreement.announced(`d:${count}`, announcing(other)), []);
  }
  assertEquals(agreement.explain().length, 5);
  // Another node was first.
  assertEquals(agreement.spawned({ name: "x", clients: false }).map(({ node }) => node), ["b:1"]);
  agreement.retain(new Set(["b:1"]));
  assertEquals(agreement.explain(), [
    'broadcast actor "x": clients: all clients here, a policy at b:1',
  ]);
  agreement.announced("b:1", announcing());
  assertEquals(agreement.explain(), []);
});

Deno.test("announcements are bounded and checked", () => {
  assertEquals(parseAnnouncement(announcing(plain, inRole)), announcing(plain, inRole));
  const many = Array.from({ length: maxAnnounced + 1 }, (_, at) => ({ ...plain, name: `${at}` }));
  const wrong: readonly unknown[] = [
    undefined,
    {},
    { type: "broadcasts" },
    { type: "broadcasts", actors: [1] },
    { type: "broadcasts", actors: [{ name: "x" }] },
    { type: "broadcasts", actors: [{ ...plain, role: 1 }] },
    { type: "broadcasts", actors: [{ ...plain, name: "x".repeat(2_001) }] },
    { type: "broadcasts", actors: many },
  ];
  for (const value of wrong) assertEquals(parseAnnouncement(value), undefined);
  const agreement = new BroadcastAgreement();
  for (const actor of many) agreement.spawned(actor);
  assertEquals(agreement.announcement.actors.length, maxAnnounced);
});
