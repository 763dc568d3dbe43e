import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";

opensslTest(
  "a workspace with a revocation list has one of the next authority from the first phase",
  async () => {
    await using work = await Workspace.create();
    await work.ok("init", "--out", "@certs", "--nodes", "2");
    await work.ok("revoke", "@certs/client/client.crt", "--ca-dir", "@certs/ca");
    const lists = async () => {
      const text = await Deno.readTextFile(work.path("certs/ca/ca.crl"));
      return text.match(/BEGIN X509 CRL/g)!.length;
    };
    const said = await work.dry("rotate-ca", "begin", "@certs");
    assertStringIncludes(said, `Would write: ${work.path("certs/ca/ca.crl")}\n`);
    const begun = await work.ok("rotate-ca", "begin", "@certs");
    assertStringIncludes(begun, `read a revocation list: ${work.path("certs/ca/ca.crl")}\n`);
    assertEquals(await lists(), 2);
    assertStringIncludes(await work.ok("rotate-ca", "begin", "@certs"), "Nothing was to be done.");
    const signed = await work.ok("rotate-ca", "sign", "@certs");
    assert(!signed.includes("client: client.crt"), signed);
    for (const phase of ["signed", "finished"]) {
      if (phase === "finished") await work.ok("rotate-ca", "finish", "@certs");
      // It is required, and of the issuer.
      await work.ok("verify", "@certs/node-1/node.crt", "--ca", "@certs/ca/ca.crt");
      const files = ["-CAfile", "@certs/ca/ca.crt", "-CRLfile", "@certs/ca/ca.crl"];
      const check = ["verify", "-crl_check", ...files, "@certs/node-1/node.crt"];
      const { success, text } = await work.openssl(...check);
      assert(success, text);
      const config = await TlsConfig.fromPaths({
        certFile: work.path("certs/node-1/node.crt"),
        keyFile: work.path("certs/node-1/node.key"),
        caFile: work.path("certs/ca/ca.crt"),
        crlFile: work.path("certs/ca/ca.crl"),
        crlRequired: true,
      });
      assertEquals(config.kind, "node");
    }
    await work.ok("revoke", "@certs/node-2/node.crt", "--ca-dir", "@certs/ca");
    assertEquals(await lists(), 2);
    const { exitCode } = await work.cert(
      "verify",
      "@certs/node-2/node.crt",
      "--ca",
      "@certs/ca/ca.crt",
    );
    assertEquals(exitCode, 1);
  },
);
