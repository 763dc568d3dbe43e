import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";

const node = ["verify", "@node/node.crt", "--ca", "@ca/ca.crt"];
const client = ["verify", "@client/client.crt", "--ca", "@ca/ca.crt"];

async function filled(): Promise<Workspace> {
  const work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca");
  await work.ok("create-ca", "--out", "@other");
  const toCa = ["--ca-dir", "@ca", "--out"];
  await work.ok("create-node", "node-1", "10.0.0.1", ...toCa, "@node");
  await work.ok("create-client", "shop", ...toCa, "@client");
  return work;
}

/** Which rules are broken. */
async function broken(work: Workspace, ...args: readonly string[]): Promise<string[]> {
  const before = await work.files();
  const { exitCode, stdout, stderr } = await work.cert(...args, "--json");
  assertEquals(stderr, "");
  const { ok, failures } = JSON.parse(stdout);
  assertEquals(exitCode, ok ? 0 : 1);
  assertEquals(await work.files(), before);
  return failures.map(({ rule }: { rule: string }) => rule);
}

Deno.test("verify says rule by rule that a certificate is good, and until when", async () => {
  await using work = await filled();
  const text = await work.ok(...node, "--host", "10.0.0.1", "--key", "@node/node.key");
  for (const rule of ["chain", "validity", "algorithm", "identity", "usage", "host", "key"]) {
    assertMatch(text, new RegExp(`^${rule} +ok$`, "m"));
  }
  assertStringIncludes(text, "revocation  not checked: there is no list\n");
  assertMatch(text, /node\.crt is valid until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.\n$/);
  const json = await work.json(...client, "--usage", "client");
  assertEquals([json.ok, json.failures], [true, []]);
  assertEquals(json.checked, ["chain", "validity", "algorithm", "identity", "usage"]);
  assertEquals(json.certificate.commonName, "shop");
  work.stdin = await Deno.readTextFile(work.path("node/node.crt"));
  await work.ok("verify", "-", "--ca", "@ca/ca.crt");
});

Deno.test("verify names each rule that is broken, and ends with 1", async () => {
  await using work = await filled();
  assertEquals(await broken(work, "verify", "@node/node.crt", "--ca", "@other/ca.crt"), ["chain"]);
  assertEquals(await broken(work, ...node, "--host", "node-2"), ["host"]);
  assertEquals(await broken(work, ...node, "--usage", "client"), ["identity"]);
  assertEquals(await broken(work, ...client, "--usage", "node"), ["identity", "usage", "host"]);
  assertEquals(await broken(work, ...node, "--key", "@client/client.key"), ["key"]);
  const authority = ["verify", "@ca/ca.crt", "--ca", "@ca/ca.crt"];
  assertEquals((await broken(work, ...authority)).includes("usage"), true);
  const { exitCode, stdout } = await work.cert(...node, "--host", "node-2", "--usage", "client");
  assertEquals(exitCode, 1);
  assertMatch(stdout, /^identity +FAILED: it is that of the node node-1, not of a client$/m);
  assertMatch(stdout, /^host +FAILED: it does not cover the host node-2 but node-1, 10\.0\.0\.1$/m);
  assertMatch(stdout, /is not valid\.\n$/);
});

Deno.test("the authority's list is found by itself, or named", async () => {
  await using work = await filled();
  await work.ok("revoke", "@client/client.crt", "--ca-dir", "@ca");
  assertEquals(await broken(work, ...client), ["revocation"]);
  assertEquals(await broken(work, ...node), []);
  await Deno.rename(work.path("ca/ca.crl"), work.path("elsewhere.pem"));
  assertEquals(await broken(work, ...client), []);
  assertEquals(await broken(work, ...client, "--crl", "@elsewhere.pem"), ["revocation"]);
  await Deno.rename(work.path("elsewhere.pem"), work.path("ca/crl.pem"));
  assertEquals(await broken(work, ...client), ["revocation"]);
  // A list of another authority says nothing about this certificate.
  await work.ok("revoke", "--serial", "7", "--ca-dir", "@other");
  assertEquals(await broken(work, ...node, "--crl", "@other/ca.crl"), ["revocation"]);
});

opensslTest("verify and openssl agree", async () => {
  await using work = await filled();
  await work.ok("revoke", "@client/client.crt", "--ca-dir", "@ca");
  const agree = async (file: string, ca: string, ours: string[], ...theirs: string[]) => {
    const good = (await broken(work, "verify", file, "--ca", ca, ...ours)).length === 0;
    const { success, text } = await work.openssl("verify", "-CAfile", ca, ...theirs, file);
    assertEquals(good, success, `${file} ${ca} ${ours}: ${text}`);
    return good;
  };
  const crl = ["-crl_check", "-CRLfile", "@ca/ca.crl"];
  assert(await agree("@node/node.crt", "@ca/ca.crt", [], ...crl));
  assert(!await agree("@node/node.crt", "@other/ca.crt", ["--crl", "@ca/ca.crl"], ...crl));
  assert(!await agree("@client/client.crt", "@ca/ca.crt", [], ...crl));
  const name = (host: string) => [["--host", host], "-verify_hostname", host] as const;
  const [ours, ...theirs] = name("node-1");
  assert(await agree("@node/node.crt", "@ca/ca.crt", [...ours], ...theirs));
  const [wrong, ...theirWrong] = name("node-2");
  assert(!await agree("@node/node.crt", "@ca/ca.crt", [...wrong], ...theirWrong));
});

Deno.test("what cannot be verified is said in one line that names the file", async () => {
  await using work = await filled();
  await work.write("garbage", "garbage\n");
  work.env["SECRET"] = "s3cret";
  await work.ok("create-ca", "--out", "@locked", "--passphrase-env", "SECRET");
  const ca = ["--ca", "@ca/ca.crt"];
  await work.refuses(/certificate not found: .*none\.crt/, "verify", "@none.crt", ...ca);
  await work.refuses(/garbage: there is no readable PEM block/, "verify", "@garbage", ...ca);
  await work.refuses(/CA file not found: .*none/, "verify", "@node/node.crt", "--ca", "@none");
  await work.refuses(/garbage: .*"CERTIFICATE"/, "verify", "@node/node.crt", "--ca", "@garbage");
  await work.refuses(/revocation list not found: .*none/, ...node, "--crl", "@none");
  await work.refuses(/garbage: .*"X509 CRL"/, ...node, "--crl", "@garbage");
  await work.refuses(/key not found: .*none/, ...node, "--key", "@none");
  await work.refuses(/garbage: .*"PRIVATE KEY"/, ...node, "--key", "@garbage");
  await work.refuses(/ca\.key: the key has a passphrase/, ...node, "--key", "@locked/ca.key");
  work.env["SECRET"] = "wrong";
  const wrong = ["--key", "@locked/ca.key", "--passphrase-env", "SECRET"];
  await work.refuses(/ca\.key: the passphrase does not open the key/, ...node, ...wrong);
  await work.refuses(/"a b"/, ...node, "--host", "a b");
});

Deno.test("wrong use of verify is answered with its usage", async () => {
  await using work = await filled();
  await work.misused(/--ca is missing/, "verify", "@node/node.crt");
  await work.misused(/expected one file, got 0/, "verify", "--ca", "@ca/ca.crt");
  await work.misused(
    /--usage server is none of node, client and admin/,
    ...node,
    "--usage",
    "server",
  );
  await work.misused(/unknown option: --host-name/, ...node, "--host-name", "a");
});
