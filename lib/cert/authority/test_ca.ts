import { resolveOptions } from "../../options/check_options.ts";
import { testCaTable } from "../../options/tables/cert_tables.ts";
import { platform } from "../../runtime/platform.ts";
import type { CertificateClass } from "../../x509/identity.ts";
import { createCa, issueAdmin, issueClient, type Issued, issueNode } from "./authority.ts";
import { writePair } from "./certificate_files.ts";
import { revoke } from "./revocation.ts";
import { replaceFile } from "./workspace.ts";
import type { KeyType } from "./key_type.ts";
import type { ValidityOptions } from "./validity.ts";

/** Options of `testCa`. Default validity: one hour. */
export interface TestCaOptions extends ValidityOptions {
  /** Common name of the authority. Default `"test-ca"`. */
  readonly commonName?: string;
  /** Of all keys. Default `"p256"`. */
  readonly keyType?: KeyType;
}

/** An authority for tests, in memory. */
export interface TestCa {
  /** Its certificate, PEM. */
  readonly cert: string;
  /** Its private key, PEM. */
  readonly key: string;
  /** A node that is reached under these names; without any: localhost, 127.0.0.1 and ::1. */
  issueNode(...names: readonly string[]): Promise<TestCertificate>;
  /** A client. Default name: `"client"`. */
  issueClient(name?: string): Promise<TestCertificate>;
  /** An admin. Default name: `"admin"`. */
  issueAdmin(name?: string): Promise<TestCertificate>;
  /** A list, PEM, of these and all that were revoked before. */
  revoke(...certificates: readonly { readonly cert: string }[]): Promise<string>;
}

/** A certificate for tests. */
export interface TestCertificate {
  /** The certificate, PEM. */
  readonly cert: string;
  /** Its private key, PEM. */
  readonly key: string;
  /** Material for the `tls` option of `ClusteredActorSystem` and `ClusterClient`. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
  /** The same in a separate folder, which is removed on disposal. */
  files(): Promise<TestFiles>;
}

/** Files of a certificate, as `TlsConfig.fromPaths` takes them. */
export interface TestFiles extends AsyncDisposable {
  /** The folder. */
  readonly directory: string;
  /** The certificate. */
  readonly certFile: string;
  /** The private key, for its owner only. */
  readonly keyFile: string;
  /** The certificate of the authority. */
  readonly caFile: string;
}

/** Names of a machine for itself. */
const localNames = ["localhost", "127.0.0.1", "::1"];

/**
 * An authority for tests: in memory, good for one hour (as trustme does for Python).
 *
 * @throws {CertError} as {@linkcode createCa}; what it issues as {@linkcode issueNode}.
 *
 * @example
 * ```ts
 * import { testCa } from "@casty/casty/cert";
 *
 * const ca = await testCa();
 * const node = await ca.issueNode();
 * const client = await ca.issueClient("shop");
 * // ClusteredActorSystem.start({ ..., tls: node.tls })
 * console.assert(node.tls.ca === client.tls.ca);
 *
 * await using files = await client.files();
 * // TlsConfig.fromPaths(files)
 * console.assert((await Deno.readTextFile(files.certFile)) === client.cert);
 * ```
 */
export async function testCa(options: TestCaOptions = {}): Promise<TestCa> {
  const { commonName, keyType, ...times } = resolveOptions(testCaTable, options);
  const validity = Object.keys(times).length === 0 ? { validity: "1h" } : times;
  const { cert, key } = await createCa({ commonName, keyType, ...validity });
  const ca = { cert, key };
  let crl: string | undefined;
  return {
    ...ca,
    issueNode: async (...names) => {
      const hosts = names.length === 0 ? localNames : names;
      return certificate(await issueNode(ca, { hosts, keyType }), cert, "node");
    },
    issueClient: async (name = "client") =>
      certificate(await issueClient(ca, { name, keyType }), cert, "client"),
    issueAdmin: async (name = "admin") =>
      certificate(await issueAdmin(ca, { name, keyType }), cert, "admin"),
    revoke: async (...certificates) => {
      const list = await revoke(ca, {
        certificates: certificates.map(({ cert }) => cert),
        ...(crl !== undefined && { crl }),
      });
      crl = list.crl;
      return crl;
    },
  };
}

function certificate(
  { cert, key }: Issued,
  ca: string,
  name: CertificateClass,
): TestCertificate {
  return {
    cert,
    key,
    tls: { cert, key, ca },
    files: async () => {
      const directory = await platform.files.makeTempDir({ prefix: "casty-test-" });
      const dispose = () => platform.files.remove(directory, { recursive: true });
      try {
        const { certFile, keyFile } = await writePair(directory, name, { cert, key });
        const caFile = `${directory}/ca.crt`;
        await replaceFile(caFile, ca);
        return new TestFolder(directory, certFile, keyFile, caFile);
      } catch (error) {
        await dispose();
        throw error;
      }
    },
  };
}

/** Its own properties are options of `TlsConfig.fromPaths`, so that it can be passed as it is. */
class TestFolder implements TestFiles {
  readonly #directory: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;

  constructor(directory: string, certFile: string, keyFile: string, caFile: string) {
    this.#directory = directory;
    this.certFile = certFile;
    this.keyFile = keyFile;
    this.caFile = caFile;
  }

  get directory(): string {
    return this.#directory;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await platform.files.remove(this.#directory, { recursive: true });
  }
}
