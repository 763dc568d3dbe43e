import { createCa, issueNode } from "../../../lib/cert/authority/authority.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { TlsEvent } from "../../../lib/runtime/tls_event.ts";
import { TlsConfigError, TransportError } from "../../../lib/transport/base/errors.ts";
import { TlsConfig, type TlsPaths } from "../../../lib/transport/tls/tls_config.ts";
import { TlsNetwork } from "../../../lib/transport/tls/tls_network.ts";
import { ManualClock } from "../../../lib/testkit/manual_clock.ts";
import { opensslTest } from "../../openssl.ts";
import { Certificates, type Pair } from "./certificates.ts";
import { dial, Server } from "./links.ts";
import { revocationList as list } from "./revocation_lists.ts";

const network = new TlsNetwork();

async function paths(certificates: Certificates, more: Partial<TlsPaths> = {}): Promise<TlsPaths> {
  const pair = await certificates.leaf();
  return {
    certFile: await certificates.file(pair.cert),
    keyFile: await certificates.file(pair.key),
    caFile: await certificates.file(certificates.ca.cert),
    ...more,
  };
}

/** Why a listener with such options turns a peer away; undefined: it does not. */
async function refusal(
  certificates: Certificates,
  more: Partial<TlsPaths>,
  peer: Pair,
): Promise<string | undefined> {
  const tls = await TlsConfig.fromPaths(await paths(certificates, more));
  await using server = await Server.start(network, { tls });
  const end = await dial(network, server.port, { tls: { ...peer, ca: certificates.ca.cert } });
  const link = server.end().then(() => undefined);
  const outcome = await Promise.race([link, server.refusal()]);
  if (outcome === undefined) end.link.destroy();
  await end.ended();
  if (outcome !== undefined) {
    assertStringIncludes(await end.text(1), "the certificate of", "it is told");
  }
  return outcome;
}

for (const der of [false, true]) {
  opensslTest(`a revoked certificate is refused, the list is ${der ? "DER" : "PEM"}`, async () => {
    await using certificates = await Certificates.create();
    const [bad, good] = [await certificates.leaf({ name: "bad" }), await certificates.leaf()];
    const crlFile = await list(certificates, [bad], { der });
    const reason = await refusal(certificates, { crlFile }, bad);
    assertStringIncludes(reason!, "the certificate of node bad is revoked (serial number ");
    assertEquals(await refusal(certificates, { crlFile, crlRequired: true }, good), undefined);
  });
}

opensslTest("a dialling node refuses a revoked listener, and sends it the reason", async () => {
  await using certificates = await Certificates.create();
  const bad = await certificates.node({ name: "bad" });
  const tls = await TlsConfig.fromPaths(
    await paths(certificates, { crlFile: await list(certificates, [bad]) }),
  );
  await using server = await Server.start(network, { tls: bad });
  const error = await assertRejects(() => dial(network, server.port, { tls }), TransportError);
  assertEquals(error.code, "peerNotTrusted");
  assertStringIncludes(error.message, "the certificate of node bad is revoked");
  assertStringIncludes(await (await server.end()).text(1), "is revoked");
});

opensslTest(
  "an outdated list refuses peers of a node by default, and counts with crlRequired: false",
  async () => {
    await using certificates = await Certificates.create();
    const bad = await certificates.leaf({ name: "bad" });
    const crlFile = await list(certificates, [bad], { days: 0 });
    const files = await paths(certificates, { crlFile });
    for (const crlRequired of [undefined, true]) {
      const error = await assertRejects(
        () => TlsConfig.fromPaths({ ...files, ...(crlRequired && { crlRequired }) }),
        TlsConfigError,
      );
      assertEquals(error.code, "noRevocationList");
      assertStringIncludes(error.message, "crlRequired");
    }
    const config = await TlsConfig.fromPaths({ ...files, crlRequired: false });
    const events: TlsEvent[] = [];
    await config.subscribe((event) => events.push(event))();
    const nextUpdate = Date.UTC(2021, 0, 1);
    assertEquals(events, [{ type: "revocationListOutdated", file: crlFile, nextUpdate }]);
    const given = { crlFile, crlRequired: false };
    assertStringIncludes((await refusal(certificates, given, bad))!, "is revoked");
  },
);

opensslTest("a list that becomes outdated refuses peers of a node from then on", async () => {
  await using certificates = await Certificates.create();
  const crlFile = await list(certificates, []);
  const clock = new ManualClock({ epoch: Date.now() });
  const files = await paths(certificates, { crlFile });
  const [byDefault, opted] = [
    await TlsConfig.fromPaths({ ...files, clock }),
    await TlsConfig.fromPaths({ ...files, clock, crlRequired: false }),
  ];
  await using server = await Server.start(network, { tls: byDefault });
  const { link } = await dial(network, server.port, { tls: byDefault });
  const { identity } = link;
  assert(identity.kind === "node");
  assertEquals(byDefault.judge(identity), undefined);
  await clock.advance(31 * 86_400_000);
  assertEquals(byDefault.judge(identity)?.fault, "noRevocationList");
  assertEquals(opted.judge(identity), undefined);
  link.destroy();
});

