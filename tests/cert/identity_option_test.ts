import { assertEquals, assertStringIncludes } from "@std/assert";
import { createCa } from "../../lib/cert/authority/authority.ts";
import { diagnose } from "../../lib/cert/doctor/doctor.ts";
import { opensslTest } from "../openssl.ts";
import { makeShapes } from "./foreign_pki_shapes.ts";
import { Workspace } from "./workspace.ts";

const nodeOption = ["--identity", "node=spiffe://example.org/ns/*/sa/casty"];

/** Two folders with certificates of a foreign PKI: a node and a client. */
async function foreignSet(): Promise<Workspace> {
  const work = await Workspace.create();
  const usages = "serverAuth,clientAuth";
  await makeShapes(work.dir, {
    ca: "ca.crt",
    authority: { subject: "/CN=foreign", key: "-newkey ec -pkeyopt ec_paramgen_curve:P-256" },
    certificates: [{
      cert: "a/tls.crt",
      key: "a/tls.key",
      subject: "/CN=a",
      names: "URI:spiffe://example.org/ns/prod/sa/casty,DNS:a",
      usages,
    }, {
      cert: "b/tls.crt",
      key: "b/tls.key",
      subject: "/CN=till/O=apps",
      names: "DNS:till.clients.example",
      usages: "clientAuth",
    }],
  });
  return work;
}

opensslTest("verify refuses a foreign certificate, and accepts it with --identity", async () => {
  await using work = await foreignSet();
  const args = ["verify", "@a/tls.crt", "--ca", "@ca.crt", "--usage", "node"];
  const { exitCode, stdout } = await work.cert(...args);
  assertEquals(exitCode, 1);
  assertStringIncludes(stdout, "spiffe://<domain>/node/<name>");
  assertStringIncludes(stdout, "it has URI spiffe://example.org/ns/prod/sa/casty, DNS a, CN=a");
  assertStringIncludes(await work.ok(...args, ...nodeOption), "is valid");
  const client = await work.cert(...args, "--identity", "client=subject:CN=a");
  assertEquals(client.exitCode, 1);
  assertStringIncludes(client.stdout, "is that of the client a, not of a node");
});

opensslTest("the doctor takes foreign certificates for what --identity says", async () => {
  await using work = await foreignSet();
  const plain = await work.cert("doctor", "@a", "@b", "--own-host", "a");
  assertEquals(plain.exitCode, 1);
  assertStringIncludes(plain.stdout, "option identity of TlsConfig");
  assertEquals(plain.stdout.includes("create-client"), false, plain.stdout);
  const identity = [...nodeOption, "--identity", "client=dns:*.clients.example"];
  const text = await work.ok("doctor", "@a", "@b", "--own-host", "a", ...identity);
  assertStringIncludes(text, "node ns/prod/sa/casty");
  assertStringIncludes(text, "client till.clients.example");
  assertStringIncludes(text, "They accept each other");
});

Deno.test("the doctor finds peers of different trust domains below one authority", async () => {
  await using work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca", "--cluster", "prod");
  await work.ok("create-node", "a", "--ca-dir", "@ca", "--out", "@ca/a");
  await work.ok("create-node", "b", "--ca-dir", "@ca", "--out", "@ca/b", "--cluster", "staging");
  const { exitCode, stdout } = await work.cert("doctor", "@ca/a", "@ca/b");
  assertEquals(exitCode, 1);
  assertStringIncludes(stdout, "different trust domains: A of prod, B of staging");
  assertStringIncludes(stdout, "--cluster prod");
  // Of another authority as well: to trust that one would not help.
  await work.ok("init", "--out", "@other", "--cluster", "staging", "--nodes", "1");
  const report = await diagnose(work.path("ca/a"), work.path("other/node-1"));
  assertEquals(report.findings.map(({ code, otherRemedy }) => [code, otherRemedy?.slice(0, 4)]), [
    ["untrusted", undefined],
    ["untrusted", undefined],
    ["trustDomain", "name"],
  ]);
});

Deno.test("--identity is checked as the option of TlsConfig is", async () => {
  await using work = await Workspace.create();
  await work.write("ca.crt", (await createCa()).cert);
  const args = ["verify", "@ca.crt", "--ca", "@ca.crt", "--identity"];
  for (
    const [option, why] of [
      ["spiffe://a/b", "is none of node=PATTERN, client=PATTERN and admin=PATTERN"],
      ["node=spiffe://*/b", "the trust domain or host must be written in full"],
      ["node=abc", "has no known prefix"],
    ] as const
  ) {
    const { exitCode, stderr } = await work.cert(...args, option);
    assertEquals(exitCode, 2, stderr);
    assertStringIncludes(stderr, why);
  }
});
