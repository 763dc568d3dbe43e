import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { diagnose, type DoctorOptions, type DoctorReport } from "../../lib/cert/doctor/doctor.ts";
import { CertError } from "../../lib/cert/errors.ts";
import { beginRotation, finishRotation, signRotation } from "../../lib/cert/rotation/rotation.ts";
import { initWorkspace } from "../../lib/cert/authority/workspace_init.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";

const day = 86_400_000;

async function set(): Promise<Workspace> {
  const work = await Workspace.create();
  await initWorkspace(work.path("certs"), { nodes: 2, clients: ["me"] });
  return work;
}

function ask(work: Workspace, options: DoctorOptions = {}, a = "node-1", b = "node-2") {
  return diagnose(work.path(`certs/${a}`), work.path(`certs/${b}`), options);
}

function codes(report: DoctorReport): string[] {
  return report.findings.map(({ about, code }) => `${about}: ${code}`).sort();
}

/** Whether the transport takes the certificate of one folder under the authorities of another. */
async function transportTakes(work: Workspace, leaf: string, trust: string, kind = "node") {
  const read = (name: string) => Deno.readTextFile(work.path(`certs/${name}`));
  const [cert, key] = [await read(`${leaf}/${kind}.crt`), await read(`${leaf}/${kind}.key`)];
  return await TlsConfig.fromPem({ cert, key, ca: await read(`${trust}/ca.crt`) })
    .then(() => true, () => false);
}

interface OpensslLeaf {
  /** Extensions, a line each. */
  readonly ext: readonly string[];
  /** Path of the issuing pair, without ending. Default: the authority of the set. */
  readonly issuer?: string;
  readonly selfSigned?: boolean;
  /** Further arguments of `openssl x509`. */
  readonly more?: readonly string[];
}

const nodeExt = [
  "basicConstraints=critical,CA:FALSE",
  "keyUsage=critical,digitalSignature",
  "extendedKeyUsage=serverAuth,clientAuth",
  "subjectAltName=DNS:localhost,URI:spiffe://casty-ca/node/node-2",
];

/** Replaces the certificate of node-2, and its key, by one made with openssl. */
async function opensslLeaf(work: Workspace, leaf: OpensslLeaf, to = "certs/node-2/node") {
  const { ext, issuer = "certs/ca/ca", selfSigned = false, more = [] } = leaf;
  await work.write("leaf.cnf", ext.join("\n") + "\n");
  const run = async (...args: string[]) => {
    const { success, text } = await work.openssl(...args);
    assert(success, text);
  };
  await run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "@raw.key");
  await run("pkcs8", "-topk8", "-nocrypt", "-in", "@raw.key", "-out", `@${to}.key`);
  await Deno.chmod(work.path(`${to}.key`), 0o600);
  await run("req", "-new", "-key", `@${to}.key`, "-subj", "/CN=node-2", "-out", "@leaf.csr");
  const signer = selfSigned
    ? ["-signkey", `@${to}.key`]
    : ["-CA", `@${issuer}.crt`, "-CAkey", `@${issuer}.key`];
  const args = ["x509", "-req", "-in", "@leaf.csr", ...signer, "-days", "30", "-set_serial", "7"];
  await run(...args, "-extfile", "@leaf.cnf", "-out", `@${to}.crt`, ...more);
}

Deno.test("two peers of one set are fine, in every combination that can connect", async () => {
  await using work = await set();
  for (const [a, b] of [["node-1", "node-2"], ["node-2", "node-1"], ["me", "node-1"]]) {
    const report = await ask(work, { host: "localhost", ownHost: "127.0.0.1" }, a, b);
    assertEquals([report.verdict, report.findings, report.unchecked], ["accepted", [], []]);
  }
  const { peers } = await ask(work, { host: "::1" }, "me", "node-1");
  assertEquals(peers.map(({ subject }) => subject), ["client me", "node node-1"]);
  assertEquals(peers[1]!.hosts, ["node-1", "localhost", "127.0.0.1", "::1"]);
});

