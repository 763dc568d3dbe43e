import { checkOptions, withDefaults } from "../../options/check_options.ts";
import { initDefaults, initTable } from "../../options/tables/cert_tables.ts";
import { createCa, issueClient, type Issued, issueNode } from "./authority.ts";
import { loadCa, readText, writePair } from "./certificate_files.ts";
import { readCertificate } from "./certificate_info.ts";
import { CertError } from "../errors.ts";
import { parseHostName } from "./host_name.ts";
import { readBundle } from "./pem_bundle.ts";
import { isEncryptedKey } from "./private_key.ts";
import { derIssuedBy } from "../../x509/chain.ts";
import type { Authority } from "./issuing_authority.ts";
import type { KeyType } from "./key_type.ts";
import { trustDomainOfAuthority } from "./trust_domain.ts";
import { type ValidityOptions, validitySpan } from "./validity.ts";
import { exists, makePrivateFolder, replaceFile } from "./workspace.ts";

/** Options of `initWorkspace`. The validity is that of the leaves, 90 days by default. */
export interface InitOptions extends ValidityOptions {
  /** Nodes, called `node-1` and so on, 0 to 1 000. Default 3. */
  readonly nodes?: number;
  /** Names of clients, each a folder. Default: one, called `client`. */
  readonly clients?: readonly string[];
  /** More names or addresses for every node certificate. Default: none. */
  readonly hosts?: readonly string[];
  /**
   * Name of the cluster, which becomes the trust domain of the authority, if that is to be made; see
   * {@linkcode CaOptions}. Default: the domain is made of `commonName`.
   */
  readonly clusterName?: string;
  /** Common name of the authority, if it is to be made. Default `"casty-ca"`, or `"<clusterName>-ca"`. */
  readonly commonName?: string;
  /** Of all keys that are to be made. Default `"p256"`. */
  readonly keyType?: KeyType;
  /** Encrypts the authority's key if it is to be made, and opens it if it is there. */
  readonly passphrase?: string;
  /**
   * Makes anew what is there and of no use: an expired authority, and certificates that have
   * expired, lack their key, or are of another authority. What works is kept. Default: false.
   */
  readonly force?: boolean;
  /** Writes nothing, and answers what would be made. Default: false. */
  readonly dryRun?: boolean;
}

/** One thing of a workspace, and what was done about it. */
export interface InitItem {
  /** What it is. */
  readonly kind: "authority" | "node" | "client";
  /** Name of the node or client; common name of the authority. */
  readonly name: string;
  /** Its folder. */
  readonly directory: string;
  /**
   * `made` now, `kept` as it was, there but of no use (`broken`: see `problem`), or `missing`, with
   * `dryRun` only.
   */
  readonly state: "made" | "kept" | "broken" | "missing";
  /** What is wrong with it and what to do; only when it is `broken`. */
  readonly problem?: string;
  /** End of validity; absent when the certificate cannot be read or is missing. */
  readonly notAfter?: Date;
}

/** Names that every node certificate of a dev set carries, besides its own. */
const localHosts = ["localhost", "127.0.0.1", "::1"];
const maxNodes = 1_000;

/**
 * Makes a whole set for development: an authority in a folder of its own, and a folder for each
 * node and client with its certificate, its key and the bundle of authorities (`ca.crt`), ready to
 * be shipped. What is there is kept, what is missing is added; nothing is overwritten but with
 * `force` what is of no use.
 *
 * @throws {CertError} codes `badName`, `badValidity`, `notFound` (the authority's key is not here
 * and something is to be issued), `notWritable`, and those of {@linkcode issueNode}.
 *
 * @example
 * ```ts
 * import { initWorkspace } from "@casty/casty/cert";
 *
 * const folder = await Deno.makeTempDir();
 * const made = await initWorkspace(`${folder}/certs`, {
 *   clusterName: "shop",
 *   nodes: 2,
 *   clients: ["till"],
 * });
 * console.assert(made.every(({ state }) => state === "made"));
 * const again = await initWorkspace(`${folder}/certs`, { nodes: 3, clients: ["till"] });
 * console.assert(again.filter(({ state }) => state === "made").length === 1);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function initWorkspace(root: string, options: InitOptions = {}): Promise<InitItem[]> {
  checkOptions(initTable, options);
  const { nodes = initDefaults.nodes, clients = ["client"], hosts = [] } = options;
  checkNodes(nodes);
  clients.forEach(checkClient);
  hosts.forEach(parseHostName);
  // Before the authority is made: what cannot be issued must not leave half a set.
  validitySpan(options);
  const items = [await authority(root, options)];
  const { dryRun, force } = withDefaults(initDefaults, options);
  const missing = items[0]!.state === "missing";
  const bundle = missing ? "" : await readText(`${root}/ca/ca.crt`, "no CA");
  const set: Plan = { root, ca: undefined, bundle, dryRun, force, passphrase: options.passphrase };
  const { validity, validityDays, keyType } = options;
  const more = {
    ...(validity !== undefined && { validity }),
    ...(validityDays !== undefined && { validityDays }),
    ...(keyType !== undefined && { keyType }),
  };
  for (let index = 1; index <= nodes; index++) {
    const name = `node-${index}`;
    const all = [name, ...localHosts, ...hosts];
    items.push(await leaf(set, "node", name, (ca) => issueNode(ca, { hosts: all, ...more })));
  }
  for (const name of new Set(clients)) {
    items.push(await leaf(set, "client", name, (ca) => issueClient(ca, { name, ...more })));
  }
  return items;
}

interface Plan {
  readonly root: string;
  /** Read when the first certificate is to be issued: its key may be kept elsewhere. */
  ca: Promise<Authority> | undefined;
  readonly bundle: string;
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly passphrase: string | undefined;
}

