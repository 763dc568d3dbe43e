import { createCa } from "../../../lib/cert/authority/authority.ts";
import type { TlsMaterial } from "../../../lib/runtime/network.ts";
import { makeOrdinary } from "./pkijs_certificate.ts";

/** A certificate and its private key, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate should say. The defaults make a good node certificate for loopback. */
export interface Wanted {
  readonly name?: string;
  readonly uri?: string | readonly string[];
  readonly hosts?: readonly string[];
  readonly usages?: string;
  readonly constraints?: string;
  readonly keyUsage?: string;
  /** Start and end of validity as `YYYYMMDDHHMMSSZ`. */
  readonly validity?: readonly [string, string];
  readonly issuer?: Pair;
}

export const longAgo: readonly [string, string] = ["20200101000000Z", "20210101000000Z"];
export const farAhead: readonly [string, string] = ["20450101000000Z", "20480101000000Z"];

/**
 * Makes certificates in a folder of its own: good ones with our own tool, bad ones with the
 * `openssl` command.
 */
export class Certificates implements AsyncDisposable {
  readonly ca: Pair;
  readonly #dir: string;
  #count = 0;

  private constructor(dir: string, ca: Pair) {
    this.#dir = dir;
    this.ca = ca;
  }

  /** `intermediates`: the root allows authorities below it, as our own tool never does. */
  static async create({ intermediates = false } = {}): Promise<Certificates> {
    const dir = await Deno.makeTempDir({ prefix: "casty-certificates-" });
    if (intermediates) {
      const maker = new Certificates(dir, { cert: "", key: "" });
      return new Certificates(dir, await maker.authority());
    }
    return new Certificates(dir, await createCa({ commonName: "test authority" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#dir, { recursive: true });
  }

  /** An authority of its own, or below `issuer`. */
  authority(wanted: Wanted = {}): Promise<Pair> {
    return this.#make({
      name: "test authority",
      uri: [],
      hosts: [],
      usages: "",
      constraints: "CA:TRUE",
      keyUsage: "keyCertSign,cRLSign",
      ...wanted,
    });
  }

  /** A leaf certificate. Default: of node `node-1`, below `ca`, for localhost and 127.0.0.1. */
  leaf(wanted: Wanted = {}): Promise<Pair> {
    return this.#make({ issuer: this.ca, ...wanted });
  }

  /** A good node certificate with everything that one end needs. */
  async node(wanted: Wanted = {}): Promise<TlsMaterial> {
    return { ...await this.leaf(wanted), ca: this.ca.cert };
  }

  /** A good client certificate with everything that one end needs. */
  async client(wanted: Wanted = {}): Promise<TlsMaterial> {
    const name = wanted.name ?? "client-1";
    const uri = `spiffe://casty/client/${name}`;
    const leaf = await this.leaf({ name, uri, hosts: [], usages: "clientAuth", ...wanted });
    return { ...leaf, ca: this.ca.cert };
  }

  /** Writes a PEM text with mode 0600 and returns its path. */
  async file(text: string, mode = 0o600): Promise<string> {
    const path = `${this.#dir}/${this.#count++}.pem`;
    await Deno.writeTextFile(path, text, { mode });
    await Deno.chmod(path, mode);
    return path;
  }

  async #make(wanted: Wanted): Promise<Pair> {
    const role = ordinaryRole(wanted);
    if (role !== undefined) {
      const { name = "node-1", hosts = ["localhost", "127.0.0.1"] } = wanted;
      const uri = String(wanted.uri ?? `spiffe://casty/node/${name}`);
      return await makeOrdinary({ role, name, uri, hosts }, wanted.issuer ?? this.ca);
    }
    const base = `${this.#dir}/${this.#count++}`;
    const name = wanted.name ?? "node-1";
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const subject = ["-subj", `/CN=${name}`, "-keyout", `${base}.key`];
    const extensions = extensionsOf(wanted, name);
    if (wanted.validity === undefined) {
      const signer = await this.#signer(wanted.issuer);
      const args = [...newKey, ...subject, ...extensions, ...signer, "-out", `${base}.pem`];
      await openssl("req", "-x509", "-days", "30", ...args);
    } else {
      await openssl("req", "-new", ...newKey, ...subject, ...extensions, "-out", `${base}.csr`);
      await this.#signWithDates(base, wanted.validity, wanted.issuer);
    }
    return {
      cert: await Deno.readTextFile(`${base}.pem`),
      key: await Deno.readTextFile(`${base}.key`),
    };
  }

  async #signer(issuer: Pair | undefined): Promise<string[]> {
    if (issuer === undefined) return [];
    return ["-CA", await this.file(issuer.cert), "-CAkey", await this.file(issuer.key)];
  }

  /** Only `openssl ca` of version 3.0 can choose the start of validity; it wants a database. */
  async #signWithDates(
    base: string,
    [start, end]: readonly [string, string],
    issuer: Pair | undefined,
  ): Promise<void> {
    await Deno.writeTextFile(`${base}.index`, "");
    const lines = [
      "[ca]",
      "default_ca=d",
      "[d]",
      `database=${base}.index`,
      `new_certs_dir=${this.#dir}`,
      "rand_serial=yes",
      "default_md=sha256",
      "policy=p",
      "copy_extensions=copy",
      "[p]",
      "commonName=supplied",
    ];
    await Deno.writeTextFile(`${base}.cnf`, lines.join("\n"));
    const signer = issuer === undefined
      ? ["-selfsign", "-keyfile", `${base}.key`]
      : ["-cert", await this.file(issuer.cert), "-keyfile", await this.file(issuer.key)];
    const dates = ["-startdate", start, "-enddate", end, "-notext", "-batch"];
    const files = ["-config", `${base}.cnf`, "-in", `${base}.csr`, "-out", `${base}.pem`];
    await openssl("ca", ...files, ...signer, ...dates);
  }
}

/** The role of a certificate that our own tool would make; `undefined` for all others. */
function ordinaryRole(wanted: Wanted): "node" | "client" | undefined {
  const { uri, usages, constraints, keyUsage, validity, issuer } = wanted;
  if (constraints ?? keyUsage ?? validity) return undefined;
  if (issuer === undefined || Array.isArray(uri)) return undefined;
  if (usages === undefined && (uri === undefined || uri.includes("/node/"))) return "node";
  return usages === "clientAuth" && String(uri).includes("/client/") ? "client" : undefined;
}

function extensionsOf(wanted: Wanted, name: string): string[] {
  const uris = [wanted.uri ?? `spiffe://casty/node/${name}`].flat();
  const names = [
    ...(wanted.hosts ?? ["localhost", "127.0.0.1"]).map((host) => {
      return /^[\d.]+$|:/.test(host) ? `IP:${host}` : `DNS:${host}`;
    }),
    ...uris.map((uri) => `URI:${uri}`),
  ];
  const usages = wanted.usages ?? "serverAuth,clientAuth";
  const extensions = [`basicConstraints=critical,${wanted.constraints ?? "CA:FALSE"}`];
  if (names.length > 0) extensions.push(`subjectAltName=${names.join(",")}`);
  if (usages !== "") extensions.push(`extendedKeyUsage=${usages}`);
  if (wanted.keyUsage !== undefined) extensions.push(`keyUsage=critical,${wanted.keyUsage}`);
  return extensions.flatMap((extension) => ["-addext", extension]);
}

async function openssl(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