Deno.test("a certificate without folder is enough to ask, and what is missing is reported", async () => {
  await using work = await set();
  await Deno.mkdir(work.path("alone"));
  await Deno.copyFile(work.path("certs/node-2/node.crt"), work.path("alone/other.crt"));
  const report = await diagnose(work.path("certs/node-1"), work.path("alone/other.crt"));
  assertEquals([report.verdict, report.findings], ["unknown", []]);
  assertEquals(report.unchecked.length, 2);
});

Deno.test("another authority is distinguished from one of the same name", async () => {
  await using work = await set();
  await initWorkspace(work.path("same"), { nodes: 1, clients: [] });
  await initWorkspace(work.path("shop"), {
    nodes: 1,
    clients: [],
    clusterName: "casty-ca",
    commonName: "shop-ca",
  });
  const mine = work.path("certs/node-1");
  const namesake = await diagnose(mine, work.path("same/node-1"));
  assertEquals(codes(namesake), ["A: untrusted", "B: untrusted"]);
  assertStringIncludes(namesake.findings[0]!.what, "another authority of the same name (casty-ca)");
  const report = await diagnose(mine, work.path("shop/node-1"));
  assertEquals(codes(report), ["A: untrusted", "B: untrusted"]);
  const foreign = report.findings.find(({ about, code }) => about === "A" && code === "untrusted")!;
  assertStringIncludes(foreign.what, "its issuer (shop-ca) is not among");
  assertStringIncludes(foreign.why, "and nothing else: casty-ca (SHA-256 ");
  // The remedy where both are to be trusted.
  assertStringIncludes(foreign.otherRemedy!, "cat ");
  for (const [to, from] of [["certs", "shop"], ["shop", "certs"]]) {
    const text = await Deno.readTextFile(work.path(`${from}/node-1/ca.crt`));
    await Deno.writeTextFile(work.path(`${to}/node-1/ca.crt`), text, { append: true });
  }
  assertEquals((await diagnose(mine, work.path("shop/node-1"))).verdict, "accepted");
});

Deno.test("dates are reported at both ends of validity, and before they end", async () => {
  await using work = await set();
  const at = async (days: number) => {
    return codes(await ask(work, { now: new Date(Date.now() + days * day) }));
  };
  assertEquals(await at(0), []);
  assertEquals(await at(85), ["A: expiresSoon", "B: expiresSoon"]);
  assertEquals(await at(91), ["A: expired", "B: expired"]);
  const early = await ask(work, { now: new Date(Date.now() - day) });
  assert(codes(early).includes("A: notYetValid"));
  assertStringIncludes(early.findings[0]!.remedy, "clocks");
  // The authority, too, ends.
  const late = await ask(work, { now: new Date(Date.now() + 400 * day) });
  const said = late.findings.find(({ code }) => code === "issuerExpired")!;
  assertStringIncludes(said.what, "casty-ca, which expired on");
  assertStringIncludes(said.remedy, "rotate-ca");
});

Deno.test("the host under which a peer is dialled must be covered", async () => {
  await using work = await set();
  const report = await ask(work, { host: "10.1.2.3", ownHost: "node-1.example.com" });
  assertEquals(codes(report), ["A: wrongHost", "B: wrongHost"]);
  const { remedy } = report.findings.find(({ about }) => about === "B")!;
  assertStringIncludes(remedy, "create-node node-2 localhost 127.0.0.1 ::1 10.1.2.3 --ca-dir");
  // The remedy is a command that runs and works.
  await work.ok(...remedy.split(" ").slice(4));
  assertEquals(codes(await ask(work, { host: "10.1.2.3" })), []);
  await work.ok("create-node", "*.example.com", "--ca-dir", "@certs/ca", "--out", "@w");
  const wild = async (host: string) =>
    codes(await diagnose(work.path("certs/node-1"), work.path("w"), { host }))
      .includes("B: wrongHost");
  assertEquals(await wild("a.example.com"), false);
  assertEquals(await wild("A.Example.COM"), false);
  assertEquals(await wild("a.b.example.com"), true);
  assertEquals(await wild("example.com"), true);
});

