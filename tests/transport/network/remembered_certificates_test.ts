import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { Clock } from "../../../lib/runtime/clock.ts";
import type { IdentityRefusal, TlsMaterial } from "../../../lib/runtime/network.ts";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import { readCertificate, readForeign } from "../../../lib/x509/certificate.ts";
import {
  CertificateReadings,
  maxLooked,
  maxReadings,
  maxRememberedBytes,
} from "../../../lib/x509/certificate_readings.ts";
import { TransportError } from "../../../lib/transport/base/errors.ts";
import { explainUnproved, identifyPeer } from "../../../lib/transport/tls/peer_identity.ts";
import { pemCertificates } from "../../../lib/x509/pem.ts";
import { TlsNetwork } from "../../../lib/transport/tls/tls_network.ts";
import { Certificates } from "./certificates.ts";
import { dial, Server } from "./links.ts";

/** The machine's clock with a calendar that can be turned. */
function turnable(): Clock & { ahead: number } {
  return {
    ahead: 0,
    now: () => systemClock.now(),
    wallTime(): number {
      return systemClock.wallTime() + this.ahead;
    },
    schedule: (delay, callback) => systemClock.schedule(delay, callback),
    defer: (callback) => systemClock.defer(callback),
    yield: (callback) => systemClock.yield(callback),
  };
}

/** Undefined, or why the listener refuses the peer; all is counted from its beginning. */
async function refusal(server: Server, tls: TlsMaterial): Promise<string | undefined> {
  const { length } = server.ends;
  const refused = server.refusals.length;
  const peer = await dial(new TlsNetwork(), server.port, { tls });
  const link = server.end(length).then(() => undefined);
  const outcome = await Promise.race([link, server.refusal(refused)]);
  if (outcome === undefined) peer.link.destroy();
  await peer.ended();
  return outcome;
}

Deno.test("a peer that was accepted is refused once its authority is not ours any more", async () => {
  await using ours = await Certificates.create();
  await using others = await Certificates.create();
  const tls = { ...await ours.node() };
  await using server = await Server.start(new TlsNetwork(), { tls });
  const peer = await ours.node({ name: "peer" });
  const stranger = { ...await others.leaf({ name: "stranger" }), ca: ours.ca.cert };
  assertEquals(await refusal(server, peer), undefined);
  assertStringIncludes((await refusal(server, stranger))!, "another authority");
  tls.ca = others.ca.cert;
  assertStringIncludes((await refusal(server, peer))!, "another authority");
  assertEquals(await refusal(server, stranger), undefined);
  tls.ca = ours.ca.cert;
  assertEquals(await refusal(server, peer), undefined);
});

Deno.test("a peer that was accepted is refused once it is revoked or has expired", async () => {
  await using certificates = await Certificates.create();
  const clock = turnable();
  let verdict: IdentityRefusal | undefined;
  const tls = { ...await certificates.node(), judge: () => verdict };
  await using server = await Server.start(new TlsNetwork(clock), { tls });
  const peer = await certificates.node({ name: "peer" });
  assertEquals(await refusal(server, peer), undefined);
  verdict = { fault: "revoked", problem: "is revoked" };
  assertStringIncludes((await refusal(server, peer))!, "node peer is revoked");
  verdict = undefined;
  assertEquals(await refusal(server, peer), undefined);
  clock.ahead = 100 * 365 * 86_400_000;
  assertStringIncludes((await refusal(server, peer))!, "node peer expired on ");
});

Deno.test("a certificate that was good enough to dial with is not once it has expired", async () => {
  await using certificates = await Certificates.create();
  const clock = turnable();
  const tls = await certificates.node();
  await using server = await Server.start(new TlsNetwork(), { tls });
  const network = new TlsNetwork(clock);
  (await dial(network, server.port, { tls })).link.destroy();
  clock.ahead = 100 * 365 * 86_400_000;
  const error = await assertRejects(() => dial(network, server.port, { tls }), TransportError);
  assertEquals(error.code, "badTlsMaterial");
  assertStringIncludes(error.message, "this end's own certificate expired on ");
});

Deno.test("good and bad peers at once get the outcome that is theirs", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using server = await Server.start(new TlsNetwork(), { tls });
  const good = async (n: number) => {
    const peer = await dial(new TlsNetwork(), server.port, { tls });
    await peer.send(`peer-${n}`);
    return peer;
  };
  const bad = async () => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    while (await conn.read(new Uint8Array(100)) !== null);
  };
  for (let round = 1; round <= 3; round++) {
    const [peers] = await Promise.all([
      Promise.all(Array.from({ length: 20 }, (_, n) => good(n))),
      Promise.all(Array.from({ length: 20 }, () => bad().catch(() => {}))),
    ]);
    await server.end(20 * round - 1);
    await server.refusal(20 * round - 1);
    const ends = server.ends.slice(-20);
    const said = await Promise.all(ends.map((end) => end.text(6)));
    assertEquals(said.toSorted(), peers.map((_, n) => `peer-${n}`).toSorted());
    for (const peer of peers) peer.link.destroy();
    for (const peer of peers) await peer.ended();
  }
  assertEquals(server.ends.length, 60);
  assertEquals(
    server.refusals.map(({ reason }) => reason),
    Array(60).fill("it does not speak TLS"),
  );
});

