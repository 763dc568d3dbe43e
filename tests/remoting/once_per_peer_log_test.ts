import { assertEquals } from "@std/assert";
import { OncePerPeerLog } from "../../lib/remoting/once_per_peer_log.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import type { Peer } from "../../lib/transport/base/peer.ts";

function client(address: string, name: string): Peer {
  const identity = { kind: "client", name, hosts: [], fingerprint: "", notAfter: 0 } as const;
  const facts = { nodeId: "x", incarnation: 1, protocol: 1, remote: "", lane: "user" } as const;
  return { role: "client", address, identity, ...facts };
}

Deno.test("faults of a peer are logged once for each reason, certificate and minute, with a count", async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const logger = {
    log: (_level: string, _source: string, message: string, fields?: Record<string, unknown>) => {
      lines.push(`${message} ${fields?.from ?? fields?.count}`);
    },
  };
  const log = new OncePerPeerLog(logger, clock);
  // Another connection and another address are the same peer.
  for (let i = 0; i < 100; i++) log.add(client(`client:${i}`, "mallory"), "warn", "malformed");
  log.add(client("client:a", "alice"), "warn", "malformed");
  assertEquals(lines, ["malformed client:0", "malformed client:a"]);
  for (let i = 0; i < 100; i++) {
    log.add(client("client:0", "mallory"), "warn", "malformed", {}, `reason ${i}`);
  }
  assertEquals(lines.length, 21);
  lines.splice(0);
  await clock.advance(60_000);
  log.add(client("client:0", "mallory"), "warn", "malformed");
  const suppressed = 99 + 81;
  assertEquals(lines, [
    `more faults of peers occurred than were logged ${suppressed}`,
    "malformed client:0",
  ]);
});