Deno.test("a key that is missing, of another run, encrypted or no key is reported", async () => {
  await using work = await set();
  const key = work.path("certs/node-2/node.key");
  await Deno.copyFile(work.path("certs/node-1/node.key"), key);
  assertEquals(codes(await ask(work)), ["B: keyMismatch"]);
  await Deno.writeTextFile(key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
  assertEquals(codes(await ask(work)), ["B: keyEncrypted"]);
  await Deno.writeTextFile(key, "garbage");
  assertEquals(codes(await ask(work)), ["B: unreadable"]);
  await Deno.remove(key);
  assertEquals(codes(await ask(work)), ["B: keyMissing"]);
});

Deno.test({
  name: "an open key file and an authority's key in a node's folder are reported",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using work = await set();
    await Deno.chmod(work.path("certs/node-2/node.key"), 0o644);
    await Deno.copyFile(work.path("certs/ca/ca.key"), work.path("certs/node-1/ca.key"));
    const report = await ask(work);
    assertEquals(codes(report), ["A: authorityKeyHere", "B: openKeyFile"]);
    assertEquals(report.verdict, "refused");
    assertStringIncludes(report.findings[0]!.what, "mode 0644");
    // The remedy works.
    assertEquals(report.findings[0]!.remedy, `chmod 600 ${work.path("certs/node-2/node.key")}`);
    await Deno.chmod(work.path("certs/node-2/node.key"), 0o600);
    assertEquals(codes(await ask(work)), ["A: authorityKeyHere"]);
  },
});

Deno.test("two clients, and two peers with one certificate, are reported", async () => {
  await using work = await set();
  await work.ok("create-client", "you", "--ca-dir", "@certs/ca", "--out", "@certs/you");
  assertEquals(codes(await ask(work, {}, "me", "you")), ["A and B: twoClients"]);
  const same = await ask(work, {}, "node-1", "node-1");
  assertEquals(codes(same), ["A and B: sameCertificate"]);
  assertEquals(same.verdict, "accepted");
});

Deno.test("bundles and lists that cannot be read, or hold what does not belong there", async () => {
  await using work = await set();
  const bundle = work.path("certs/node-1/ca.crt");
  const leaf = await Deno.readTextFile(work.path("certs/node-2/node.crt"));
  await Deno.writeTextFile(bundle, leaf, { append: true });
  assertEquals(codes(await ask(work)), ["A: issuerNotAuthority"]);
  await Deno.writeTextFile(bundle, "garbage");
  await work.write("certs/node-2/ca.crl", "garbage");
  assertEquals(codes(await ask(work)), ["A: unreadable", "B: unreadable"]);
});

Deno.test("in the middle of a rotation the doctor finds the peer that lags behind", async () => {
  await using work = await set();
  const root = work.path("certs");
  const lagging = await work.files("certs/node-1");
  const restore = async () => {
    for (const [file, text] of Object.entries(lagging)) await work.write(file, text);
  };
  await beginRotation(root);
  await restore();
  assertEquals((await ask(work)).verdict, "accepted");
  await beginRotation(root);
  await signRotation(root);
  await restore();
  const report = await ask(work);
  assertEquals(codes(report), ["A: untrusted"]);
  assertStringIncludes(report.findings[0]!.what, "another authority of the same name (casty-ca)");
  assertEquals((await beginOrSign(root)).verdict, "accepted");

  async function beginOrSign(folder: string) {
    await Deno.copyFile(`${folder}/node-2/ca.crt`, `${folder}/node-1/ca.crt`);
    return await ask(work);
  }
  await signRotation(root);
  await finishRotation(root);
  assertEquals((await ask(work)).verdict, "accepted");
});

