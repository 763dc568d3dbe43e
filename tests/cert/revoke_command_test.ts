import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";

const toCa = ["--ca-dir", "@certs"];

async function filled(...options: readonly string[]): Promise<Workspace> {
  const work = await Workspace.create();
  await work.ok("create-ca", "--out", "@certs", ...options);
  for (const name of ["node-1", "node-2"]) {
    const hosts = [name, "localhost"];
    await work.ok("create-node", ...hosts, ...toCa, "--out", `@certs/${name}`, ...options);
  }
  await work.ok("create-client", "shop", ...toCa, "--out", "@certs/shop", ...options);
  return work;
}

async function serial(work: Workspace, file: string): Promise<string> {
  return (await readCertificate(await Deno.readTextFile(work.path(file)))).serial;
}

async function crlText(work: Workspace): Promise<string> {
  const args = ["-in", "@certs/ca.crl", "-CAfile", "@certs/ca.crt", "-noout", "-text"];
  const { success, text } = await work.openssl("crl", ...args);
  assert(success, text);
  return text;
}

opensslTest("revoke writes a list that openssl verifies and obeys", async (t) => {
  for (const type of ["p256", "p384", "ed25519"]) {
    await t.step(type, async () => {
      await using work = await filled("--key-type", type);
      const revoke = ["revoke", "@certs/shop/client.crt", ...toCa, "--reason", "keyCompromise"];
      const output = await work.ok(...revoke);
      const number = await serial(work, "certs/shop/client.crt");
      assertStringIncludes(output, `Revoked: ${number}\n`);
      assertStringIncludes(output, `Revocation list: ${work.path("certs/ca.crl")}\n`);
      assertMatch(output, /Next due: \d{4}-\d\d-\d\d \d\d:\d\d UTC\n/);
      assertMatch(output, /Bring it to every node.*\n\nNext: deno run -A cert\.ts info /);
      const text = await crlText(work);
      assertStringIncludes(text, "verify OK");
      assertStringIncludes(text, "Version 2 (0x1)");
      assertMatch(text, /X509v3 CRL Number: *\n +1\n/);
      assertMatch(text, /X509v3 Authority Key Identifier/);
      assertMatch(text, new RegExp(`Serial Number: 0*${number}\\n`));
      assertMatch(text, /X509v3 CRL Reason Code: *\n +Key Compromise\n/);
      const check = ["verify", "-crl_check", "-CAfile", "@certs/ca.crt", "-CRLfile"];
      const judged = async (file: string) =>
        (await work.openssl(...check, "@certs/ca.crl", file)).success;
      assertEquals(await judged("@certs/shop/client.crt"), false);
      assertEquals(await judged("@certs/node-1/node.crt"), true);
    });
  }
});

opensslTest("what is revoked stays revoked, and the number grows", async () => {
  await using work = await filled();
  await work.ok("revoke", "@certs/shop/client.crt", ...toCa, "--reason", "superseded");
  const lost = "A1B2C3D4E5F";
  await work.ok("revoke", "@certs/node-2/node.crt", "--serial", "0a:1b:2c:3d:4e:5f", ...toCa);
  await work.ok("revoke", ...toCa, "--next-update", "60d");
  const [{ revocationList }] = await work.json("info", "@certs/ca.crl");
  assertEquals(revocationList.number, "3");
  assertEquals(
    revocationList.revocations.map(({ serial, reason }: Record<string, string>) =>
      `${serial} ${reason}`
    ),
    [
      `${await serial(work, "certs/shop/client.crt")} superseded`,
      `${lost} unspecified`,
      `${await serial(work, "certs/node-2/node.crt")} unspecified`,
    ],
  );
  const days = (Date.parse(revocationList.nextUpdate) - Date.now()) / 86_400_000;
  assertEquals(Math.round(days), 60);
  assertStringIncludes(await crlText(work), "verify OK");
});

Deno.test("revoked twice is said in one line, and changes nothing about it", async () => {
  await using work = await filled();
  const revoke = ["revoke", "@certs/shop/client.crt", ...toCa];
  await work.ok(...revoke, "--reason", "superseded");
  const again = await work.ok(...revoke, "--reason", "keyCompromise");
  const number = await serial(work, "certs/shop/client.crt");
  assertMatch(again, new RegExp(`^Already revoked: ${number}, on \\d{4}-.* UTC, superseded$`, "m"));
  assert(!/^Revoked:/m.test(again), again);
  const json = await work.json(...revoke, "--serial", "77", "--serial", "77");
  assertEquals([json.added, json.known[0].serial], [["77"], number]);
  assertEquals(json.known[0].reason, "superseded");
  assertEquals(json.revocationList.revocations.length, 2);
});

Deno.test("doctor and TlsConfig read the list that revoke writes", async () => {
  await using work = await filled();
  const node = (name: string) =>
    TlsConfig.fromPaths({
      certFile: work.path(`certs/${name}/node.crt`),
      keyFile: work.path(`certs/${name}/node.key`),
      caFile: work.path("certs/ca.crt"),
      crlFile: work.path("certs/ca.crl"),
    });
  const doctor = ["doctor", "@certs/node-1", "@certs/node-2", "--host", "localhost"];
  await work.ok("revoke", ...toCa);
  await node("node-1");
  assertStringIncludes((await work.cert(...doctor)).stdout, "They accept each other.");
  await work.ok("revoke", "@certs/node-2/node.crt", ...toCa);
  await node("node-1");
  const { exitCode, stdout } = await work.cert(...doctor, "--json");
  assertEquals(exitCode, 1);
  const { verdict, findings } = JSON.parse(stdout);
  assertEquals(verdict, "refused");
  assert(findings.some(({ code }: { code: string }) => code === "revoked"), stdout);
  // Its own preflight says so before anybody else does.
  const error = await assertRejects(() => node("node-2"), Error);
  assertMatch(error.message, /revoked/);
});