Deno.test("the same bytes are read once, and the reading is immutable", async () => {
  await using certificates = await Certificates.create();
  const [der] = pemCertificates((await certificates.leaf()).cert);
  const reading = readCertificate(der!);
  assertStrictEquals(readCertificate(der!.slice()), reading);
  const authorities = pemCertificates(certificates.ca.cert).map(readCertificate);
  const identity = identifyPeer([der!], authorities, systemClock.wallTime());
  assertThrows(() => (identity.hosts as string[]).push("elsewhere"), TypeError);
  assertThrows(() => (reading.uris as unknown[]).push("node"), TypeError);
  assertThrows(() => Object.assign(reading, { notAfter: Infinity }), TypeError);
  // One byte of the signature differs: it is another certificate, and nobody has signed it.
  const forged = der!.slice();
  forged[forged.length - 1]! ^= 1;
  const error = assertThrows(() => identifyPeer([forged], authorities, systemClock.wallTime()));
  assertStringIncludes(String(error), "does not chain to a trusted authority");
});

Deno.test("a foreign certificate is looked at within bounds, and takes no place in the memory", async () => {
  await using certificates = await Certificates.create();
  await using other = await Certificates.create();
  const authorities = pemCertificates(certificates.ca.cert).map(readCertificate);
  const now = systemClock.wallTime();
  const explain = (...chain: Uint8Array[]) => explainUnproved(chain, authorities, now)?.fault;
  const [foreign] = pemCertificates((await other.leaf()).cert);
  assertEquals(explain(foreign!), "untrusted");
  // What was looked at only is parsed again.
  assert(readForeign(foreign!) !== readForeign(foreign!));
  const [good] = pemCertificates((await certificates.leaf()).cert);
  const reading = readCertificate(good!);
  assertStrictEquals(readForeign(good!), reading);
  assertEquals(explain(good!), undefined, "that proves nothing, and says nothing");
  assertEquals([explain(), explain(Uint8Array.of(1, 2, 3))], [undefined, undefined]);
  assertEquals(explain(foreign!, foreign!, foreign!, foreign!), undefined, "too many");
  assertEquals(explain(foreign!, new Uint8Array(4_096)), undefined, "too large");
});

Deno.test("what was looked at and is judged next is read once, if not too many came between", () => {
  let parsed = 0;
  const readings = new CertificateReadings((der) => ({ der, number: ++parsed }));
  const bytes = (n: number) => Uint8Array.of(n);
  const looked = readings.readOnce(bytes(1));
  assertEquals(readings.size, 0);
  assertStrictEquals(readings.read(bytes(1)), looked);
  assertEquals([parsed, readings.size], [1, 1]);
  // It has moved: it is not kept twice.
  const second = readings.readOnce(bytes(2));
  for (let n = 0; n < maxLooked; n++) readings.readOnce(bytes(100 + n));
  assert(readings.read(bytes(2)) !== second, "others came between");
  const long = new Uint8Array(maxRememberedBytes + 1);
  assert(readings.readOnce(long) !== readings.read(long), "too long to be kept");
  assertEquals(readings.size, 2);
});

Deno.test("so many certificates are remembered, and the one not asked for the longest goes", () => {
  let parsed = 0;
  const readings = new CertificateReadings((der) => {
    parsed++;
    if (der[0] === 0xff) throw new Error("no certificate");
    return { der };
  });
  const bytes = (n: number) => Uint8Array.of(n >> 8, n & 0xff);
  const first = readings.read(bytes(0));
  const second = readings.read(bytes(1));
  for (let n = 2; n < maxReadings; n++) readings.read(bytes(n));
  assertStrictEquals(readings.read(bytes(0)), first, "all are remembered, and the first is used");
  readings.read(bytes(maxReadings));
  assertEquals([readings.size, parsed], [maxReadings, maxReadings + 1]);
  assertStrictEquals(readings.read(bytes(0)), first);
  assert(readings.read(bytes(1)) !== second);
  assertEquals(readings.size, maxReadings);
  const size = readings.size;
  const long = new Uint8Array(maxRememberedBytes + 1);
  assert(readings.read(long) !== readings.read(long));
  const before = parsed;
  for (const _ of [1, 2]) assertThrows(() => readings.read(Uint8Array.of(0xff)), Error, "no cert");
  assertEquals([readings.size, parsed], [size, before + 2]);
});
