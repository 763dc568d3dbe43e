import { assertEquals, assertMatch } from "@std/assert";
import { explainForeignBytes, isTls } from "../../lib/transport/connection/foreign_protocol.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("the first bytes tell which protocol a peer speaks", () => {
  const why = "a frame of 9 bytes exceeds maxFrame 8";
  const told = (first: Uint8Array) => explainForeignBytes(first, why);
  assertMatch(told(Uint8Array.of(22, 3, 1, 2)), /^the other end speaks TLS, and this one has no/);
  assertMatch(told(Uint8Array.of(21, 3, 3, 0)), /^the other end speaks TLS/);
  assertMatch(told(bytes("HTTP/1.1")), /^the other end speaks HTTP: it is no node/);
  assertMatch(told(bytes("GET / HT")), /^the other end speaks HTTP/);
  assertMatch(told(bytes("SSH-2.0-")), /^the other end sends text \("SSH-2\.0-"\): it is no node/);
  assertMatch(told(bytes("220 mail")), /^the other end sends text \("220 mail"\)/);
  // What a peer chooses does not steer a terminal.
  const other = told(bytes("\u001b[2J\u001b[1"));
  assertEquals(other.includes("\u001b"), false);
  assertMatch(other, /^unreadable frame: .*\(a frame of 9 bytes exceeds maxFrame 8\); check the/);
});

Deno.test("a TLS record is a handshake or an alert of version 3", () => {
  assertEquals([isTls(Uint8Array.of(22, 3)), isTls(Uint8Array.of(21, 3))], [true, true]);
  assertEquals([isTls(Uint8Array.of(23, 3)), isTls(Uint8Array.of(22, 2))], [false, false]);
  assertEquals(isTls(new Uint8Array(0)), false);
});