Deno.test("a list that is called crl.pem is carried on, and so is one that is named", async () => {
  await using work = await filled();
  await work.ok("revoke", "--serial", "1", ...toCa, "--crl", "@certs/crl.pem");
  await work.ok("revoke", "--serial", "2", ...toCa);
  assertEquals(await Deno.stat(work.path("certs/ca.crl")).then(() => true, () => false), false);
  const [{ revocationList }] = await work.json("info", "@certs/crl.pem");
  assertEquals(revocationList.revocations.length, 2);
});

Deno.test("two runs at once lose no revocation", async () => {
  await using work = await filled();
  const serials = Array.from({ length: 12 }, (_, index) => String(index + 10));
  await Promise.all(serials.map((number) => work.ok("revoke", "--serial", number, ...toCa)));
  const [{ revocationList }] = await work.json("info", "@certs/ca.crl");
  assertEquals(
    revocationList.revocations.map(({ serial }: { serial: string }) => serial).toSorted(),
    serials,
  );
  assertEquals(revocationList.number, "12");
});

Deno.test("revoke as a dry run writes nothing, and says what would be revoked", async () => {
  await using work = await filled();
  const revoke = ["revoke", "@certs/shop/client.crt", ...toCa];
  const number = await serial(work, "certs/shop/client.crt");
  const text = await work.dry(...revoke);
  assertStringIncludes(text, `Would revoke: ${number}\n`);
  assertStringIncludes(text, "Nothing was written.");
  const json = JSON.parse(await work.dry(...revoke, "--json"));
  assertEquals([json.written, json.added], [false, [number]]);
  const done = await work.json(...revoke);
  assertEquals([done.written, done.added], [true, [number]]);
});

Deno.test("what cannot be revoked is said in one line, and the list is left as it is", async () => {
  await using work = await filled();
  await work.ok("revoke", "--serial", "1", ...toCa);
  await work.ok("create-ca", "--out", "@other");
  await work.write("garbage", "garbage\n");
  const other = ["--ca-dir", "@other"];
  await work.refuses(/another authority has issued/, "revoke", "@certs/shop/client.crt", ...other);
  await work.refuses(/authority cannot be revoked/, "revoke", "@certs/ca.crt", ...toCa);
  await work.refuses(/certificate not found: .*none/, "revoke", "@none", ...toCa);
  await work.refuses(/garbage: .*"CERTIFICATE"/, "revoke", "@garbage", ...toCa);
  await work.refuses(/CA files not found in .*none/, "revoke", "--ca-dir", "@none");
  await work.refuses(/"xyz" is no serial number/, "revoke", "--serial", "xyz", ...toCa);
  await work.refuses(/is no serial number/, "revoke", "--serial", "1".repeat(41), ...toCa);
  await work.refuses(/"0" is no serial number/, "revoke", "--serial", "0", ...toCa);
  await work.refuses(/of 0 days is not possible/, "revoke", ...toCa, "--next-update", "0d");
  await work.refuses(/garbage: .*"X509 CRL"/, "revoke", ...toCa, "--crl", "@garbage");
  await work.refuses(/cannot be written/, "revoke", ...toCa, "--crl", "@none/ca.crl");
  const list = await Deno.readTextFile(work.path("certs/ca.crl"));
  const body = list.split("\n");
  const last = body.at(-3)!;
  body[body.length - 3] = last.replace(/[A-Za-z]/, (letter) => letter === "A" ? "B" : "A");
  await work.write("certs/ca.crl", body.join("\n"));
  await work.refuses(/its signature is wrong.*restore the list/, "revoke", ...toCa);
});

Deno.test("revoke opens the authority's key with its passphrase", async () => {
  await using work = await Workspace.create();
  work.env["S"] = "s3cret";
  const secret = ["--passphrase-env", "S"];
  await work.ok("create-ca", "--out", "@certs", ...secret);
  await work.ok("revoke", "--serial", "1", ...toCa, ...secret);
  work.env["S"] = "wrong";
  await work.refuses(/ca\.key: the passphrase does not open/, "revoke", ...toCa, ...secret);
  await work.refuses(/ca\.key: the key has a passphrase/, "revoke", ...toCa);
});

Deno.test("wrong use of revoke is answered with its usage", async () => {
  await using work = await filled();
  await work.misused(/--ca-dir is missing/, "revoke", "@certs/shop/client.crt");
  await work.misused(/--serial needs a value/, "revoke", "--serial=", ...toCa);
  await work.misused(
    /--reason spite is none of unspecified/,
    "revoke",
    ...toCa,
    "--reason",
    "spite",
  );
  await work.misused(
    /--next-update soon is not a time/,
    "revoke",
    ...toCa,
    "--next-update",
    "soon",
  );
  await work.misused(/unknown option: --all/, "revoke", ...toCa, "--all");
});
