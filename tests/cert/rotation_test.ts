import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CertError } from "../../lib/cert/errors.ts";
import { readBundle } from "../../lib/cert/authority/pem_bundle.ts";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import { beginRotation, finishRotation, signRotation } from "../../lib/cert/rotation/rotation.ts";
import { rotationStatus } from "../../lib/cert/rotation/rotation_state.ts";
import { initWorkspace } from "../../lib/cert/authority/workspace_init.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { TlsNetwork } from "../../lib/transport/tls/tls_network.ts";
import { TransportError } from "../../lib/transport/base/errors.ts";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";

async function set(): Promise<Workspace> {
  const work = await Workspace.create();
  await initWorkspace(work.path("certs"), { nodes: 2, clients: ["me"] });
  return work;
}

async function code(action: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => action, CertError)).code;
}

async function material(work: Workspace, folder = "node-1", kind = "node") {
  const read = (name: string) => Deno.readTextFile(work.path(`certs/${folder}/${name}`));
  return {
    cert: await read(`${kind}.crt`),
    key: await read(`${kind}.key`),
    ca: await read("ca.crt"),
  };
}

/** Whether a real mutual TLS handshake between two nodes succeeds on both sides. */
async function connects(
  server: { cert: string; key: string; ca: string },
  dialler: { cert: string; key: string; ca: string },
): Promise<boolean> {
  const network = new TlsNetwork();
  const { promise: received, resolve: receive } = Promise.withResolvers<boolean>();
  const listener = await network.listen({
    host: "127.0.0.1",
    port: 0,
    tls: server,
    handshakeTimeout: 5_000,
    maxPendingHandshakes: 10,
    onLink: (link) => {
      link.destroy();
      receive(true);
    },
    onRefused: () => receive(false),
  });
  try {
    const link = await network.dial({
      host: "127.0.0.1",
      port: listener.port,
      serverName: "127.0.0.1",
      timeout: 5_000,
      tls: dialler,
    });
    // With TLS 1.3 this side is done before the other has looked at its certificate.
    const admitted = await received;
    link.destroy();
    return admitted;
  } catch (error) {
    assert(error instanceof TransportError, String(error));
    await received;
    return false;
  } finally {
    await listener.close();
  }
}

Deno.test("begin adds the next authority to each bundle, and changes nothing else", async () => {
  await using work = await set();
  const before = await work.files("certs");
  const { phase, written } = await beginRotation(work.path("certs"));
  assertEquals(phase, "begun");
  assertEquals(written.map((file) => file.slice(work.path("certs/").length)).sort(), [
    "ca/ca.crt",
    "ca/next/ca.crt",
    "ca/next/ca.key",
    "me/ca.crt",
    "node-1/ca.crt",
    "node-2/ca.crt",
  ]);
  const after = await work.files("certs");
  const changed = Object.keys(before).filter((file) => before[file] !== after[file]);
  assertEquals(changed.sort(), [
    "certs/ca/ca.crt",
    "certs/me/ca.crt",
    "certs/node-1/ca.crt",
    "certs/node-2/ca.crt",
  ]);
  for (const file of changed) assertEquals((await readBundle(after[file]!)).length, 2, file);
  const status = await rotationStatus(work.path("certs"));
  assertEquals(status.phase, "begun");
  for (const { issuedBy, trusts } of status.leaves) {
    assertEquals([issuedBy, trusts], ["current", ["current", "next"]]);
  }
});