async function authority(root: string, options: InitOptions): Promise<InitItem> {
  const directory = `${root}/ca`;
  const item = { kind: "authority", name: "ca", directory } as const;
  const { passphrase, dryRun, force } = withDefaults(initDefaults, options);
  const { commonName, keyType } = options;
  let { clusterName } = options;
  if (await exists(`${directory}/ca.crt`)) {
    const info = await readCertificate(await readText(`${directory}/ca.crt`, "no CA"));
    const { notAfter } = info;
    clusterName ??= trustDomainOfAuthority(info);
    if (notAfter.getTime() > Date.now()) return { ...item, state: "kept", notAfter };
    const problem = `it has expired; init --force makes the whole set anew`;
    if (!force) return { ...item, state: "broken", problem, notAfter };
  }
  if (await exists(`${root}/ca.crt`)) {
    throw new CertError("exists", `${root} has an authority already, not in a folder of its own`, {
      value: root,
      remedy: `choose another folder, or use create-node --ca-dir ${root}`,
    });
  }
  if (dryRun) return { ...item, state: "missing" };
  if (passphrase === undefined) await refuseUnprotected(`${directory}/ca.key`);
  const ca = await createCa({
    ...(clusterName !== undefined && { clusterName }),
    ...(commonName !== undefined && { commonName }),
    ...(keyType !== undefined && { keyType }),
    ...(passphrase !== undefined && { passphrase }),
  });
  // What is in it can make members: not even the names of the files are for others.
  await makePrivateFolder(directory);
  await writePair(directory, "ca", ca, { force });
  return { ...item, state: "made", notAfter: ca.notAfter };
}

/** A key that is replaced must not become less protected than it was. */
async function refuseUnprotected(keyFile: string): Promise<void> {
  if (!await exists(keyFile) || !isEncryptedKey(await readText(keyFile, "no key"))) return;
  throw new CertError("encryptedKey", `${keyFile} has a passphrase, and none was given`, {
    value: keyFile,
    remedy: "name the variable that holds that of the new key with --passphrase-env",
  });
}

async function leaf(
  set: Plan,
  kind: "node" | "client",
  name: string,
  issue: (ca: Authority) => Promise<Issued>,
): Promise<InitItem> {
  const directory = `${set.root}/${name}`;
  const item = { kind, name, directory } as const;
  const files = [`${directory}/${kind}.crt`, `${directory}/${kind}.key`] as const;
  const there = await Promise.all(files.map(exists));
  const trust = `${directory}/ca.crt`;
  const { dryRun, force } = set;
  if (there.includes(true)) {
    const found = { ...item, ...await judge(set, files, there) };
    if (found.state === "kept" || !force) {
      if (!dryRun && !await exists(trust)) await replaceFile(trust, set.bundle);
      return found;
    }
  }
  if (dryRun) return { ...item, state: "missing" };
  set.ca ??= loadCa(`${set.root}/ca`, set.passphrase);
  const issued = await issue(await set.ca);
  await writePair(directory, kind, issued, { force });
  if (force || !await exists(trust)) await replaceFile(trust, set.bundle);
  return { ...item, state: "made", notAfter: issued.notAfter };
}

/** What is there is never touched, but a set that cannot work must not look as if it could. */
async function judge(
  set: Plan,
  [certFile, keyFile]: readonly [string, string],
  [cert, key]: readonly boolean[],
): Promise<Pick<InitItem, "state" | "problem" | "notAfter">> {
  const again = "init --force makes it anew";
  if (!cert) return { state: "broken", problem: `${certFile} is missing; ${again}` };
  if (!key) return { state: "broken", problem: `${keyFile} is missing; ${again}` };
  let notAfter: Date;
  let ours: boolean;
  try {
    const text = await readText(certFile, "no certificate");
    ({ notAfter } = await readCertificate(text));
    const [own] = await readBundle(text);
    const authorities = await readBundle(set.bundle);
    ours = own !== undefined && authorities.some(({ der }) => derIssuedBy(own.der, der));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { state: "broken", problem: `${certFile}: ${why}; ${again}` };
  }
  if (!ours) {
    const problem = `${certFile} was not issued by this authority; ${again}`;
    return { state: "broken", problem, notAfter };
  }
  if (notAfter.getTime() > Date.now()) return { state: "kept", notAfter };
  return { state: "broken", problem: `${certFile} has expired; ${again}`, notAfter };
}

function checkNodes(nodes: number): void {
  if (Number.isInteger(nodes) && nodes >= 0 && nodes <= maxNodes) return;
  throw new CertError("badName", `a set of ${nodes} nodes is not possible`, {
    value: nodes,
    remedy: `use a whole number from 0 to ${maxNodes}`,
  });
}

/** The name becomes a folder. */
function checkClient(name: string): void {
  if (
    name !== "ca" && !/^node-\d+$/.test(name) && /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(name)
  ) {
    return;
  }
  throw new CertError("badName", `${JSON.stringify(name)} cannot be the name of a client here`, {
    value: name,
    remedy: "use 1 to 64 letters, digits, dots, dashes or underscores, but not ca or node-1",
  });
}
