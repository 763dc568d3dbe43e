/**
 * Makes certificates as other tools make them, with the `openssl` command. Each key is generated
 * once; requests for the same key and subject are used again.
 *
 * @module
 */

/** Arguments of `openssl genpkey` by the name of a type of key. */
const keyArguments = {
  p256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  p384: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
  p521: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
  p224: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"],
  secp256k1: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
  brainpool: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"],
  rsa1024: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
  rsa2048: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  rsa3072: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
  rsa4096: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
  rsaPss: ["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
  ed25519: ["-algorithm", "ed25519"],
  ed448: ["-algorithm", "ed448"],
} as const;

/** A type of key; what follows a colon tells several of one type apart. */
export type KeyName = keyof typeof keyArguments | `${keyof typeof keyArguments}:${string}`;

/** What a certificate says. */
export interface Template {
  /** Default: `p256:leaf`. */
  readonly key?: KeyName;
  /** As `openssl -subj` takes it. Default: `/CN=node-1`. */
  readonly subject?: string;
  /** Lines of the extensions section, and whole sections after them. Default: none. */
  readonly extensions?: readonly string[];
  /** Arguments for the signature. Default: `-sha256` where the key has no hash of its own. */
  readonly sign?: readonly string[];
  /** Lines of the section `[req]`, such as `string_mask=...`. */
  readonly request?: readonly string[];
  /** Days from now until it ends; negative: it has ended. Default 300. */
  readonly days?: number;
  /** As `openssl -set_serial` takes it. Default: a random one. */
  readonly serial?: string;
}

/** A certificate with its key. */
export interface Made {
  /** PEM. */
  readonly cert: string;
  readonly certFile: string;
  /** PEM. */
  readonly key: string;
  readonly keyFile: string;
}

/** A folder of certificates. */
export class Pki implements AsyncDisposable {
  readonly dir: string;
  readonly #keys = new Map<string, Promise<string>>();
  readonly #requests = new Map<string, Promise<string>>();
  #count = 0;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** An empty one. */
  static async create(): Promise<Pki> {
    return new Pki(await Deno.makeTempDir({ prefix: "casty-pki-" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }

  /** Path of a private key, PKCS#8 PEM. */
  key(name: KeyName): Promise<string> {
    let key = this.#keys.get(name);
    if (key === undefined) {
      const type = name.split(":")[0] as keyof typeof keyArguments;
      const file = `${this.dir}/key-${name.replace(":", "-")}.pem`;
      key = openssl("genpkey", ...keyArguments[type], "-out", file).then(() => file);
      this.#keys.set(name, key);
    }
    return key;
  }

  /** A self-signed certificate. */
  async root(template: Template = {}): Promise<Made> {
    const { key = "p256:root", extensions = [], subject = "/CN=lab-root" } = template;
    const [keyFile, base] = [await this.key(key), this.#base()];
    const config = await this.#config(base, template.request, ["[v3]", ...extensions]);
    const sign = digest(template, keyFile);
    const signed = ["-x509", "-new", "-key", keyFile, ...sign, ...this.#serial(template)];
    const days = ["-days", String(template.days ?? 900)];
    const names = subject === "" ? [] : ["-subj", subject];
    const v3 = extensions.length === 0 ? [] : ["-extensions", "v3"];
    await openssl("req", "-config", config, ...v3, ...signed, ...names, ...days, "-out", base);
    return await made(base, keyFile);
  }

  /** A certificate that another one has signed. */
  async issue(issuer: Made, template: Template = {}): Promise<Made> {
    const { key = "p256:leaf", extensions = [], days = 300 } = template;
    const [keyFile, base] = [await this.key(key), this.#base()];
    const request = await this.#request(key, template);
    const sign = digest(template, issuer.keyFile);
    const signer = ["-CA", issuer.certFile, "-CAkey", issuer.keyFile, ...sign];
    const serial = template.serial === undefined
      ? ["-CAcreateserial", "-CAserial", `${this.dir}/serial`]
      : this.#serial(template);
    const v3 = ["-extfile", `${base}.ext`];
    await Deno.writeTextFile(`${base}.ext`, `${extensions.join("\n")}\n`);
    const args = ["-req", "-in", request, ...signer, ...serial, "-days", String(days), ...v3];
    await openssl("x509", ...args, "-out", base);
    return await made(base, keyFile);
  }

  /** A revocation list of an authority, PEM; `revoked` are certificates. */
  async list(
    issuer: Made,
    revoked: readonly Made[],
    {
      outdated = false,
      sign = ["-md", "sha256"] as readonly string[],
      extensions = [] as string[],
    } = {},
  ): Promise<string> {
    const base = this.#base();
    await Deno.writeTextFile(`${base}.index`, "");
    await Deno.writeTextFile(`${base}.number`, "01");
    const lines = [
      "[ca]",
      "default_ca=d",
      "[d]",
      `database=${base}.index`,
      `crlnumber=${base}.number`,
      "default_md=sha256",
      ...(extensions.length > 0 ? ["crl_extensions=e", "[e]", ...extensions] : []),
    ];
    await Deno.writeTextFile(`${base}.cnf`, `${lines.join("\n")}\n`);
    const signer = ["-config", `${base}.cnf`, "-cert", issuer.certFile, "-keyfile", issuer.keyFile];
    for (const { certFile } of revoked) await openssl("ca", ...signer, "-revoke", certFile);
    const dates = outdated
      ? ["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20210101000000Z"]
      : ["-crldays", "30"];
    await openssl("ca", ...signer, "-gencrl", ...dates, ...sign, "-out", base);
    return await Deno.readTextFile(base);
  }

  /** A certificate or list in DER. */
  async der(pem: string): Promise<Uint8Array> {
    const base = this.#base();
    await Deno.writeTextFile(base, pem);
    const type = pem.includes("X509 CRL") ? "crl" : "x509";
    await openssl(type, "-in", base, "-outform", "DER", "-out", `${base}.der`);
    return await Deno.readFile(`${base}.der`);
  }

  /** The output of `openssl x509 -text`, which easy-rsa and others write before the PEM block. */
  async withText({ certFile }: Made): Promise<string> {
    return await openssl("x509", "-in", certFile, "-text");
  }

  /** The key in the form of openssl before PKCS#8: `RSA PRIVATE KEY`, `EC PRIVATE KEY`. */
  async traditionalKey({ keyFile }: Made): Promise<string> {
    return await openssl("pkey", "-in", keyFile, "-traditional");
  }

  async #request(key: KeyName, { subject = "/CN=node-1", request }: Template): Promise<string> {
    const id = [key, subject, ...request ?? []].join("\n");
    let made = this.#requests.get(id);
    if (made === undefined) {
      const base = this.#base();
      made = (async () => {
        const config = await this.#config(base, request, []);
        const names = subject === "" ? [] : ["-subj", subject];
        const args = ["-new", "-key", await this.key(key), ...names, "-out", base];
        await openssl("req", "-config", config, ...args);
        return base;
      })();
      this.#requests.set(id, made);
    }
    return await made;
  }

  async #config(
    base: string,
    request: readonly string[] = ["[dn]"],
    sections: readonly string[],
  ): Promise<string> {
    const lines = ["[req]", "distinguished_name=dn", ...request, ...sections];
    await Deno.writeTextFile(`${base}.cnf`, `${lines.join("\n")}\n`);
    return `${base}.cnf`;
  }

  #serial({ serial }: Template): string[] {
    return serial === undefined ? [] : ["-set_serial", serial];
  }

  #base(): string {
    return `${this.dir}/${this.#count++}`;
  }
}

/** Ed25519 and Ed448 have a hash of their own. */
function digest({ sign }: Template, signerKey: string): readonly string[] {
  return sign ?? (/key-ed\d+/.test(signerKey) ? [] : ["-sha256"]);
}

async function made(certFile: string, keyFile: string): Promise<Made> {
  const [cert, key] = await Promise.all([certFile, keyFile].map((file) => Deno.readTextFile(file)));
  return { cert: cert!, certFile, key: key!, keyFile };
}

/** What `openssl` prints. */
export async function openssl(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("openssl", {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
