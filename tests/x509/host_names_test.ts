import { assertEquals } from "@std/assert";
import {
  coversHost,
  ipText,
  isLoopback,
  isSameHost,
  isUnspecified,
} from "../../lib/x509/host_names.ts";

Deno.test("a certificate covers the hosts that it names, in any spelling", () => {
  const hosts = ["node-1.Example.org", "*.pods.example.org", "10.0.0.1", "2001:db8::1", "*.org"];
  const covered = [
    "NODE-1.example.org",
    "node-1.example.org.",
    "a.pods.example.org",
    "10.0.0.1",
    "[2001:DB8:0:0::1]",
    "2001:db8::1%eth0",
  ];
  const foreign = [
    "node-1.example.org.evil",
    "xnode-1.example.org",
    "a.b.pods.example.org",
    "pods.example.org",
    "10.0.0.10",
    "0.0.1",
    "2001:db8::2",
    "evil.org",
    "*.pods.example.org.evil",
    "",
  ];
  for (const host of covered) assertEquals([host, coversHost(hosts, host)], [host, true]);
  for (const host of foreign) assertEquals([host, coversHost(hosts, host)], [host, false]);
  assertEquals(coversHost([], "node-1"), false);
  assertEquals(coversHost(["*.0.0.1"], "10.0.0.1"), false);
});

Deno.test("the Unicode and the ASCII spelling of a host are one", () => {
  const spellings = ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"];
  for (const name of spellings) {
    for (const host of spellings) assertEquals(coversHost([name], host), true, `${name} ${host}`);
    assertEquals(coversHost([name], "bucher.example"), false);
  }
  assertEquals(coversHost(["*.bücher.example"], "a.xn--bcher-kva.example"), true);
  assertEquals(coversHost(["xn--bcher-kva.example"], "bücher.example/evil"), false);
  assertEquals(coversHost(["bücher.example"], "bücher.example:80"), false);
  assertEquals(coversHost(["evil.example"], "ü@evil.example"), false);
});

Deno.test("addresses in a certificate are printed in their short form", () => {
  assertEquals(ipText(Uint8Array.of(192, 0, 2, 7)), "192.0.2.7");
  const loopback = new Uint8Array(16);
  loopback[15] = 1;
  assertEquals(ipText(loopback), "::1");
  assertEquals(ipText(new Uint8Array(5)), undefined);
});

Deno.test("two hosts are one in any spelling, and all loopback names are one", () => {
  const same = [
    ["node-1", "NODE-1."],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["2001:db8::1", "[2001:DB8:0:0::1]"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["localhost", "127.0.0.1"],
    ["127.0.0.1", "::1"],
    ["127.0.0.1", "127.0.1.1"],
  ] as const;
  for (const [a, b] of same) assertEquals([a, b, isSameHost(a, b)], [a, b, true]);
  const different = [
    ["node-1", "node-2"],
    ["node-1", "node-1.example"],
    ["10.0.0.1", "127.0.0.1"],
    ["localhost", "localhost.example"],
    ["127.0.0.1", "127.0.0.1.example"],
  ] as const;
  for (const [a, b] of different) assertEquals([a, b, isSameHost(a, b)], [a, b, false]);
  assertEquals(["LOCALHOST", "127.8.8.8", "[::1]"].map(isLoopback), [true, true, true]);
  assertEquals(["127.evil", "1127.0.0.1", ""].map(isLoopback), [false, false, false]);
});

Deno.test("hosts that stand for all addresses are known in any spelling", () => {
  assertEquals(["0.0.0.0", "::", "[::]", "0:0:0:0:0:0:0:0"].map(isUnspecified), [
    true,
    true,
    true,
    true,
  ]);
  assertEquals(["0.0.0.1", "::1", "localhost"].map(isUnspecified), [false, false, false]);
});
