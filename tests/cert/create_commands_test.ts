import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";

const toCa = ["--ca-dir", "@ca"];
const hour = 3_600_000;

async function withCa(...options: readonly string[]): Promise<Workspace> {
  const work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca", ...options);
  return work;
}

Deno.test("each create command prints for programs what it has written", async () => {
  await using work = await Workspace.create();
  const ca = await work.json("create-ca", "--out", "@ca", "--cn", "shop-ca");
  assertEquals([ca.written, ca.encrypted, ca.signedBy], [true, false, null]);
  assertEquals(ca.certFile, work.path("ca/ca.crt"));
  assertEquals([ca.certificate.role, ca.certificate.commonName], ["authority", "shop-ca"]);
  const node = await work.json("create-node", "a", "::1", ...toCa, "--out", "@a");
  assertEquals(node.signedBy, work.path("ca/ca.crt"));
  assertEquals(node.keyFile, work.path("a/node.key"));
  assertEquals(node.certificate.dnsNames, ["a"]);
  assertEquals(node.certificate.ipAddresses, ["::1"]);
  const client = await work.json("create-client", "shop", ...toCa, "--out", "@b");
  assertEquals([client.certificate.role, client.certificate.issuer], ["client", "shop-ca"]);
  for (const { certFile, certificate } of [ca, node, client]) {
    const read = await readCertificate(await Deno.readTextFile(certFile));
    assertEquals(certificate.serial, read.serial);
    assertEquals(certificate.fingerprint, read.fingerprint);
    assertEquals(certificate.notAfter, read.notAfter.toISOString());
  }
});

Deno.test("what is to be typed next can be typed", async () => {
  await using work = await Workspace.create();
  const ca = await work.json("create-ca", "--out", "@c a");
  const next = /^deno run -A cert\.ts (create-node .* )--ca-dir '(.*)' --out '(.*)'$/.exec(ca.next);
  assert(next !== null, ca.next);
  const [, front, caDir, out] = next as unknown as [string, string, string, string];
  const args = [...front.trim().split(" "), "--ca-dir", caDir, "--out", out];
  const node = await work.json(...args);
  const verify = /^deno run -A cert\.ts verify '(.*)' --ca '(.*)'$/.exec(node.next);
  assertStringIncludes(await work.ok("verify", verify![1]!, "--ca", verify![2]!), "is good");
});

Deno.test("with --dry-run the create commands show the fields, and write nothing", async () => {
  await using work = await withCa();
  const commands = [
    ["create-ca", "--out", "@new/ca", "--encrypt", "--validity", "10d"],
    ["create-node", "a", "10.0.0.1", ...toCa, "--out", "@new/a", "--validity", "10d"],
    ["create-client", "shop", ...toCa, "--out", "@new/b", "--validity", "10d"],
  ];
  for (const [command = "", ...args] of commands) {
    const text = await work.dry(command, ...args);
    assertMatch(text, /^Would write \S+\.crt and \S+\.key:\n/);
    assertMatch(text, /Subject: +CN=(casty-ca|a|shop)\n/);
    assertMatch(text, /\(9 days remaining\)/);
    assertStringIncludes(text, "Nothing was written.");
    const json = JSON.parse(await work.dry(command, ...args, "--json"));
    assertEquals([json.written, json.certificate.serial], [false, null]);
  }
  assertEquals(work.asked, []);
});

Deno.test("a dry run fails as the run would", async () => {
  await using work = await withCa();
  const out = ["--out", "@ca", "--dry-run"];
  await work.refuses(/already exist/, "create-ca", ...out);
  await work.refuses(/"a b"/, "create-node", "a b", ...toCa, ...out);
  await work.refuses(/outlive/, "create-client", "a", ...toCa, ...out, "--validity", "366d");
});

Deno.test("a validity is of days, hours or minutes", async () => {
  await using work = await withCa();
  for (
    const [text, ms, said] of [
      ["3d", 72 * hour, "3 days"],
      ["24h", 24 * hour, "24 hours"],
      ["30m", hour / 2, "30 minutes"],
      ["7", 168 * hour, "7 days"],
    ] as const
  ) {
    const out = ["--out", "@out", "--force", "--validity", text];
    const before = Date.now();
    for (const command of [["create-ca"], ["create-node", "a", ...toCa]]) {
      assertStringIncludes(await work.ok(...command, ...out), `Validity: ${said}\n`);
      const name = command[0] === "create-ca" ? "ca" : "node";
      const { notAfter } = await readCertificate(
        await Deno.readTextFile(work.path(`out/${name}.crt`)),
      );
      const left = notAfter.getTime() - before;
      assert(left > ms - 2_000 && left < ms + 60_000, `${text}: ${left}`);
    }
  }
});

