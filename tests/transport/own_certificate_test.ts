import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { issueClient, issueNode } from "../../lib/cert/authority/authority.ts";
import type { Network, TlsMaterial } from "../../lib/runtime/network.ts";
import type { TransportError } from "../../lib/transport/base/errors.ts";
import { Endpoint, type EndpointOptions } from "../../lib/transport/endpoint/endpoint.ts";
import { systemRuntime } from "../../lib/transport/system_runtime.ts";
import { Certificates, longAgo } from "./network/certificates.ts";
import { opensslTest } from "../openssl.ts";

/** A network that opens no port, and says so. */
const noNetwork: Network = {
  listen: () => Promise.reject(new Error("a port is opened")),
  dial: () => Promise.reject(new Error("a port is dialled")),
};

async function start(tls: TlsMaterial, options: Partial<EndpointOptions>): Promise<Error> {
  return await assertRejects(() =>
    Endpoint.start({
      runtime: systemRuntime({ network: noNetwork }),
      systemName: "shop",
      role: "node",
      nodeId: "",
      incarnation: 1,
      port: 0,
      tls,
      onMessage: () => {},
      onDropped: () => {},
      ...options,
    })
  ) as Error;
}

async function nodeFor(...hosts: string[]): Promise<TlsMaterial> {
  await using certificates = await Certificates.create();
  return { ...await issueNode(certificates.ca, { hosts }), ca: certificates.ca.cert };
}

Deno.test("a node whose certificate does not cover its host fails before it opens a port", async () => {
  const tls = await nodeFor("db-1", "10.0.0.1", "*.pods.example");
  for (
    const [options, host] of [
      [{ host: "db-9" }, "db-9"],
      [{ host: "127.0.0.1" }, "127.0.0.1"],
      [{ host: "0.0.0.0" }, "0.0.0.0"],
      [{ host: "db-1", advertisedHost: "db.example" }, "db.example"],
      [{ host: "a.b.pods.example" }, "a.b.pods.example"],
    ] as const
  ) {
    const error = await start(tls, options);
    assertEquals([(error as TransportError).code, (error as TransportError).value], [
      "ownHostNotCovered",
      host,
    ]);
    assertStringIncludes(error.message, `its host ${host} but db-1, 10.0.0.1, *.pods.example`);
    assertStringIncludes(error.message, `cert.ts create-node ${host}`);
    assertStringIncludes(error.message, "advertisedHost");
  }
});

Deno.test("a node whose certificate covers its host goes on to open a port", async () => {
  const tls = await nodeFor("db-1", "2001:db8::1", "*.pods.example");
  for (
    const options of [
      { host: "DB-1." },
      { host: "2001:DB8:0::1" },
      { host: "a.pods.example" },
      { host: "0.0.0.0", advertisedHost: "db-1" },
      { host: "db-1", bindHost: "0.0.0.0" },
    ]
  ) assertEquals((await start(tls, options)).message, "a port is opened", JSON.stringify(options));
});

Deno.test("the two spellings of an internationalised host are one", async () => {
  const tls = await nodeFor("bücher.example");
  for (const host of ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"]) {
    assertEquals((await start(tls, { host })).message, "a port is opened", host);
  }
  const error = await start(tls, { host: "büro.example" });
  assertStringIncludes(error.message, "its host büro.example (xn--bro-hoa.example)");
  assertStringIncludes(error.message, "but xn--bcher-kva.example");
});

Deno.test("a node with the certificate of a client fails before it opens a port", async () => {
  await using certificates = await Certificates.create();
  const pair = await issueClient(certificates.ca, { name: "till" });
  const error = await start({ ...pair, ca: certificates.ca.cert }, { host: "127.0.0.1" });
  assertEquals((error as TransportError).code, "notNodeCertificate");
  assertStringIncludes(error.message, "that of client till, and a node needs one for nodes");
  assertStringIncludes(error.message, "cert.ts create-node");
});

opensslTest(
  "a node whose own authorities do not vouch for it is told which do not, before it opens a port",
  async () => {
    await using certificates = await Certificates.create();
    await using other = await Certificates.create();
    const pair = await issueNode(certificates.ca, { hosts: ["db-1"] });
    const foreign = await other.authority({ name: "another authority" });
    const error = await start({ ...pair, ca: foreign.cert }, { host: "db-1" });
    assertEquals((error as TransportError).code, "badTlsMaterial");
    assertStringIncludes(
      error.message,
      "this node's own certificate (node db-1) does not chain to",
    );
    assertStringIncludes(
      error.message,
      "(test authority) is not among those that are trusted (another",
    );
  },
);

opensslTest("a node whose own certificate is over is told so before it opens a port", async () => {
  await using certificates = await Certificates.create();
  const tls = { ...await certificates.leaf({ validity: longAgo }), ca: certificates.ca.cert };
  const error = await start(tls, { host: "127.0.0.1" });
  assertEquals((error as TransportError).code, "badTlsMaterial");
  assertStringIncludes(error.message, "node-1) expired on 2021-01-01");
});
