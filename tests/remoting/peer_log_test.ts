import { assertEquals } from "@std/assert";
import { PeerLog } from "../../lib/remoting/peer_log.ts";
import { LimitedLog } from "../../lib/runtime/limited_log.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import type { Peer } from "../../lib/transport/base/peer.ts";

function client(address: string, name: string, via?: string): Peer {
  const identity = { kind: "client", name, hosts: [], fingerprint: "", notAfter: 0 } as const;
  const facts = { nodeId: "x", incarnation: 1, protocol: 1, remote: "", lane: "user" } as const;
  return { role: "client", address, identity, ...facts, ...(via !== undefined && { via }) };
}

function startLog(): { clock: ManualClock; lines: string[]; log: PeerLog; limited: LimitedLog } {
  const clock = new ManualClock();
  const lines: string[] = [];
  const limited = new LimitedLog(clock, {
    log: (_level: string, _source: string, message: string, fields?: Record<string, unknown>) => {
      lines.push(`${message} ${fields?.from ?? fields?.suppressed}`);
    },
  });
  return { clock, lines, log: new PeerLog(limited), limited };
}

Deno.test("faults of a peer are logged once for each reason, certificate and minute, with a count", async () => {
  const { clock, lines, log, limited } = startLog();
  // Another connection and another address are the same peer.
  for (let i = 0; i < 100; i++) log.add(client(`client:${i}`, "mallory"), "warn", "malformed");
  log.add(client("client:a", "alice"), "warn", "malformed");
  assertEquals(lines, ["malformed client:0", "malformed client:a"]);
  for (let i = 0; i < 100; i++) {
    log.add(client("client:0", "mallory"), "warn", "malformed", {}, `reason ${i}`);
  }
  assertEquals(lines.length, 11);
  lines.splice(0);
  await clock.advance(60_000);
  log.add(client("client:0", "mallory"), "warn", "malformed");
  assertEquals(lines, [
    "suppressed repetitions: malformed 99",
    "suppressed lines of further causes 91",
    "malformed client:0",
  ]);
  limited.close();
});

Deno.test("a node answers for faults of all clients that it names, and for no others", () => {
  const { lines, log, limited } = startLog();
  for (let i = 0; i < 100; i++) {
    log.add(client(`client:${i}`, `name-${i}`, "10.0.0.1:25520"), "warn", "malformed");
  }
  log.add(client("client:0", "name-0"), "warn", "malformed");
  assertEquals(lines, ["malformed client:0", "malformed client:0"]);
  limited.close();
});