Deno.test("without a validity a certificate ends with its authority at the latest", async () => {
  await using work = await withCa("--validity", "24h");
  const made = await work.json("create-node", "a", ...toCa, "--out", "@a");
  const ca = await readCertificate(await Deno.readTextFile(work.path("ca/ca.crt")));
  assertEquals(made.certificate.notAfter, ca.notAfter.toISOString());
  const args = ["create-client", "a", ...toCa, "--out", "@b"];
  await work.refuses(/would outlive its authority/, ...args, "--validity", "2d");
});

opensslTest("keys are of the type that is asked for, openssl reads and verifies all", async (t) => {
  const curves = { p256: "prime256v1", p384: "secp384r1", ed25519: "ED25519" };
  for (const [type, curve] of Object.entries(curves)) {
    await t.step(type, async () => {
      await using work = await withCa("--key-type", type);
      await work.ok("create-node", "a", ...toCa, "--out", "@a", "--key-type", type);
      await work.ok("create-client", "c", ...toCa, "--out", "@a", "--key-type", type);
      for (const name of ["a/node", "a/client", "ca/ca"]) {
        const shown = await work.openssl("x509", "-in", `@${name}.crt`, "-noout", "-text");
        assertStringIncludes(shown.text, curve);
        const key = await work.openssl("pkey", "-in", `@${name}.key`, "-pubout");
        const own = await work.openssl("x509", "-in", `@${name}.crt`, "-noout", "-pubkey");
        assertEquals(key.text, own.text);
        const args = ["verify", "-x509_strict", "-CAfile", "@ca/ca.crt", `@${name}.crt`];
        const verified = await work.openssl(...args);
        assert(verified.success, verified.text);
      }
      assertStringIncludes(await work.ok("info", "@a/node.crt"), type);
    });
  }
});

Deno.test("another type of key is wrong use", async () => {
  await using work = await withCa();
  for (const command of [["create-ca"], ["create-node", "a", ...toCa]]) {
    const args = [...command, "--out", "@new", "--key-type", "rsa"];
    await work.misused(/--key-type rsa is none of p256, p384, ed25519/, ...args);
  }
});

