import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createCa } from "../../lib/cert/authority/authority.ts";
import { revoke } from "../../lib/cert/authority/revocation.ts";
import { whileLocked } from "../../lib/cert/authority/revocation_file.ts";
import { addNextList } from "../../lib/cert/rotation/rotation_list.ts";
import { readState } from "../../lib/cert/rotation/rotation_state.ts";
import { verify } from "../../lib/cert/authority/verification.ts";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";

Deno.test("during a rotation a certificate of the old authority is revoked where nodes see it", async () => {
  await using work = await Workspace.create();
  await work.ok("init", "--out", "@w", "--nodes", "2", "--client", "me");
  const stolen = await Deno.readTextFile(work.path("w/node-2/node.crt"));
  await work.write("stolen.crt", stolen);
  await work.write("lost.crt", await Deno.readTextFile(work.path("w/me/client.crt")));
  await work.ok("revoke", "--ca-dir", "@w/ca");
  const ca = await Deno.readTextFile(work.path("w/ca/ca.crt"));
  await work.ok("rotate-ca", "begin", "@w");
  await work.ok("rotate-ca", "sign", "@w");

  const said = await work.json("revoke", "@stolen.crt", "--ca-dir", "@w/ca");
  assertEquals([said.crlFile, said.added.length], [work.path("w/ca/ca.crl"), 1]);
  // Whoever names the folder of the old authority means the same list.
  const again = await work.json("revoke", "@lost.crt", "--ca-dir", "@w/ca/previous");
  assertEquals([again.crlFile, again.added.length], [work.path("w/ca/ca.crl"), 1]);
  assertEquals(again.revocationList.number, "3");
  const crl = await Deno.readTextFile(work.path("w/ca/ca.crl"));
  for (const cert of [stolen, await Deno.readTextFile(work.path("lost.crt"))]) {
    const { failures } = await verify(cert, { ca, crl });
    assertEquals(failures.map(({ rule }) => rule), ["revocation"]);
  }
  // That of the new authority is still revoked under the new one.
  const fresh = await work.json("revoke", "@w/node-2/node.crt", "--ca-dir", "@w/ca");
  assertEquals(fresh.revocationList.number, "2");
  await work.ok("rotate-ca", "finish", "@w");
  assert(!Object.keys(await work.files()).some((file) => file.startsWith("w/ca/previous")));
});

Deno.test("a rotation waits for a revocation that is being written", async () => {
  await using work = await Workspace.create();
  await work.ok("init", "--out", "@w", "--nodes", "1");
  await work.ok("rotate-ca", "begin", "@w");
  const folder = work.path("w/ca");
  const state = await readState(work.path("w"));
  const file = `${folder}/ca.crl`;
  const ca = {
    cert: await Deno.readTextFile(`${folder}/ca.crt`),
    key: await Deno.readTextFile(`${folder}/ca.key`),
  };
  let rotation: Promise<string[]> | undefined;
  await Deno.writeTextFile(file, (await revoke(ca)).crl);
  await whileLocked(folder, async () => {
    let crl = await Deno.readTextFile(file);
    rotation = addNextList(state, {});
    // Long enough for a rotation that does not wait to have read the list before it is written.
    for (let serial = 1; serial <= 20; serial++) {
      ({ crl } = await revoke(ca, { serials: [`${serial}`], crl }));
      await Deno.readTextFile(file);
    }
    await Deno.writeTextFile(file, crl);
  });
  assertEquals(await rotation, [file]);
  const kept = await revoke(ca, { crl: await Deno.readTextFile(file) });
  assertEquals([kept.revocations.length, kept.crl.match(/BEGIN X509 CRL/g)!.length], [20, 2]);
});

Deno.test("a list that is cut off is not forgotten, and two lists of one authority are joined", async () => {
  const [ca, other] = [await createCa(), await createCa()];
  const { crl: foreign } = await revoke(other);
  const { crl: own } = await revoke(ca, { serials: ["A1"] });
  const failure = await revoke(ca, { crl: foreign + own.slice(0, -40) }).then(String, String);
  assertMatch(failure, /PEM block "X509 CRL" is cut off; restore the file from a copy/);

  const { crl: second } = await revoke(ca, { serials: ["B2"] });
  const joined = await revoke(ca, { crl: own + second, serials: ["C3"] });
  assertEquals(joined.revocations.map(({ serial }) => serial).toSorted(), ["A1", "B2", "C3"]);
  assertEquals(joined.crl.match(/BEGIN X509 CRL/g)!.length, 1);
});