Deno.test("sign issues all certificates anew for the same names, with new keys", async () => {
  await using work = await set();
  const before = await work.files("certs");
  await beginRotation(work.path("certs"));
  const { phase, skipped } = await signRotation(work.path("certs"));
  assertEquals([phase, skipped], ["signed", []]);
  const after = await work.files("certs");
  for (const name of ["node-1/node", "node-2/node", "me/client"]) {
    assert(before[`certs/${name}.key`] !== after[`certs/${name}.key`], name);
    const [old, renewed] = await Promise.all(
      [before, after].map((files) => readCertificate(files[`certs/${name}.crt`]!)),
    );
    assertEquals(renewed!.names, old!.names);
    assertEquals(renewed!.commonName, old!.commonName);
    assertEquals(renewed!.purposes, old!.purposes);
    const drift = renewed!.notAfter.getTime() - old!.notAfter.getTime();
    assert(Math.abs(drift) < 86_400_000, `${drift}`);
  }
  const status = await rotationStatus(work.path("certs"));
  assertEquals(status.phase, "signed");
  for (const { issuedBy, trusts } of status.leaves) {
    assertEquals([issuedBy, trusts], ["current", ["current", "previous"]]);
  }
  // What is issued from now on comes from the new authority.
  await initWorkspace(work.path("certs"), { nodes: 3, clients: ["me"] });
  const later = await rotationStatus(work.path("certs"));
  assert(later.leaves.every(({ issuedBy }) => issuedBy === "current"));
});

Deno.test("finish leaves one authority, and one key of one", async () => {
  await using work = await set();
  const root = work.path("certs");
  const old = (await rotationStatus(root)).current;
  await beginRotation(root);
  const { other: next } = await rotationStatus(root);
  await signRotation(root);
  assertEquals((await finishRotation(root)).phase, "idle");
  const status = await rotationStatus(root);
  assertEquals([status.phase, status.current, status.other], ["idle", next, undefined]);
  assert(status.current !== old);
  const files = await work.files("certs");
  const authorityFiles = Object.keys(files).filter((file) => /(^|\/)ca(\/|$|\.)/.test(file));
  assertEquals(authorityFiles.sort(), [
    "certs/ca",
    "certs/ca/ca.crt",
    "certs/ca/ca.key",
    "certs/me/ca.crt",
    "certs/node-1/ca.crt",
    "certs/node-2/ca.crt",
  ]);
  for (const folder of ["ca", "me", "node-1", "node-2"]) {
    const [only, ...more] = await readBundle(files[`certs/${folder}/ca.crt`]!);
    assertEquals([only!.fingerprint, more.length], [status.current, 0]);
  }
});

Deno.test("every phase can be repeated and changes nothing the second time", async () => {
  await using work = await set();
  const root = work.path("certs");
  for (const phase of [beginRotation, signRotation, finishRotation]) {
    await phase(root);
    const files = await work.files();
    const again = await phase(root);
    assertEquals(again.written, []);
    assertEquals(await work.files(), files);
  }
});

Deno.test("phases out of order are refused, and nothing is written", async () => {
  await using work = await set();
  const root = work.path("certs");
  const refused = async (action: (root: string) => Promise<unknown>) => {
    const files = await work.files();
    assertEquals(await code(action(root)), "outOfOrder");
    assertEquals(await work.files(), files);
  };
  await refused(signRotation);
  await beginRotation(root);
  await refused(finishRotation);
  await signRotation(root);
  await refused(beginRotation);
});

Deno.test("sign waits until every bundle of the workspace trusts the next authority", async () => {
  await using work = await set();
  const root = work.path("certs");
  const old = await Deno.readTextFile(work.path("certs/node-2/ca.crt"));
  await beginRotation(root);
  await Deno.writeTextFile(work.path("certs/node-2/ca.crt"), old);
  const error = await assertRejects(() => signRotation(root), CertError);
  assertEquals(error.code, "outOfOrder");
  assertStringIncludes(error.message, "node-2/ca.crt");
  // Beginning again completes it.
  assertEquals((await beginRotation(root)).written, [`${root}/node-2/ca.crt`]);
  assertEquals((await signRotation(root)).phase, "signed");
});

