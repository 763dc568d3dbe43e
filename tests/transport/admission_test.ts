import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Admission, type AdmissionLimits } from "../../lib/transport/endpoint/admission.ts";

const limits: AdmissionLimits = {
  maxPendingHandshakes: 3,
  maxConnections: 6,
  maxConnectionsPerAddress: 4,
  maxConnectionRate: 10,
};

/** What was answered: the name of the limit, or "". */
function receive(admission: Admission, remote: string, now = 0): string {
  return /max\w+ \(\d+\)/.exec(admission.accept(remote, now) ?? "")?.[0] ?? "";
}

Deno.test("admission: each limit turns away what exceeds it, by its name", () => {
  const admission = new Admission(limits);
  for (const port of [1, 2, 3]) assertEquals(receive(admission, `10.0.0.1:${port}`), "");
  assertEquals(receive(admission, "10.0.0.2:1"), "maxPendingHandshakes (3)");
  for (const port of [1, 2, 3]) admission.opened(`10.0.0.1:${port}`);
  assertEquals(receive(admission, "10.0.0.1:4"), "");
  assertEquals(receive(admission, "10.0.0.1:5"), "maxConnectionsPerAddress (4)");
  for (const port of [1, 2]) assertEquals(receive(admission, `10.0.0.3:${port}`), "");
  assertEquals(receive(admission, "10.0.0.4:1"), "maxConnections (6)");
  admission.ended("10.0.0.1:1");
  admission.opened("10.0.0.1:4");
  assertEquals(receive(admission, "10.0.0.4:1"), "");
  assertEquals([admission.connections, admission.pending], [6, 3]);
});

Deno.test("admission: an address may connect as often as maxConnectionRate a second", () => {
  const admission = new Admission({ ...limits, maxConnections: 1e6, maxPendingHandshakes: 1e6 });
  const attempt = (now: number, host = "10.0.0.1") => {
    const answer = receive(admission, `${host}:1`, now);
    admission.ended(`${host}:1`);
    return answer;
  };
  for (let i = 0; i < 10; i++) assertEquals(attempt(0), "");
  assertEquals(attempt(0), "maxConnectionRate (10)");
  assertEquals(attempt(0, "10.0.0.2"), "");
  assertEquals(attempt(99), "maxConnectionRate (10)");
  assertEquals(attempt(100), "");
  assertEquals(attempt(150), "maxConnectionRate (10)");
  for (let i = 0; i < 10; i++) assertEquals(attempt(60_000), "");
  assertEquals(attempt(60_000), "maxConnectionRate (10)");
});

Deno.test("admission: all of one IPv6 network count as one address", () => {
  const admission = new Admission({ ...limits, maxConnectionsPerAddress: 1 });
  assertEquals(receive(admission, "[2001:db8:0:1::1]:1"), "");
  assertEquals(receive(admission, "[2001:db8:0:1:ffff::2]:1"), "maxConnectionsPerAddress (1)");
  assertEquals(receive(admission, "[2001:db8:0:2::1]:1"), "");
  assertEquals(receive(admission, "[::1]:1"), "");
  assertEquals(receive(admission, "[::2]:1"), "maxConnectionsPerAddress (1)");
});

Deno.test("admission: no sequence of connections exceeds a limit or leaves an entry behind", () => {
  const event = fc.tuple(fc.constantFrom("receive", "opened", "ended"), fc.nat(5), fc.nat(5));
  fc.assert(fc.property(fc.array(event, { maxLength: 200 }), (events) => {
    const admission = new Admission({ ...limits, maxConnectionRate: 1_000 });
    const live = new Map<string, boolean>();
    for (const [what, host, port] of events) {
      const remote = `10.0.0.${host}:${port}`;
      if (what === "receive") {
        live.delete(remote);
        if (admission.accept(remote, 0) === undefined) live.set(remote, true);
      } else if (what === "opened") {
        admission.opened(remote);
        if (live.has(remote)) live.set(remote, false);
      } else {
        admission.ended(remote);
        live.delete(remote);
      }
      const pending = [...live.values()].filter((is) => is).length;
      assertEquals([admission.connections, admission.pending], [live.size, pending]);
      assert(live.size <= limits.maxConnections && pending <= limits.maxPendingHandshakes);
    }
  }));
});

Deno.test("admission: hosts that rest are forgotten when there are too many", () => {
  const admission = new Admission({ ...limits, maxConnectionRate: 1 });
  assertEquals(receive(admission, "10.0.0.1:1"), "");
  for (let i = 0; i < 10_000; i++) {
    const remote = `10.1.${i >> 8}.${i & 255}:1`;
    receive(admission, remote);
    admission.ended(remote);
  }
  // The one that is connected was not.
  assertEquals(receive(admission, "10.0.0.1:2"), "maxConnectionRate (1)");
  assertEquals(receive(admission, "10.1.0.0:1"), "");
});