opensslTest("verify refuses by lists what a node refuses by them", async () => {
  await using work = await Workspace.create();
  const run = async (...args: readonly string[]) => {
    const { success, text } = await work.openssl(...args);
    assert(success, text);
  };
  const make = async (name: string, signer: string, serial: string, extensions: string) => {
    await work.write(`${name}.ext`, extensions);
    const subject = ["-subj", `/CN=${name}`, "-keyout", `@${name}.key`, "-out", `@${name}.csr`];
    await run("req", "-newkey", "rsa:2048", "-nodes", ...subject);
    const by = ["-CA", `@${signer}.crt`, "-CAkey", `@${signer}.key`, "-set_serial", serial];
    const out = ["-days", "5", "-extfile", `@${name}.ext`, "-out", `@${name}.crt`];
    await run("x509", "-req", "-in", `@${name}.csr`, ...by, ...out);
  };
  const root = ["-subj", "/CN=root", "-keyout", "@root.key", "-out", "@root.crt", "-days", "9"];
  await run("req", "-x509", "-newkey", "rsa:2048", "-nodes", ...root);
  const usage = "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n";
  await make("sub", "root", "77", `${usage}keyUsage=critical,keyCertSign,cRLSign\n`);
  await make("mute", "root", "78", `${usage}keyUsage=critical,keyCertSign\n`);
  const leaf = "subjectAltName=URI:spiffe://x/client/me\nextendedKeyUsage=clientAuth\n";
  await make("leaf", "sub", "5", leaf);
  await make("other", "mute", "6", leaf);
  for (const name of ["leaf/sub", "other/mute"]) {
    const [one, signer] = name.split("/");
    const read = (file: string) => Deno.readTextFile(work.path(`${file}.crt`));
    await work.write(`${one}.pem`, await read(one!) + await read(signer!));
  }
  const list = async (signer: string, revoked: string, extra = "") => {
    await work.write("idx", revoked);
    await work.write("number", "01\n");
    const section = `[ca]\ndefault_ca=c\n[c]\ndatabase=${work.path("idx")}\ndefault_md=sha256\n` +
      `crlnumber=${work.path("number")}\n[x]\n${extra}`;
    await work.write("ca.cnf", section);
    const key = ["-keyfile", `@${signer}.key`, "-cert", `@${signer}.crt`, "-crldays", "5"];
    const more = extra === "" ? [] : ["-crlexts", "x"];
    const out = ["-out", "@made.crl", ...more];
    await run("ca", "-config", "@ca.cnf", "-gencrl", ...key, ...out);
    return await Deno.readTextFile(work.path("made.crl"));
  };
  const refusal = async (file: string, crl: string) => {
    const ca = await Deno.readTextFile(work.path("root.crt"));
    const { failures } = await verify(await Deno.readTextFile(work.path(file)), { ca, crl });
    return failures.map(({ problem }) => problem).join("; ");
  };
  const entry = "R\t300101000000Z\t260101000000Z\t4D\tunknown\t/CN=sub\n";
  const fine = await list("sub", "");
  assertEquals(await refusal("leaf.pem", await list("root", "") + fine), "");
  const chain = await refusal("leaf.pem", await list("root", entry) + fine);
  assertMatch(chain, /^it has an issuer that is revoked \(serial number 4D\)$/);
  // An authority that must not sign lists cannot vouch for one.
  assertMatch(
    await refusal("other.pem", await list("mute", "")),
    /^it cannot be checked: no revocation list in it is signed by/,
  );
  const strange = await list("sub", "", "1.2.3.4=critical,DER:0500\n");
  const said = await refusal("leaf.pem", strange).then(String, String);
  assertStringIncludes(said, "a list has the critical extension 1.2.3.4, which is not known");
});

Deno.test("commands to type are quoted", async () => {
  await using work = await Workspace.create();
  const said = await work.ok("init", "--out", "@my certs", "--nodes", "2");
  assertStringIncludes(
    said,
    `Next: deno run -A cert.ts doctor '${work.path("my certs/node-1")}' '`,
  );
  const begun = await work.ok("rotate-ca", "begin", "@my certs");
  assertStringIncludes(begun, `cert.ts rotate-ca sign '${work.path("my certs")}'\n`);
});

opensslTest(
  "text in a foreign certificate does not control the terminal",
  async () => {
    await using work = await Workspace.create();
    await work.ok("create-ca", "--out", "@ca");
    const key = ["-newkey", "rsa:2048", "-nodes", "-keyout", "@a.key", "-subj", "/CN=a"];
    assert((await work.openssl("req", ...key, "-out", "@a.csr")).success);
    await work.write("a.ext", "subjectAltName=DNS:a\u001b[2Jb\n");
    const by = ["-CA", "@ca/ca.crt", "-CAkey", "@ca/ca.key", "-days", "5", "-extfile", "@a.ext"];
    assert((await work.openssl("x509", "-req", "-in", "@a.csr", ...by, "-out", "@a.crt")).success);
    const said = await work.ok("renew", "@a.crt", "--ca-dir", "@ca");
    assertStringIncludes(said, "SANs: a\ufffd[2Jb\n");
  },
);

opensslTest("info calls a node only what nodes accept as one", async () => {
  await using work = await Workspace.create();
  for (const uri of ["spiffe://X/node/a", "spiffe://x/node/a b", "spiffe://x/node/a"]) {
    const subject = ["-subj", "/CN=a", "-addext", `subjectAltName=URI:${uri}`];
    const files = ["-keyout", "@a.key", "-out", "@a.crt"];
    assert(
      (await work.openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        ...subject,
        ...files,
        "-addext",
        "basicConstraints=critical,CA:FALSE",
      ))
        .success,
    );
    const [{ certificate }] = await work.json("info", "@a.crt");
    assertEquals(certificate.role, uri === "spiffe://x/node/a" ? "node" : "other");
  }
});
