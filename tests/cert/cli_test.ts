import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { Workspace } from "./workspace.ts";
import { opensslTest } from "../openssl.ts";

const nodeHosts = ["node-1", "localhost", "127.0.0.1", "::1"];

async function withCa(): Promise<Workspace> {
  const work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca");
  return work;
}

async function info(work: Workspace, name: string) {
  return readCertificate(await Deno.readTextFile(work.path(name)));
}

Deno.test("create-ca writes a certificate and a key in PEM, and says where", async () => {
  await using work = await Workspace.create();
  const output = await work.ok("create-ca", "--out", "@deep/ca");
  const files = await work.files("deep/ca");
  assertEquals(Object.keys(files).sort(), ["deep/ca/ca.crt", "deep/ca/ca.key"]);
  assert(files["deep/ca/ca.crt"]!.startsWith("-----BEGIN CERTIFICATE-----\n"));
  assert(files["deep/ca/ca.key"]!.startsWith("-----BEGIN PRIVATE KEY-----\n"));
  assertStringIncludes(output, `CA certificate: ${work.path("deep/ca/ca.crt")}\n`);
  assertStringIncludes(output, `CA private key: ${work.path("deep/ca/ca.key")}\n`);
  assertStringIncludes(output, "Validity: 365 days\n");
  assertStringIncludes(output, "CN: casty-ca\n");
  assertMatch(output, /Next: .*create-node/);
});

Deno.test("create-ca takes a common name and a validity", async () => {
  await using work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca", "--cn", "shop", "--validity", "730");
  const { commonName, issuer, isAuthority, notAfter } = await info(work, "ca/ca.crt");
  assertEquals([commonName, issuer, isAuthority], ["shop", "shop", true]);
  const days = (notAfter.getTime() - Date.now()) / 86_400_000;
  assert(days > 729 && days <= 730, `${days}`);
});

Deno.test("nothing is overwritten without --force", async () => {
  await using work = await withCa();
  await work.ok("create-node", "a", "--ca-dir", "@ca", "--out", "@node");
  await work.ok("create-client", "c", "--ca-dir", "@ca", "--out", "@client");
  const before = await work.files();
  for (
    const args of [
      ["create-ca", "--out", "@ca"],
      ["create-node", "a", "--ca-dir", "@ca", "--out", "@node"],
      ["create-client", "c", "--ca-dir", "@ca", "--out", "@client"],
    ]
  ) {
    const { exitCode, stdout, stderr } = await work.cert(...args);
    assertEquals([exitCode, stdout], [1, ""]);
    assertStringIncludes(stderr, "already exist");
    assertStringIncludes(stderr, "--force");
  }
  assertEquals(await work.files(), before);
});

Deno.test("one of the two files is enough to refuse, and is named", async () => {
  await using work = await withCa();
  await Deno.remove(work.path("ca/ca.crt"));
  const { exitCode, stderr } = await work.cert("create-ca", "--out", "@ca");
  assertEquals(exitCode, 1);
  assertStringIncludes(stderr, "ca.key already exist");
});

Deno.test("--force overwrites both files and leaves nothing else", async () => {
  await using work = await withCa();
  const before = await work.files("ca");
  await work.ok("create-ca", "--out", "@ca", "--force");
  const after = await work.files("ca");
  assertEquals(Object.keys(after).sort(), ["ca/ca.crt", "ca/ca.key"]);
  for (const file of Object.keys(after)) assert(before[file] !== after[file], file);
});

Deno.test({
  name: "private keys belong to their owner alone, even over an open one",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using work = await withCa();
    await Deno.chmod(work.path("ca/ca.key"), 0o666);
    await work.ok("create-ca", "--out", "@ca", "--force");
    await work.ok("create-node", "a", "--ca-dir", "@ca", "--out", "@node");
    await work.ok("create-client", "c", "--ca-dir", "@ca", "--out", "@client");
    for (const file of ["ca/ca.key", "node/node.key", "client/client.key"]) {
      assertEquals((await Deno.stat(work.path(file))).mode! & 0o777, 0o600, file);
    }
  },
});

