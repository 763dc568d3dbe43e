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
  return /max\w+ \(\d+\)/.exec(admission.accept(remote, now).refused ?? "")?.[0] ?? "";
}

Deno.test("admission: each limit turns away what exceeds it, by its name", () => {
  const admission = new Admission(limits);
  for (const port of [1, 2, 3]) assertEquals(receive(admission, `10.0.0.1:${port}`), "");
  assertEquals(receive(admission, "10.0.0.1:4"), "maxPendingHandshakes (3)");
  for (const port of [1, 2, 3]) admission.opened(`10.0.0.1:${port}`);
  assertEquals(receive(admission, "10.0.0.1:4"), "");
  assertEquals(receive(admission, "10.0.0.1:5"), "maxConnectionsPerAddress (4)");
  for (const port of [1, 2]) assertEquals(receive(admission, `10.0.0.3:${port}`), "");
  assertEquals(receive(admission, "10.0.0.4:1"), "maxConnections (6)");
  admission.ended("10.0.0.1:1", 0);
  admission.opened("10.0.0.1:4");
  assertEquals(receive(admission, "10.0.0.4:1"), "");
  assertEquals([admission.connections, admission.pending], [6, 3]);
});

Deno.test("admission: an address may connect as often as maxConnectionRate a second", () => {
  const admission = new Admission({ ...limits, maxConnections: 1e6, maxPendingHandshakes: 1e6 });
  const attempt = (now: number, host = "10.0.0.1") => {
    const answer = receive(admission, `${host}:1`, now);
    admission.opened(`${host}:1`);
    admission.ended(`${host}:1`, now);
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
  const event = fc.tuple(
    fc.constantFrom("receive", "opened", "ended", "proved"),
    fc.nat(5),
    fc.nat(5),
  );
  fc.assert(fc.property(fc.array(event, { maxLength: 200 }), (events) => {
    const admission = new Admission({ ...limits, maxConnectionRate: 1_000 });
    const live = new Map<string, boolean>();
    for (const [what, host, port] of events) {
      const remote = `10.0.0.${host}:${port}`;
      if (what === "receive") {
        live.delete(remote);
        const { refused, evicted } = admission.accept(remote, 0);
        if (evicted !== undefined) assertEquals(live.get(evicted), true);
        if (evicted !== undefined) live.delete(evicted);
        if (refused === undefined) live.set(remote, true);
      } else if (what === "opened") {
        admission.opened(remote);
        if (live.has(remote)) live.set(remote, false);
      } else if (what === "proved") {
        admission.proved(remote);
      } else {
        admission.ended(remote, 0);
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
    admission.ended(remote, 0);
  }
  // The one that is connected was not.
  assertEquals(receive(admission, "10.0.0.1:2"), "maxConnectionRate (1)");
  assertEquals(receive(admission, "10.1.0.0:1"), "");
});

/** A gate under a flood: what becomes of each connection, by the far end. */
class Flooded {
  now = 0;
  readonly open = new Map<string, number>();
  readonly evicted: string[] = [];
  readonly refused: string[] = [];
  readonly admission: Admission;
  #port = 0;

  constructor(given: Partial<AdmissionLimits> = {}) {
    this.admission = new Admission({
      maxPendingHandshakes: 64,
      maxConnections: 10_000,
      maxConnectionsPerAddress: 1_000,
      maxConnectionRate: 100,
      ...given,
    });
  }

  connect(host: string): string {
    const remote = `${host}:${++this.#port}`;
    const { refused, evicted } = this.admission.accept(remote, this.now);
    if (evicted !== undefined) {
      this.open.delete(evicted);
      this.evicted.push(evicted);
    }
    if (refused === undefined) this.open.set(remote, this.now);
    else this.refused.push(remote);
    return remote;
  }

  /** So many silent connections a second from each address, which end after `handshakeTimeout`. */
  flood(hosts: readonly string[], ms: number, also: () => void = () => {}): void {
    for (const end = this.now + ms; this.now < end; this.now += 10) {
      for (const host of hosts) this.connect(host);
      for (const [remote, since] of this.open) {
        if (this.now - since < 5_000) continue;
        this.open.delete(remote);
        this.admission.ended(remote, this.now);
      }
      also();
    }
  }
}

const flooders = (count: number) => Array.from({ length: count }, (_, i) => `10.9.0.${i}`);

for (const count of [1, 4, 64]) {
  Deno.test(`admission: a peer has its time for a handshake while ${count} addresses flood`, () => {
    const gate = new Flooded();
    gate.flood(flooders(count), 3_000);
    const honest: string[] = [];
    gate.flood(flooders(count), 10_000, () => {
      if (gate.now % 500 === 0) honest.push(gate.connect("10.0.0.1"));
      // A handshake that takes 300 ms.
      if (gate.now % 500 === 300) gate.admission.opened(honest.at(-1)!);
      if (gate.now % 500 === 300) gate.open.delete(honest.at(-1)!);
    });
    assertEquals(honest.length, 20);
    const lost = [...gate.refused, ...gate.evicted].filter((remote) => honest.includes(remote));
    assertEquals(lost, []);
  });
}

Deno.test("admission: a flood of IPv6 addresses of one network counts as one address", () => {
  const gate = new Flooded();
  let last = 0;
  gate.flood([], 2_000, () => void gate.connect(`[2001:db8:0:1::${(++last).toString(16)}]`));
  const honest = gate.connect("[2001:db8:0:2::1]");
  assert(gate.open.has(honest));
  assert(gate.evicted.at(-1)!.startsWith("[2001:db8:0:1:"), gate.evicted.at(-1));
});

Deno.test("admission: the oldest connection of the greediest address is evicted first", () => {
  const gate = new Flooded({ maxPendingHandshakes: 5 });
  const [first] = [gate.connect("10.9.0.1"), gate.connect("10.9.0.1"), gate.connect("10.9.0.1")];
  gate.connect("10.9.0.2");
  gate.now = 100;
  gate.connect("10.0.0.1");
  assertEquals(gate.evicted, [first]);
});

Deno.test("admission: honest peers that connect at once do not evict each other", () => {
  const gate = new Flooded();
  for (let i = 0; i < 100; i++) gate.connect(`10.0.1.${i}`);
  assertEquals([gate.evicted.length, gate.open.size], [0, 48]);
  // A silent one has a second, and then gives way.
  gate.now = 1_000;
  gate.connect("10.0.2.1");
  assertEquals(gate.evicted.length, 1);
});

Deno.test("admission: addresses of nodes have a reserve that others cannot take", () => {
  const gate = new Flooded();
  for (let i = 0; i < 16; i++) gate.admission.proved(`10.0.0.${i}:25520`);
  for (let i = 0; i < 500; i++) gate.connect(`10.7.${i >> 8}.${i & 255}`);
  assertEquals(gate.open.size, 48);
  const evicted = gate.evicted.length;
  const members = Array.from({ length: 16 }, (_, i) => gate.connect(`10.0.0.${i}`));
  assertEquals(members.filter((remote) => gate.open.has(remote)).length, 16);
  assertEquals(gate.evicted.length, evicted);
  gate.now = 900;
  for (let i = 0; i < 500; i++) gate.connect(`10.8.${i >> 8}.${i & 255}`);
  assertEquals(members.filter((remote) => gate.open.has(remote)).length, 16);
});

Deno.test("admission: what addresses that flood may begin is bounded for all of them together", () => {
  const gate = new Flooded();
  gate.flood(flooders(64), 3_000);
  const before = gate.refused.length;
  gate.flood(flooders(64), 1_000);
  const begun = 6_400 - (gate.refused.length - before);
  assert(begun <= 101, `${begun} handshakes were begun`);
});