Deno.test("what is no pair of certificates is refused in one line", async () => {
  await using work = await set();
  const one = work.path("certs/node-1");
  for (const other of ["nowhere", "certs", "certs/node-2/node.key"]) {
    const error = await assertRejects(() => diagnose(one, work.path(other)), CertError);
    assertStringIncludes(error.message, work.path(other));
    assert(!error.message.includes("\n"), error.message);
  }
  await assertRejects(() => ask(work, { host: "a b" }), CertError, "a b");
});

const bad: Readonly<Record<string, { leaf: OpensslLeaf; codes: string[] }>> = {
  "no key usage for signatures": {
    leaf: { ext: nodeExt.with(1, "keyUsage=critical,keyAgreement") },
    codes: ["B: wrongUse"],
  },
  "not made for servers": {
    leaf: { ext: nodeExt.with(2, "extendedKeyUsage=clientAuth") },
    codes: ["B: wrongUse"],
  },
  "not made for clients": {
    leaf: { ext: nodeExt.with(2, "extendedKeyUsage=serverAuth") },
    codes: ["B: wrongUse"],
  },
  "no extended key usage": {
    leaf: { ext: nodeExt.toSpliced(2, 1) },
    codes: ["B: wrongUse"],
  },
  "no URI name": {
    leaf: { ext: nodeExt.with(3, "subjectAltName=DNS:localhost") },
    codes: ["B: noIdentity"],
  },
  "two URI names": {
    leaf: {
      ext: nodeExt.with(
        3,
        "subjectAltName=DNS:localhost,URI:spiffe://c/node/a,URI:spiffe://c/client/b",
      ),
    },
    codes: ["B: noIdentity"],
  },
  "signed by itself": {
    leaf: { ext: nodeExt, selfSigned: true },
    codes: ["A: untrusted", "B: untrusted"],
  },
  "an authority": {
    leaf: { ext: ["basicConstraints=critical,CA:TRUE", ...nodeExt.slice(1)] },
    codes: ["B: wrongUse"],
  },
  "signed by a leaf": {
    leaf: { ext: nodeExt, issuer: "certs/node-1/node" },
    codes: ["A: untrusted", "B: untrusted"],
  },
};

for (const [name, { leaf, codes: expected }] of Object.entries(bad)) {
  opensslTest(`doctor and transport agree about a certificate that is bad: ${name}`, async () => {
    await using work = await set();
    await opensslLeaf(work, leaf);
    const report = await ask(work);
    assertEquals(codes(report), expected);
    assertEquals(report.verdict, "refused");
    for (const { what, why, remedy } of report.findings) {
      for (const text of [what, why, remedy]) assert(text.length > 10, text);
    }
    assertEquals(await transportTakes(work, "node-2", "node-1"), false);
  });
}

opensslTest("a good certificate of openssl is accepted by doctor and transport", async () => {
  await using work = await set();
  await opensslLeaf(work, { ext: nodeExt });
  assertEquals(codes(await ask(work, { host: "localhost" })), []);
  assertEquals(await transportTakes(work, "node-2", "node-1"), true);
});

