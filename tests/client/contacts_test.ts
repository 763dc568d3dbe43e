import { assertEquals } from "@std/assert";
import { Contacts } from "../../lib/client/contacts.ts";

const timing = { answerTimeout: 1_000, refreshInterval: 500, liveness: 2_000, pause: 100 };

Deno.test("a contact that does not answer is followed by the next", () => {
  const contacts = new Contacts(["a", "b"], timing);
  assertEquals(contacts.step({ type: "start" }, 0), [{ type: "subscribe", to: "a" }]);
  assertEquals(contacts.step({ type: "tick" }, 999), []);
  assertEquals(contacts.step({ type: "tick" }, 1_000), [{ type: "subscribe", to: "b" }]);
});

Deno.test("after all have failed there is a pause, longer each time", () => {
  const contacts = new Contacts(["a", "b"], timing);
  contacts.step({ type: "start" }, 0);
  assertEquals(contacts.step({ type: "lost", address: "a" }, 0), [{ type: "subscribe", to: "b" }]);
  assertEquals(contacts.step({ type: "lost", address: "b" }, 0), []);
  assertEquals(contacts.step({ type: "tick" }, 99), []);
  assertEquals(contacts.step({ type: "tick" }, 100), [{ type: "subscribe", to: "a" }]);
  contacts.step({ type: "lost", address: "a" }, 100);
  contacts.step({ type: "lost", address: "b" }, 100);
  assertEquals(contacts.step({ type: "tick" }, 299), []);
  assertEquals(contacts.step({ type: "tick" }, 300), [{ type: "subscribe", to: "a" }]);
});

Deno.test("members that were learned replace contact points that are gone", () => {
  const contacts = new Contacts(["a"], timing);
  contacts.step({ type: "start" }, 0);
  assertEquals(contacts.step({ type: "topology", from: "a", members: ["a", "b", "c"] }, 10), [
    { type: "connected" },
  ]);
  assertEquals(contacts.step({ type: "lost", address: "a" }, 20), [
    { type: "disconnected" },
    { type: "subscribe", to: "b" },
  ]);
  assertEquals(contacts.step({ type: "topology", from: "b", members: ["b", "c"] }, 30), [
    { type: "connected" },
  ]);
  assertEquals(contacts.current, "b");
});

Deno.test("a connected contact is asked again and again, and given up when it falls silent", () => {
  const contacts = new Contacts(["a", "b"], timing);
  contacts.step({ type: "start" }, 0);
  contacts.step({ type: "topology", from: "a", members: ["a", "b"] }, 0);
  assertEquals(contacts.step({ type: "tick" }, 500), [{ type: "subscribe", to: "a" }]);
  assertEquals(contacts.step({ type: "tick" }, 600), []);
  assertEquals(contacts.step({ type: "tick" }, 2_000), [
    { type: "disconnected" },
    { type: "subscribe", to: "b" },
  ]);
});

Deno.test("a contact point may be another name of a member", () => {
  const contacts = new Contacts(["localhost:1"], timing);
  contacts.step({ type: "start" }, 0);
  contacts.step({ type: "topology", from: "127.0.0.1:1", members: ["127.0.0.1:1"] }, 0);
  assertEquals(contacts.current, "127.0.0.1:1");
  assertEquals(contacts.step({ type: "lost", address: "127.0.0.1:1" }, 1).at(-1), {
    type: "subscribe",
    to: "localhost:1",
  });
});