Deno.test("a certificate that came back is found before the old authority goes", async () => {
  await using work = await set();
  const root = work.path("certs");
  const { cert, key } = await material(work);
  await beginRotation(root);
  await signRotation(root);
  await Deno.writeTextFile(work.path("certs/node-1/node.crt"), cert);
  await Deno.writeTextFile(work.path("certs/node-1/node.key"), key);
  const error = await assertRejects(() => finishRotation(root), CertError);
  assertStringIncludes(error.message, "node-1/node.crt");
  await signRotation(root);
  await finishRotation(root);
});

Deno.test("another cluster's authority in a bundle stays, and its certificates are left alone", async () => {
  await using work = await set();
  const root = work.path("certs");
  await initWorkspace(work.path("other"), { nodes: 1, clients: [] });
  const foreign = await Deno.readTextFile(work.path("other/ca/ca.crt"));
  await Deno.writeTextFile(work.path("certs/me/ca.crt"), foreign, { append: true });
  await Deno.copyFile(work.path("other/node-1/node.crt"), work.path("certs/node-2/node.crt"));
  await beginRotation(root);
  const { skipped } = await signRotation(root);
  assertEquals(skipped.map(({ file }) => file), [`${root}/node-2/node.crt`]);
  await finishRotation(root);
  const kept = await readBundle(await Deno.readTextFile(work.path("certs/me/ca.crt")));
  const [stranger] = await readBundle(foreign);
  assertEquals(kept.length, 2);
  assert(kept.some(({ fingerprint }) => fingerprint === stranger!.fingerprint));
});

Deno.test("a run that was cut off is completed by the next one", async () => {
  await using work = await set();
  const root = work.path("certs");
  // Between the two files of the next authority.
  await Deno.mkdir(work.path("certs/ca/next"));
  await work.write("certs/ca/next/ca.key", "half");
  assertEquals((await rotationStatus(root)).phase, "idle");
  await beginRotation(root);
  const nextKey = await Deno.readTextFile(work.path("certs/ca/next/ca.key"));
  const nextCert = await Deno.readTextFile(work.path("certs/ca/next/ca.crt"));
  const oldKey = await Deno.readTextFile(work.path("certs/ca/ca.key"));
  const oldCert = (await readBundle(await Deno.readTextFile(work.path("certs/ca/ca.crt"))))[0]!.pem;
  // After the old pair was saved and the key replaced, before the certificate was.
  await Deno.mkdir(work.path("certs/ca/previous"));
  await work.write("certs/ca/previous/ca.crt", oldCert);
  await work.write("certs/ca/previous/ca.key", oldKey);
  await work.write("certs/ca/ca.key", nextKey);
  assertEquals((await rotationStatus(root)).phase, "begun");
  await signRotation(root);
  assertEquals(await Deno.readTextFile(work.path("certs/ca/previous/ca.key")), oldKey);
  // Before the copy of the promoted authority was removed.
  await Deno.mkdir(work.path("certs/ca/next"));
  await work.write("certs/ca/next/ca.crt", nextCert);
  await work.write("certs/ca/next/ca.key", nextKey);
  assertEquals((await rotationStatus(root)).phase, "signed");
  await finishRotation(root);
  assertEquals((await rotationStatus(root)).phase, "idle");
  assertEquals(Object.keys(await work.files("certs/ca")).sort(), [
    "certs/ca/ca.crt",
    "certs/ca/ca.key",
  ]);
});

Deno.test("the old authority's key may be kept elsewhere", async () => {
  await using work = await set();
  const root = work.path("certs");
  await Deno.remove(work.path("certs/ca/ca.key"));
  for (const [phase, name] of [[beginRotation, "begun"], [signRotation, "signed"]] as const) {
    assertEquals((await phase(root)).phase, name);
    assertEquals((await rotationStatus(root)).phase, name);
  }
  await finishRotation(root);
  assertEquals((await rotationStatus(root)).phase, "idle");
});