opensslTest(
  "a list of a foreign authority, garbage and a bad deny list are errors at load",
  async () => {
    await using certificates = await Certificates.create();
    const issuer = await certificates.authority({ name: "test authority" });
    const wrong = [
      { crlFile: await list(certificates, [], { issuer }) },
      { crlFile: await certificates.file("hello") },
      { crlFile: await certificates.file("0\u0001\u0002") },
      { denyList: ["ab:cd"] },
      { denyListFile: await certificates.file("not a fingerprint") },
    ];
    for (const more of wrong) {
      const files = await paths(certificates, more);
      const error = await assertRejects(() => TlsConfig.fromPaths(files), TlsConfigError);
      assertEquals(error.code, "crlFile" in more ? "badRevocationList" : "badDenyList");
    }
  },
);

Deno.test("certificates and keys are denied by fingerprint, own ones at load", async () => {
  await using certificates = await Certificates.create();
  const peer = await certificates.leaf({ name: "bad" });
  const { fingerprint } = await TlsConfig.fromPem({ ...peer, ca: certificates.ca.cert });
  const colons = fingerprint.toUpperCase().replace(/(..)(?=.)/g, "$1:");
  const reason = await refusal(certificates, { denyList: [colons] }, peer);
  assertStringIncludes(reason!, "the certificate of node bad is on the deny list");
  const files = await paths(certificates);
  const own = (await TlsConfig.fromPaths(files)).fingerprint;
  const error = await assertRejects(
    () => TlsConfig.fromPaths({ ...files, denyList: [own] }),
    TlsConfigError,
  );
  assertEquals(error.code, "denied");
});

Deno.test("authorize sees the verified identity, and only true lets a peer in", async () => {
  await using certificates = await Certificates.create();
  const peer = await certificates.leaf({ name: "seven" });
  const answers: [() => unknown, string | undefined][] = [
    [() => true, undefined],
    [() => false, "is not authorised"],
    [() => "not on Sundays", "is not authorised: not on Sundays"],
    [() => undefined, "neither a boolean nor a text"],
    [() => Promise.resolve(true), "neither a boolean nor a text"],
    [() => {
      throw new Error("no table");
    }, "because authorize failed: no table"],
  ];
  for (const [answer, expected] of answers) {
    const seen: string[] = [];
    const authorize = (identity: { name: string }) => {
      seen.push(identity.name);
      return answer() as boolean;
    };
    const reason = await refusal(certificates, { authorize }, peer);
    if (expected === undefined) assertEquals(reason, undefined);
    else assertStringIncludes(reason!, expected);
    assertEquals(seen, ["seven"]);
  }
});

Deno.test("expiry is announced 30, 7 and 1 days before, once each", async () => {
  await using certificates = await Certificates.create();
  const day = 86_400_000;
  const clock = new ManualClock({ epoch: Date.now() });
  const config = await TlsConfig.fromPem({ ...await certificates.node(), clock });
  const left: [string, number][] = [];
  const end = config.subscribe((event) => {
    if (event.type === "certificateExpiring") left.push([event.of, event.daysLeft]);
  });
  for (let days = 0; days <= 366; days++) await clock.advance(day);
  // The certificate lives 30 days, so that a warning at 30 days would always stand; the authority
  // lives a year.
  assertEquals(left.filter(([of]) => of === "leaf"), [["leaf", 7], ["leaf", 1], ["leaf", 0]]);
  assertEquals(
    left.filter(([of]) => of === "authority").map(([, days]) => days),
    [30, 7, 1, 0],
  );
  await end();
});

Deno.test("a certificate of a short validity is no cause for a notice when it is fresh", async () => {
  const hour = 3_600_000;
  for (const [validity, first] of [["1h", 0.75], ["24h", 18], ["48h", 36]] as const) {
    const ca = await createCa({ validity });
    const clock = new ManualClock({ epoch: Date.now() });
    const { cert, key } = await issueNode(ca, { hosts: ["127.0.0.1"], validity });
    const config = await TlsConfig.fromPem({ cert, key, ca: ca.cert, clock });
    const at: number[] = [];
    const end = config.subscribe((event) => {
      if (event.type === "certificateExpiring") at.push(clock.now() / hour);
    });
    assertEquals(at, [], validity);
    await clock.advance(first * 0.95 * hour);
    assertEquals(at, [], validity);
    await clock.advance(first * 0.1 * hour);
    assertEquals(at.length, 2, `${validity}: leaf and authority`);
    await end();
  }
});