Deno.test("create-node covers its addresses and is signed by the authority", async () => {
  await using work = await withCa();
  const args = ["create-node", ...nodeHosts, "--ca-dir", "@ca", "--out", "@node"];
  const output = await work.ok(...args);
  const node = await info(work, "node/node.crt");
  assertEquals(node.commonName, "node-1");
  assertEquals(node.issuer, (await info(work, "ca/ca.crt")).commonName);
  assertEquals(node.dnsNames, ["node-1", "localhost"]);
  assertEquals(node.ipAddresses, ["127.0.0.1", "::1"]);
  assertEquals(node.uris, ["spiffe://casty-ca/node/node-1"]);
  assertEquals([...node.purposes].sort(), ["clientAuth", "serverAuth"]);
  assertEquals(node.isAuthority, false);
  assertStringIncludes(output, `Node certificate: ${work.path("node/node.crt")}\n`);
  assertStringIncludes(output, `Node private key: ${work.path("node/node.key")}\n`);
  assertStringIncludes(output, "SANs: node-1, localhost, 127.0.0.1, ::1, spiffe://");
  assertStringIncludes(output, "Validity: 90 days\n");
  assertStringIncludes(output, `Signed by: ${work.path("ca/ca.crt")}\n`);
});

Deno.test("an address that is given twice stands in the certificate once", async () => {
  await using work = await withCa();
  const hosts = ["a", "127.0.0.1", "a", "::1", "0:0::1", "127.0.0.1"];
  await work.ok("create-node", ...hosts, "--ca-dir", "@ca", "--out", "@node");
  const { dnsNames, ipAddresses } = await info(work, "node/node.crt");
  assertEquals([dnsNames, ipAddresses], [["a"], ["127.0.0.1", "::1"]]);
});

Deno.test("addresses keep their order", async () => {
  await using work = await withCa();
  const hosts = ["127.0.0.1", "b", "::1", "a"];
  const output = await work.ok("create-node", ...hosts, "--ca-dir", "@ca", "--out", "@node");
  assertStringIncludes(output, "SANs: 127.0.0.1, b, ::1, a, spiffe://");
  const { names } = await info(work, "node/node.crt");
  assertEquals(names, [...hosts, "spiffe://casty-ca/node/127.0.0.1"]);
});