Deno.test("the layout of create-ca, whose authority stands at the root, rotates as well", async () => {
  await using work = await Workspace.create();
  await work.ok("create-ca", "--out", "@certs");
  await work.ok("create-node", "localhost", "--ca-dir", "@certs", "--out", "@certs/node-1");
  const root = work.path("certs");
  for (const phase of [beginRotation, signRotation, finishRotation]) await phase(root);
  await TlsConfig.fromPaths({
    certFile: work.path("certs/node-1/node.crt"),
    keyFile: work.path("certs/node-1/node.key"),
    caFile: work.path("certs/ca.crt"),
  });
});

Deno.test("at every phase a node accepts each that is at most one phase behind or ahead", async () => {
  await using work = await set();
  const root = work.path("certs");
  const before = await material(work);
  await beginRotation(root);
  const begun = await material(work);
  await signRotation(root);
  const signed = await material(work);
  await finishRotation(root);
  const done = await material(work);
  const phases = [before, begun, signed, done];
  for (const [index, one] of phases.entries()) {
    await TlsConfig.fromPem(one);
    for (const [at, other] of phases.entries()) {
      const near = Math.abs(index - at) <= 1;
      if (near) assert(await connects(one, other), `phase ${index} refuses ${at}`);
    }
  }
  // And that is what the phases are for: two apart refuse each other, an old leaf is refused.
  assertEquals(await connects(done, begun), false);
  assertEquals(await connects(begun, done), false);
  assertEquals(await connects(before, signed), false);
  const late = () => TlsConfig.fromPem({ ...begun, ca: done.ca });
  await assertRejects(late, Error, "does not chain");
});

opensslTest("a revoked certificate is not made good again by a rotation", async () => {
  await using work = await set();
  const root = work.path("certs");
  await work.write("index.txt", "");
  const paths = `database=${work.path("index.txt")}\ncrlnumber=${work.path("number")}\n`;
  await work.write("number", "01");
  const defaults = "default_md=sha256\ndefault_crl_days=30\n";
  await work.write("ca.cnf", `[ca]\ndefault_ca=d\n[d]\n${paths}${defaults}`);
  const pair = ["-keyfile", "@certs/ca/ca.key", "-cert", "@certs/ca/ca.crt"];
  for (
    const action of [["-revoke", "@certs/me/client.crt"], ["-gencrl", "-out", "@certs/ca/ca.crl"]]
  ) {
    const { success, text } = await work.openssl("ca", "-config", "@ca.cnf", ...pair, ...action);
    assert(success, text);
  }
  const before = await material(work, "me", "client");
  await beginRotation(root);
  const { skipped } = await signRotation(root);
  assertEquals(skipped.map(({ file }) => file), [`${root}/me/client.crt`]);
  assertStringIncludes(skipped[0]!.why, "revoked");
  assertEquals((await material(work, "me", "client")).cert, before.cert);
  assertEquals((await finishRotation(root)).phase, "idle");
  await assertRejects(async () => TlsConfig.fromPem(await material(work, "me", "client")));
});

opensslTest("openssl agrees about what is accepted at which phase", async () => {
  await using work = await set();
  const root = work.path("certs");
  await work.write("old.crt", (await material(work)).cert);
  const verifies = async (leaf: string, bundle: string) =>
    (await work.openssl("verify", "-x509_strict", "-CAfile", `@${bundle}`, `@${leaf}`)).success;
  await beginRotation(root);
  await Deno.copyFile(work.path("certs/node-2/ca.crt"), work.path("begun.crt"));
  assert(await verifies("certs/node-1/node.crt", "begun.crt"));
  await signRotation(root);
  for (const bundle of ["begun.crt", "certs/node-2/ca.crt", "certs/me/ca.crt"]) {
    assert(await verifies("old.crt", bundle), bundle);
    assert(await verifies("certs/node-1/node.crt", bundle), bundle);
    assert(await verifies("certs/me/client.crt", bundle), bundle);
  }
  await finishRotation(root);
  assert(await verifies("certs/node-1/node.crt", "certs/node-2/ca.crt"));
  assertEquals(await verifies("old.crt", "certs/node-2/ca.crt"), false);
});
