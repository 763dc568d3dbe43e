import { assertEquals, assertThrows } from "@std/assert";
import { CertificateRefusedError } from "../../lib/transport/tls/certificate_refused.ts";
import { identifyPeer } from "../../lib/transport/tls/peer_identity.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { readCertificate } from "../../lib/x509/certificate.ts";
import { pemCertificates } from "../../lib/x509/pem.ts";
import { opensslTest } from "../openssl.ts";
import { type Made, Pki, type Template } from "./pki.ts";

const authority: Template = {
  extensions: ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"],
};

function node(name: string): Template {
  return {
    extensions: [
      "extendedKeyUsage=serverAuth,clientAuth",
      `subjectAltName=DNS:${name},URI:spiffe://lab/node/${name}`,
    ],
  };
}

opensslTest("a list of an intermediate counts that only the peer shows", async () => {
  await using pki = await Pki.create();
  const root = await pki.root(authority);
  const below = (key: "p256:east" | "p256:west") =>
    pki.issue(root, { ...authority, key, subject: `/CN=${key}` });
  const [east, west] = [await below("p256:east"), await below("p256:west")];
  const own = await pki.issue(east, node("own"));
  const [good, revoked] = [
    await pki.issue(west, node("good")),
    await pki.issue(west, node("revoked")),
  ];
  const files = {
    certFile: `${pki.dir}/own.crt`,
    keyFile: `${pki.dir}/own.key`,
    caFile: root.certFile,
    crlFile: `${pki.dir}/all.crl`,
  };
  await Deno.writeTextFile(files.certFile, own.cert + east.cert);
  await Deno.writeTextFile(files.keyFile, own.key, { mode: 0o600 });
  const lists = [pki.list(root, []), pki.list(east, []), pki.list(west, [revoked])];
  await Deno.writeTextFile(files.crlFile, (await Promise.all(lists)).join(""));
  const judge = (tls: TlsConfig, peer: Made) => {
    const chain = [peer, west].flatMap(({ cert }) => pemCertificates(cert));
    const authorities = pemCertificates(tls.ca).map(readCertificate);
    return tls.judge(identifyPeer(chain, authorities, Date.now()))?.fault;
  };
  for (const crlRequired of [false, true]) {
    await using tls = await TlsConfig.fromPaths({ ...files, crlRequired });
    assertEquals(judge(tls, good), undefined);
    assertEquals(judge(tls, revoked), "revoked");
  }
  // An intermediate of another root neither is believed nor has its list read.
  const other = await pki.root({ ...authority, key: "p256:other", subject: "/CN=other" });
  await using foreign = await TlsConfig.fromPaths({ ...files });
  const foreignPeer = await pki.issue(other, node("good"));
  assertThrows(() => judge(foreign, foreignPeer), CertificateRefusedError);
});