opensslTest("text of a foreign certificate does not control the terminal", async () => {
  await using work = await Workspace.create();
  const subject = ["-subj", "/CN=evil\u001b[2Jname"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await work.openssl("req", "-x509", ...key, "-keyout", "@key", "-out", "@evil.crt", ...subject);
  for (const output of [await work.ok("info", "@evil.crt"), await work.ok("list", "@.")]) {
    assertMatch(output, /CN=evil.\[2Jname/);
    assert(!output.includes("\u001b"));
  }
});

Deno.test("create-client makes a certificate that is not for servers", async () => {
  await using work = await withCa();
  const output = await work.ok("create-client", "reports", "--ca-dir", "@ca", "--out", "@client");
  const client = await info(work, "client/client.crt");
  assertEquals(client.commonName, "reports");
  assertEquals(client.purposes, ["clientAuth"]);
  assertEquals(client.uris, ["spiffe://casty-ca/client/reports"]);
  assertEquals([client.dnsNames, client.ipAddresses], [[], []]);
  assertStringIncludes(output, `Client certificate: ${work.path("client/client.crt")}\n`);
  assertStringIncludes(output, "CN: reports\n");
});

Deno.test("what the commands write loads as TLS configuration, each as its class", async () => {
  await using work = await withCa();
  for (const name of ["node-1", "node-2"]) {
    await work.ok("create-node", name, "localhost", "--ca-dir", "@ca", "--out", `@${name}`);
  }
  await work.ok("create-client", "reports", "--ca-dir", "@ca", "--out", "@client");
  const caFile = work.path("ca/ca.crt");
  const load = async (folder: string, file: string) => {
    const [certFile, keyFile] = ["crt", "key"].map((end) => work.path(`${folder}/${file}.${end}`));
    const { kind, name } = await TlsConfig.fromPaths({
      certFile: certFile!,
      keyFile: keyFile!,
      caFile,
    });
    return `${kind} ${name}`;
  };
  assertEquals(await load("node-1", "node"), "node node-1");
  assertEquals(await load("node-2", "node"), "node node-2");
  assertEquals(await load("client", "client"), "client reports");
});

Deno.test("info shows what a certificate is", async () => {
  await using work = await withCa();
  await work.ok("create-node", ...nodeHosts, "--ca-dir", "@ca", "--out", "@node");
  const ca = await work.ok("info", "@ca/ca.crt");
  assertStringIncludes(ca, `Certificate:  ${work.path("ca/ca.crt")}\n`);
  assertMatch(ca, /Subject: +CN=casty-ca\n/);
  assertMatch(ca, /CA: +yes\n/);
  assertMatch(ca, /Valid: +\d{4}-\d\d-\d\d -> \d{4}-\d\d-\d\d \(364 days remaining\)\n/);
  assertMatch(ca, /Algorithm: +ECDSA with SHA256\n/);
  assert(!ca.includes("SANs"));
  const node = await work.ok("info", "@node/node.crt");
  assertMatch(node, /CA: +no\n/);
  assertMatch(node, /Key usages: +digitalSignature\n/);
  assertMatch(ca, /Key usages: +keyCertSign, cRLSign\n/);
  assertMatch(node, /Issuer: +CN=casty-ca\n/);
  assertMatch(node, /SANs: .*DNS:node-1, .*IP:127\.0\.0\.1/);
  assertStringIncludes(node, "spiffe://casty-ca/node/node-1");
});

Deno.test("list shows every certificate of a folder, readable or not", async () => {
  await using work = await withCa();
  await work.ok("create-node", "a", "--ca-dir", "@ca", "--out", "@ca");
  await work.write("ca/broken.crt", "no certificate");
  await Deno.rename(work.path("ca/node.crt"), work.path("ca/a.pem"));
  const rows = (await work.ok("list", "@ca")).trimEnd().split("\n");
  assertEquals(rows.map((row) => row.split(" ")[0]), ["broken.crt", "ca.crt", "a.pem"]);
  assertStringIncludes(rows[0]!, "unreadable");
  assertMatch(rows[1]!, /CN=casty-ca +CA +364d remaining/);
  assertMatch(rows[2]!, /CN=a .* 89d remaining {2}SANs: a/);
});

Deno.test("a folder without certificates is not a failure", async () => {
  await using work = await Workspace.create();
  for (const folder of ["@", "@missing"]) {
    assertStringIncludes(await work.ok("list", folder), "No certificates found in");
  }
});

Deno.test("the program needs no more than to read and write, and says what it lacks", async () => {
  await using work = await Workspace.create();
  const program = new URL("../../cert.ts", import.meta.url).pathname;
  const run = async (permissions: readonly string[], ...args: readonly string[]) => {
    const all = ["run", "--quiet", "--no-prompt", ...permissions, program, ...args];
    const command = new Deno.Command(Deno.execPath(), { args: all, stdin: "null" });
    const { code, stdout, stderr } = await command.output();
    return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
  };
  const files = ["--allow-read", "--allow-write"];
  const certs = work.path("certs");
  const made = await run(files, "init", "--out", certs, "--nodes", "1", "--client", "me");
  assertEquals([made.code, made.err], [0, ""]);
  const revoked = await run(files, "revoke", `${certs}/me/client.crt`, "--ca-dir", `${certs}/ca`);
  assertEquals([revoked.code, revoked.err], [0, ""]);
  const again = await run(["--allow-read"], "create-ca", "--out", work.path("x"));
  assertEquals(again.code, 1);
  assertMatch(again.err, /^\S+ cannot be written: Requires write access [^\n]*\n$/);
  const dialled = await run(files, "doctor", `${certs}/node-1`, "--connect", "127.0.0.1:1");
  assertEquals(dialled.code, 1);
  assertMatch(dialled.out, /127\.0\.0\.1:1 cannot be reached: Requires net access/);
});

Deno.test("the program prints, and ends with the exit code of the command", async () => {
  await using work = await Workspace.create();
  const program = new URL("../../cert.ts", import.meta.url).pathname;
  const run = async (...args: string[]) => {
    const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", program, ...args] });
    const { code, stdout, stderr } = await command.output();
    return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
  };
  const made = await run("create-ca", "--out", work.path("ca"));
  assertEquals([made.code, made.err], [0, ""]);
  assertStringIncludes(made.out, "CA certificate: ");
  const again = await run("create-ca", "--out", work.path("ca"));
  assertEquals([again.code, again.out], [1, ""]);
  assertStringIncludes(again.err, "already exist");
  const wrong = await run("create-ca");
  assertEquals([wrong.code, wrong.out], [2, ""]);
  assertStringIncludes(wrong.err, "--out");
});
