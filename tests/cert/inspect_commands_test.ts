import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Workspace } from "./workspace.ts";

async function filled(): Promise<Workspace> {
  const work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca");
  await work.ok("create-node", "a", "10.0.0.1", "--ca-dir", "@ca", "--out", "@ca");
  return work;
}

Deno.test("info shows all that is in a file, from standard input as well", async () => {
  await using work = await filled();
  const read = (name: string) => Deno.readTextFile(work.path(name));
  await work.ok("revoke", "@ca/node.crt", "--ca-dir", "@ca", "--reason", "superseded");
  work.stdin = await read("ca/node.crt") + await read("ca/ca.crt") + await read("ca/ca.crl");
  const text = await work.ok("info", "-");
  assertEquals(text.match(/^Certificate: {2}-$/gm)?.length, 2);
  assertMatch(text, /^Revocation list: {2}-$/m);
  assertMatch(text, /^ {4}[0-9A-F]{10,40} {2}\d{4}-\d\d-\d\d \d\d:\d\d UTC {2}superseded$/m);
  const [node, ca, list] = await work.json("info", "-");
  assertEquals([node.file, node.certificate.role], ["-", "node"]);
  assertEquals(ca.certificate.role, "authority");
  assertEquals(list.revocationList.number, "1");
  assertEquals(list.revocationList.revocations[0].serial, node.certificate.serial);
});

Deno.test("info for programs has fields whose names and kinds stay", async () => {
  await using work = await filled();
  const [{ file, certificate }] = await work.json("info", "@ca/node.crt");
  assertEquals(file, work.path("ca/node.crt"));
  assertEquals(Object.keys(certificate), [
    "role",
    "commonName",
    "issuer",
    "serial",
    "notBefore",
    "notAfter",
    "dnsNames",
    "ipAddresses",
    "uris",
    "keyUsages",
    "purposes",
    "keyType",
    "algorithm",
    "fingerprint",
  ]);
  assertMatch(certificate.notAfter, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
  assertMatch(certificate.fingerprint, /^[0-9a-f]{64}$/);
  assertEquals([certificate.keyType, certificate.algorithm], ["p256", "ECDSA with SHA256"]);
});

Deno.test("info of a folder shows everything, and ends with 1 if some of it cannot be read", async () => {
  await using work = await filled();
  assertEquals((await work.json("info", "@ca/")).length, 2);
  await work.write("ca/broken.pem", "no certificate");
  const { exitCode, stdout } = await work.cert("info", "@ca");
  assertEquals(exitCode, 1);
  assertMatch(stdout, /^Unreadable: {2}\S+\/broken\.pem: there is no readable PEM block/m);
  const rows = JSON.parse((await work.cert("info", "@ca", "--json")).stdout);
  assertEquals(rows.map((row: Record<string, unknown>) => Object.keys(row)[1]), [
    "certificate",
    "certificate",
    "problem",
  ]);
  await Deno.mkdir(work.path("empty"));
  assertStringIncludes(await work.ok("info", "@empty"), "No certificates found in");
});

Deno.test("list for programs names the files, and those that cannot be read", async () => {
  await using work = await filled();
  await work.write("ca/broken.crt", "no certificate");
  const rows = await work.json("list", "@ca");
  assertEquals(rows.map(({ file }: { file: string }) => file), [
    work.path("ca/broken.crt"),
    work.path("ca/ca.crt"),
    work.path("ca/node.crt"),
  ]);
  assertEquals(rows[0].certificate, null);
  assertEquals(rows[2].certificate.commonName, "a");
  assertEquals(await work.json("list", "@none"), []);
});

Deno.test("what cannot be read or understood is said in one line", async () => {
  await using work = await filled();
  await work.write("garbage", "garbage\n");
  await work.write("hollow.crt", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
  await work.write("huge.crt", "x".repeat((1 << 20) + 1));
  await work.refuses(/certificate not found: .*none\.crt/, "info", "@none.crt");
  await work.refuses(/garbage: there is no readable PEM block "CERTIFICATE"/, "info", "@garbage");
  await work.refuses(/hollow\.crt: .*no revocation list/, "info", "@hollow.crt");
  await work.refuses(/huge\.crt is larger than 1048576 bytes/, "info", "@huge.crt");
  work.stdin = "";
  await work.refuses(/-: there is no readable PEM block/, "info", "-");
  await work.misused(/expected one file or directory/, "info");
  await work.misused(/expected one file or directory/, "info", "@a", "@b");
  await work.misused(/unknown option: --force/, "info", "@garbage", "--force");
  await work.refuses(/garbage cannot be read: Not a directory/, "list", "@garbage");
  await work.misused(/expected one directory/, "list", "@a", "@b");
  await work.misused(/unknown option: --long/, "list", "@ca", "--long");
});

Deno.test("every command has help with examples first, exit codes and all of its options", async () => {
  const { commands } = await import("../../lib/cert/cli/cli.ts");
  await using work = await Workspace.create();
  const overview = await work.ok("--help");
  for (const { name, summary, options } of commands) {
    assertStringIncludes(overview, `  ${name.padEnd(15)} ${summary}\n`);
    for (const flag of ["--help", "-h"]) {
      const help = await work.ok(name, flag);
      assertMatch(help, /^[^\n]+\n\nExamples:\n {2}(.*=\.\.\. )?deno run -A cert\.ts /);
      assertMatch(help, /\nExit codes: 0 [^\n]+\n$/);
      for (const line of help.split("\n")) assert(line.length <= 100, line);
      const described = [...help.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, option]) => option!);
      const known = [...options.texts, ...options.lists ?? [], ...options.switches];
      assertEquals(described.toSorted(), known.toSorted(), name);
    }
  }
  assertEquals([await work.ok("help"), await work.ok("-h")], [overview, overview]);
  assertEquals(await work.ok("help", "renew"), await work.ok("renew", "--help"));
  await work.misused(/unknown command: \?\?\?/, "help", "???");
  for (const line of overview.split("\n")) assert(line.length <= 100, line);
});