opensslTest("intermediate authorities: shown, missing, and below path length 0", async () => {
  await using work = await set();
  const authorityExt = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
  // An authority of openssl without a path length, beside ours with path length 0.
  await opensslLeaf(work, { ext: authorityExt, selfSigned: true }, "wide");
  for (const [issuer, expected] of [["wide", []], ["certs/ca/ca", ["A: pathLength"]]] as const) {
    await opensslLeaf(work, { ext: authorityExt, issuer }, "sub");
    await opensslLeaf(work, { ext: nodeExt, issuer: "sub" });
    const sub = await Deno.readTextFile(work.path("sub.crt"));
    for (const node of ["node-1", "node-2"]) {
      await Deno.copyFile(work.path(`${issuer}.crt`), work.path(`certs/${node}/ca.crt`));
    }
    const alone = await Deno.readTextFile(work.path("certs/node-2/node.crt"));
    const own = await ask(work, {}, "node-2", "node-2");
    assert(codes(own).includes("A: untrusted"), "the intermediate is missing");
    await work.write("certs/node-2/node.crt", alone + sub);
    // Node 1 is of our authority in both rounds, so only how it judges node 2 counts.
    const seen = (await ask(work)).findings.filter(({ what }) => {
      return what.startsWith("A does not accept the certificate of node node-2");
    });
    assertEquals(seen.map(({ about, code }) => `${about}: ${code}`), [...expected], issuer);
    if (issuer === "certs/ca/ca") {
      const report = await ask(work);
      assertStringIncludes(JSON.stringify(report.findings), "path length");
      assertEquals(await transportTakes(work, "node-2", "node-1"), false);
    } else {
      assertEquals(await transportTakes(work, "node-2", "node-1"), true);
    }
  }
});

opensslTest(
  "a revoked certificate is found in the list of openssl, and other lists are judged",
  async () => {
    await using work = await set();
    await opensslLeaf(work, { ext: nodeExt });
    await work.write("index.txt", "");
    await work.write("crlnumber", "01");
    await work.write(
      "ca.cnf",
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${work.path("index.txt")}\ncrlnumber=${
        work.path("crlnumber")
      }\ndefault_md=sha256\ndefault_crl_days=30\n`,
    );
    const pair = ["-keyfile", "@certs/ca/ca.key", "-cert", "@certs/ca/ca.crt"];
    const run = async (...args: string[]) => {
      const { success, text } = await work.openssl("ca", "-config", "@ca.cnf", ...pair, ...args);
      assert(success, text);
    };
    await run("-gencrl", "-out", "@certs/node-1/ca.crl");
    assertEquals(codes(await ask(work)), []);
    // A node rejects what an authority with an outdated list has issued, unless the option says no.
    const over = { now: new Date(Date.now() + 30.5 * day) };
    for (
      const [crlRequired, refuses] of [[undefined, true], [false, false], [true, true]] as const
    ) {
      const options = { ...over, ...(crlRequired !== undefined && { crlRequired }) };
      const outdated = codes(await ask(work, options)).filter((code) => code.startsWith("A: "));
      assertEquals(outdated.includes("A: noRevocationList"), refuses, String(crlRequired));
      assert(outdated.includes("A: crlExpired"));
    }
    await run("-revoke", "@certs/node-2/node.crt");
    await run("-gencrl", "-out", "@certs/node-1/ca.crl");
    const report = await ask(work);
    assertEquals(codes(report), ["A: revoked"]);
    assertStringIncludes(report.findings[0]!.what, "serial number 7");
    const later = await ask(work, { now: new Date(Date.now() + 30.5 * day) });
    assert(codes(later).includes("A: crlExpired"));
    // The list of another authority says nothing.
    await initWorkspace(work.path("other"), { nodes: 0, clients: [] });
    pair.splice(1, 1, "@other/ca/ca.key");
    pair.splice(3, 1, "@other/ca/ca.crt");
    await run("-gencrl", "-out", "@certs/node-1/ca.crl");
    assertEquals(codes(await ask(work)), ["A: badRevocationList"]);
  },
);

opensslTest("weak keys and signatures, and unknown critical extensions, are reported", async () => {
  await using work = await set();
  await opensslLeaf(work, { ext: [...nodeExt, "1.2.3.4=critical,ASN1:NULL"] });
  assertEquals(codes(await ask(work)), ["B: unknownCriticalExtension"]);
  await opensslLeaf(work, { ext: nodeExt, more: ["-sha1"] });
  assertEquals(codes(await ask(work)), ["B: weakSignature"]);
});
