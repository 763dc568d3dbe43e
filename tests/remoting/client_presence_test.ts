import { assertEquals } from "@std/assert";
import { ClientPresence } from "../../lib/remoting/client_presence.ts";

Deno.test("a client that is away is gone after the timeout, unless it comes back", () => {
  const clients = new ClientPresence(100);
  clients.onConnected("client:a", "alice");
  clients.onConnected("client:b", "bob");
  assertEquals(clients.nextAt, undefined);
  assertEquals(clients.onDisconnected("client:a", 0), []);
  assertEquals(clients.onDisconnected("client:b", 50), []);
  assertEquals([...clients.connected()], []);
  assertEquals(clients.nextAt, 100);
  assertEquals(clients.onConnected("client:b", "bob"), false);
  assertEquals(clients.expire(99), []);
  assertEquals(clients.has("client:a"), true);
  assertEquals(clients.expire(100), ["client:a"]);
  assertEquals(clients.has("client:a"), false);
  assertEquals(clients.expire(10_000), []);
  assertEquals([...clients.connected()], ["client:b"]);
});

Deno.test("a client that has closed is not waited for, and has nothing left when its connection ends", () => {
  const clients = new ClientPresence(100);
  clients.onConnected("client:a", "alice");
  clients.onClosed("client:a");
  assertEquals(clients.has("client:a"), false);
  // What it has got since then must end, too.
  assertEquals(clients.onDisconnected("client:a", 1), ["client:a"]);
  assertEquals(clients.nextAt, undefined);
});

Deno.test("what a client had does not pass to another holder of its address", () => {
  const clients = new ClientPresence(100);
  clients.onConnected("client:a", "alice");
  clients.onDisconnected("client:a", 0);
  assertEquals(clients.onConnected("client:a", "mallory"), true);
  assertEquals(clients.onConnected("client:a", "mallory"), false);
});

Deno.test("a client that was never connected is waited for as long", () => {
  const clients = new ClientPresence(100);
  assertEquals(clients.expect("client:a", 0), []);
  assertEquals(clients.expect("client:a", 50), []);
  assertEquals(clients.expire(100), ["client:a"]);
  clients.expect("client:b", 100);
  assertEquals(clients.onConnected("client:b", "bob"), false, "nobody had it before");
  assertEquals(clients.expire(10_000), []);
});

Deno.test("clients that are away are bounded, for each certificate and in all", () => {
  const clients = new ClientPresence(1_000);
  const leave = (name: string, account: string, now: number) => {
    clients.onConnected(name, account);
    return clients.onDisconnected(name, now);
  };
  leave("client:other", "other", 0);
  for (let n = 0; n < 1_000; n++) assertEquals(leave(`client:${n}`, "mallory", n / 10), []);
  assertEquals(leave("client:more", "mallory", 100), ["client:0"], "its own oldest");
  assertEquals(clients.has("client:other"), true);
  for (let n = 0; n < 8_999; n++) assertEquals(leave(`client:x${n}`, `account ${n}`, 200), []);
  assertEquals(leave("client:last", "last", 300), ["client:other"], "the oldest of all");
});