opensslTest("an authority's key is encrypted with a passphrase that is typed twice", async () => {
  await using work = await Workspace.create();
  work.typed = ["s3cret é", "s3cret é", "s3cret é"];
  const output = await work.ok("create-ca", "--out", "@ca", "--encrypt");
  assertStringIncludes(output, "ca.key (encrypted)");
  assertEquals(work.asked.length, 2);
  const key = await Deno.readTextFile(work.path("ca/ca.key"));
  assert(key.startsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
  const open = async (secret: string) =>
    (await work.openssl("pkey", "-in", "@ca/ca.key", "-noout", "-passin", `pass:${secret}`))
      .success;
  assertEquals([await open("s3cret é"), await open("s3cret")], [true, false]);
  await work.ok("create-node", "a", ...toCa, "--out", "@a");
  assertEquals(work.asked.at(-1), `Passphrase of ${work.path("ca/ca.key")}: `);
  // The node's own key is not encrypted: nobody is there to type when it starts.
  assert((await Deno.readTextFile(work.path("a/node.key"))).startsWith("-----BEGIN PRIVATE KEY"));
});

Deno.test("a passphrase can come from the environment", async () => {
  await using work = await Workspace.create();
  const secret = ["--passphrase-env", "CA_SECRET"];
  work.env["CA_SECRET"] = "s3cret";
  const made = await work.json("create-ca", "--out", "@ca", ...secret);
  assertEquals(made.encrypted, true);
  await work.ok("create-node", "a", ...toCa, "--out", "@a", ...secret);
  await work.ok("create-client", "c", ...toCa, "--out", "@c", ...secret);
  assertEquals(work.asked, []);
});

Deno.test("a passphrase that is wrong, missing or not set is said in one line", async () => {
  await using work = await Workspace.create();
  const secret = ["--passphrase-env", "CA_SECRET"];
  work.env["CA_SECRET"] = "s3cret";
  await work.ok("create-ca", "--out", "@ca", ...secret);
  for (const command of [["create-node", "a"], ["create-client", "c"]]) {
    const args = [...command, ...toCa, "--out", "@new"];
    work.env["CA_SECRET"] = "wrong";
    await work.refuses(/ca\.key: the passphrase does not open the key/, ...args, ...secret);
    work.env["CA_SECRET"] = "";
    await work.refuses(/variable CA_SECRET is not set/, ...args, ...secret);
    await work.refuses(/ca\.key: the key has a passphrase, and none was given/, ...args);
    await work.refuses(/--passphrase-env/, ...args);
  }
  const create = ["create-ca", "--out", "@new"];
  await work.refuses(/no terminal to ask/, ...create, "--encrypt");
  await work.refuses(/variable NONE is not set/, ...create, "--passphrase-env", "NONE");
  work.typed = ["one", "two", "x".repeat(2_000), "x".repeat(2_000), "", ""];
  await work.refuses(/not the same/, ...create, "--encrypt");
  await work.refuses(/passphrase of 2000 bytes/, ...create, "--encrypt");
  await work.refuses(/passphrase of 0 bytes/, ...create, "--encrypt");
});

opensslTest("keys that openssl has encrypted, now or long ago, are opened", async () => {
  await using work = await withCa();
  const plain = await Deno.readTextFile(work.path("ca/ca.key"));
  work.env["S"] = "pass";
  const [from, to] = [["-in", "@plain.key"], ["-out", "@ca/ca.key", "-passout", "pass:pass"]];
  for (
    const args of [
      ["pkcs8", "-topk8", ...from, ...to],
      ["pkcs8", "-topk8", "-v2", "aes-128-cbc", "-scrypt", ...from, ...to],
      ["ec", "-aes256", ...from, ...to],
    ]
  ) {
    await work.write("plain.key", plain);
    const { success, text } = await work.openssl(...args);
    assert(success, text);
    const out = ["--out", "@a", "--force", "--passphrase-env", "S"];
    await work.ok("create-node", "a", ...toCa, ...out);
    const verified = await work.openssl("verify", "-CAfile", "@ca/ca.crt", "@a/node.crt");
    assert(verified.success, verified.text);
  }
});

opensslTest("an authority that has expired, or whose time has not come, is refused", async () => {
  await using work = await withCa();
  const ext = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
  await work.write("ca.cnf", `[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n[e]\n${ext}`);
  await work.write("serial", "01\n");
  await work.write(
    "db.cnf",
    `[ca]\ndefault_ca=x\n[x]\ndatabase=${work.path("index.txt")}\nserial=${
      work.path("serial")
    }\nnew_certs_dir=${work.dir}\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n` +
      `[p]\ncommonName=supplied\n[e]\n${ext}`,
  );
  const key = ["-key", "@ca/ca.key", "-subj", "/CN=casty-ca", "-config", "@ca.cnf"];
  await work.openssl("req", "-new", ...key, "-out", "@ca.csr");
  for (
    const [from, to, says] of [
      ["20200101000000Z", "20210101000000Z", /authority has expired on 2021-01-01/],
      ["20900101000000Z", "20910101000000Z", /not valid before 2090-01-01/],
    ] as const
  ) {
    await Deno.remove(work.path("ca/ca.crt"));
    // What openssl has issued before is in its way.
    await work.write("index.txt", "");
    const dates = ["-startdate", from, "-enddate", to, "-in", "@ca.csr", "-out", "@ca/ca.crt"];
    const sign = ["ca", "-batch", "-notext", "-selfsign", "-config", "@db.cnf"];
    const made = await work.openssl(...sign, "-keyfile", "@ca/ca.key", ...dates);
    assert(made.success, made.text);
    await work.refuses(says, "create-node", "a", ...toCa, "--out", "@new");
    await work.refuses(says, "create-client", "a", ...toCa, "--out", "@new");
    await work.refuses(says, "revoke", "--serial", "07", ...toCa);
  }
});
