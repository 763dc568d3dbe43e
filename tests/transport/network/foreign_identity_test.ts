import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CastyError } from "../../../lib/runtime/casty_error.ts";
import type { IdentityMapping } from "../../../lib/runtime/identity_mapping.ts";
import type { CertifiedIdentity, TlsMaterial } from "../../../lib/runtime/network.ts";
import { TlsConfigError } from "../../../lib/transport/base/errors.ts";
import { CertificateRefusedError } from "../../../lib/transport/tls/certificate_refused.ts";
import { TlsConfig } from "../../../lib/transport/tls/tls_config.ts";
import { TlsNetwork } from "../../../lib/transport/tls/tls_network.ts";
import { opensslTest } from "../../openssl.ts";
import { Certificates, type Wanted } from "./certificates.ts";
import { dial, Server } from "./links.ts";

const network = new TlsNetwork();
const node: Wanted = { name: "casty-1", uri: "spiffe://example.org/ns/prod/sa/casty" };
const client: Wanted = {
  name: "till",
  uri: [],
  hosts: ["till.clients.example"],
  usages: "clientAuth",
};
const identity: IdentityMapping = {
  node: "spiffe://example.org/ns/*/sa/casty",
  client: "dns:*.clients.example",
};

async function load(
  certificates: Certificates,
  wanted: Wanted,
  more: Pick<TlsMaterial, "identity" | "authorize">,
): Promise<TlsConfig> {
  return await TlsConfig.fromPem({ ...await certificates.node(wanted), ...more });
}

opensslTest(
  "certificates of another PKI connect with the option identity, never without",
  async () => {
    await using certificates = await Certificates.create();
    const seen: (CertifiedIdentity)[] = [];
    const authorize = (peer: CertifiedIdentity) => seen.push(peer) > 0;
    const tls = await load(certificates, node, { identity, authorize });
    assertEquals([tls.kind, tls.name, tls.uri, tls.trustDomain], [
      "node",
      "ns/prod/sa/casty",
      node.uri,
      "example.org",
    ]);
    await using server = await Server.start(network, { tls });
    const other = await dial(network, server.port, { tls });
    const till = await load(certificates, client, { identity });
    const end = await dial(network, server.port, { tls: till });
    await Promise.all([server.end(0), server.end(1)]);
    assertEquals(
      seen.filter(({ kind }) => kind === "client").map(({ kind, name, uri, trustDomain }) => {
        return { kind, name, uri, trustDomain };
      }),
      [{ kind: "client", name: "till.clients.example", uri: undefined, trustDomain: undefined }],
    );
    other.link.destroy();
    end.link.destroy();
    for (const wanted of [node, client]) {
      const error = await assertRejects(() => load(certificates, wanted, {}), TlsConfigError);
      assertEquals(error.code, "noIdentity");
      assertStringIncludes(error.message, "spiffe://<domain>/node/<name>");
      assertStringIncludes(error.message, "option identity of TlsConfig");
      assertStringIncludes(
        error.message,
        String(wanted.uri).length > 0 ? String(wanted.uri) : "till",
      );
    }
  },
);

opensslTest(
  "a certificate that patterns make both node and client is refused at both ends",
  async () => {
    await using certificates = await Certificates.create();
    const both: Wanted = { ...node, hosts: ["localhost", "127.0.0.1", "a.clients.example"] };
    const error = await assertRejects(() => load(certificates, both, { identity }), TlsConfigError);
    assertEquals(error.code, "noIdentity");
    assertStringIncludes(error.message, "is both a node");
    await using server = await Server.start(network, {
      tls: await load(certificates, node, { identity }),
    });
    // An end that takes itself for a node is refused by the one that knows better.
    const mistaken = await load(certificates, both, {
      identity: { node: "spiffe://example.org/ns/*/sa/casty" },
    });
    const { link } = await dial(network, server.port, { tls: mistaken });
    assertStringIncludes(await server.refusal(), "is both a node");
    link.destroy();
  },
);

opensslTest(
  "a function over the names maps certificates, and bad patterns are load errors",
  async () => {
    await using certificates = await Certificates.create();
    const byName: IdentityMapping = ({ commonNames: [name] }) =>
      name === "casty-1" ? { role: "node", name } : `${name} is nobody here`;
    const tls = await load(certificates, node, { identity: byName });
    assertEquals([tls.kind, tls.name], ["node", "casty-1"]);
    await using server = await Server.start(network, { tls });
    const { link } = await dial(network, server.port, { tls });
    await server.end(0);
    link.destroy();
    const error = await assertRejects(() => load(certificates, client, { identity: byName }));
    assertStringIncludes((error as Error).message, "till is nobody here");
    const bad = await assertRejects(
      () => load(certificates, node, { identity: { node: "spiffe://*/ns" } }),
      CastyError,
    );
    assertEquals(bad.code, "badOption");
  },
);

Deno.test("a peer of another trust domain is refused by both ends, unless patterns name it", async () => {
  await using certificates = await Certificates.create();
  const of = (domain: string, more: Pick<TlsMaterial, "identity"> = {}) =>
    load(certificates, { name: domain, uri: `spiffe://${domain}/node/${domain}` }, more);
  const [prod, staging] = [await of("prod"), await of("staging")];
  await using server = await Server.start(network, { tls: prod });
  const error = await assertRejects(
    () => dial(network, server.port, { tls: staging }),
    CertificateRefusedError,
  );
  assertEquals(error.fault, "trustDomain");
  assertStringIncludes(
    error.message,
    "the trust domain prod, and only peers of the trust domain staging are accepted",
  );
  await server.changes.until(() => server.refusals.length > 0 || server.ends.length > 0);
  const open = { identity: { node: ["spiffe://prod/node/*", "spiffe://staging/node/*"] } };
  // The listener decides by itself too: this dialling end would accept it.
  const { link } = await dial(network, server.port, { tls: await of("staging", open) });
  await server.changes.until(() =>
    server.refusals.some(({ reason }) => reason.includes("trust domain staging"))
  );
  link.destroy();
  await using federated = await Server.start(network, { tls: await of("prod", open) });
  const end = await dial(network, federated.port, { tls: await of("staging", open) });
  const { identity } = (await federated.end(0)).link;
  assertEquals(identity.kind !== "plain" && identity.trustDomain, "staging");
  end.link.destroy();
});
