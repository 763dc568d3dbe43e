/**
 * Replaces the authority of a running cluster without an interruption, in three phases (as Dapr
 * rotates its trust anchors): first every peer trusts both authorities, then every peer gets a
 * certificate of the new one, then the old one is no longer trusted.
 *
 * Which phase a workspace is in can be read from its files, and from nothing else:
 *
 *     ca/next/ca.crt, ca.key        begun: the next authority, which signs nothing yet
 *     ca/previous/ca.crt, ca.key    signed: the old authority, which signs nothing any more
 *
 * @module
 */
import { checkOptions } from "../../options/check_options.ts";
import { beginRotationTable, caDefaults, rotationTable } from "../../options/tables/cert_tables.ts";
import { platform } from "../../runtime/platform.ts";
import { createCa } from "../authority/authority.ts";
import { loadCa, writePair } from "../authority/certificate_files.ts";
import { readCertificate } from "../authority/certificate_info.ts";
import { CertError } from "../errors.ts";
import { type BundleEntry, bundleText } from "../authority/pem_bundle.ts";
import { type KeyType, keyTypes } from "../authority/key_type.ts";
import { isEncryptedKey, readPrivateKey } from "../authority/private_key.ts";
import { reissue } from "../authority/reissue.ts";
import { trustDomainOfAuthority } from "../authority/trust_domain.ts";
import { addNextList } from "./rotation_list.ts";
import {
  authorityOf,
  bundleOf,
  readState,
  type RotatedLeaf,
  type RotationOptions,
  type RotationPhase,
  type RotationState,
  rotationStatus,
  same,
} from "./rotation_state.ts";
import { type ValidityOptions, validitySpan } from "../authority/validity.ts";
import { exists, makePrivateFolder, replaceFile } from "../authority/workspace.ts";

/** What a phase has done. */
export interface RotationStep {
  /** The phase that the workspace is in now, or would be. */
  readonly phase: RotationPhase;
  /** Files that were written, or would be; empty when the phase had been done already. */
  readonly written: readonly string[];
  /** Certificates that were left as they are, and why. */
  readonly skipped: readonly { readonly file: string; readonly why: string }[];
}

/** Options of `beginRotation`. Default validity: that of the present authority. */
export interface BeginRotationOptions extends RotationOptions, ValidityOptions {
  /** Of the next authority. Default: as the present one, or `"p256"` when that is of another type. */
  readonly keyType?: KeyType;
}

/**
 * First phase: makes the next authority (`ca/next/`) and adds it to every `ca.crt` of the
 * workspace, and a list of its own to the revocation list, if there is one. It has the same common
 * name, so that the names in certificates stay what they are. Done again, it completes what is
 * missing.
 *
 * @throws {CertError} code `outOfOrder` when a rotation is in its second phase; codes `notFound`,
 * `malformed`, `badValidity`, `notWritable`; `encryptedKey` or `wrongPassphrase` when the passphrase
 * does not open the present key.
 *
 * @example
 * ```ts
 * import {
 *   beginRotation,
 *   finishRotation,
 *   initWorkspace,
 *   rotationStatus,
 *   signRotation,
 * } from "@casty/casty/cert";
 *
 * const certs = await Deno.makeTempDir();
 * await initWorkspace(certs, { nodes: 1 });
 * await beginRotation(certs);
 * // Here every node gets its ca.crt, and reloads it.
 * await signRotation(certs);
 * // Here every node gets its certificate and key, and reloads them.
 * console.assert((await rotationStatus(certs)).phase === "signed");
 * await finishRotation(certs);
 * await Deno.remove(certs, { recursive: true });
 * ```
 */
export async function beginRotation(
  root: string,
  options: BeginRotationOptions = {},
): Promise<RotationStep> {
  checkOptions(beginRotationTable, options);
  let state = await readState(root);
  const written: string[] = [];
  if (state.phase === "signed") {
    throw outOfOrder(
      "the certificates of this workspace are being replaced already",
      `end that rotation first with rotate-ca finish ${root}`,
    );
  }
  if (state.phase === "idle") {
    const pair = await makeNext(state, options);
    written.push(pair.certFile, pair.keyFile);
    if (options.dryRun) {
      const lists = await addNextList(state, options);
      return { phase: "begun", written: [...written, ...trustFiles(state), ...lists], skipped: [] };
    }
    state = await readState(root);
  }
  written.push(...await trust(state, (old) => [...old, state.next!], options));
  written.push(...await addNextList(state, options));
  return { phase: "begun", written, skipped: [] };
}

/**
 * Second phase: issues every certificate of the workspace anew under the next authority, which
 * becomes the one that signs. The old one is kept in `ca/previous/` and is still trusted.
 *
 * @throws {CertError} code `outOfOrder` when no rotation has begun, or a `ca.crt` of the workspace
 * does not trust the next authority yet; codes as {@linkcode beginRotation}.
 */
export async function signRotation(
  root: string,
  options: RotationOptions = {},
): Promise<RotationStep> {
  checkOptions(rotationTable, options);
  const state = await readState(root);
  if (state.phase === "idle") {
    throw outOfOrder("no rotation has begun", `start with rotate-ca begin ${root}`);
  }
  const { leaves } = await rotationStatus(root);
  checkTrust(root, state, leaves);
  const signer = state.phase === "begun" ? "next" : "current";
  const written: string[] = [];
  const skipped: { file: string; why: string }[] = [];
  const signerDir = signer === "next" ? `${state.caDir}/next` : state.caDir;
  const ca = await loadCa(signerDir, options.passphrase);
  const replaced = signer === "next" ? "current" : "previous";
  for (const leaf of leaves) {
    if (leaf.issuedBy === signer) continue;
    if (leaf.issuedBy !== replaced) {
      skipped.push({ file: leaf.certFile, why: "another authority has issued it" });
    } else if (leaf.revoked) {
      skipped.push({ file: leaf.certFile, why: "it is revoked; a new one would not be" });
    } else {
      if (!options.dryRun) await reissue(ca, leaf);
      written.push(leaf.certFile, leaf.keyFile);
    }
  }
  if (signer === "next") {
    if (!options.dryRun) await promote(state);
    written.push(`${state.caDir}/ca.crt`, `${state.caDir}/ca.key`);
  }
  return { phase: "signed", written, skipped };
}

/** A peer that does not trust the new authority yet would be cut off by the second phase. */
function checkTrust(root: string, state: RotationState, leaves: readonly RotatedLeaf[]): void {
  const signer = state.phase === "begun" ? "next" : "current";
  const late = leaves.find(({ trustFile, trusts }) => {
    return trustFile !== undefined && !trusts.includes(signer);
  });
  if (late !== undefined || !state.bundle.some(same(state[signer]!))) {
    const file = late?.trustFile ?? `${state.caDir}/ca.crt`;
    throw outOfOrder(
      `${file} does not trust the new authority yet`,
      state.phase === "begun"
        ? `run rotate-ca begin ${root} again, and bring the file to its node`
        : `add the certificate of ${state.caDir}/ca.crt to it, and bring it to its node`,
    );
  }
}

/**
 * Third phase: takes the old authority out of every `ca.crt`, and removes its key. From then on
 * its certificates are refused. Where no rotation is under way there is nothing to do.
 *
 * @throws {CertError} code `outOfOrder` when a certificate of the workspace is still one of the old
 * authority; codes as {@linkcode beginRotation}.
 */
export async function finishRotation(
  root: string,
  options: RotationOptions = {},
): Promise<RotationStep> {
  checkOptions(rotationTable, options);
  const state = await readState(root);
  if (state.phase === "idle") return { phase: "idle", written: [], skipped: [] };
  const { leaves } = await rotationStatus(root);
  const old = leaves.find(({ issuedBy, revoked }) => issuedBy === "previous" && !revoked);
  if (state.phase === "begun" || old !== undefined) {
    throw outOfOrder(
      old === undefined
        ? "the certificates are still those of the old authority"
        : `${old.certFile} is still a certificate of the old authority`,
      `run rotate-ca sign ${root} first`,
    );
  }
  const isOld = same(state.previous!);
  const isCurrent = same(state.current);
  const written = await trust(state, (all) => {
    const rest = all.filter((entry) => !isOld(entry));
    // A file that never got the new authority gets it now: it must not be left empty.
    return rest.some(isCurrent) ? rest : [...rest, state.current];
  }, options);
  if (options.dryRun) return { phase: "idle", written, skipped: [] };
  await removeFolder(`${state.caDir}/next`);
  // Last: as long as it is there, the phase can be repeated.
  await removeFolder(`${state.caDir}/previous`);
  return { phase: "idle", written, skipped: [] };
}

async function makeNext(
  { caDir, current }: RotationState,
  options: BeginRotationOptions,
): Promise<{ certFile: string; keyFile: string }> {
  const info = await readCertificate(current.pem);
  const { commonName, notBefore, notAfter, keyType } = info;
  const lifetime = Math.round((notAfter.getTime() - notBefore.getTime()) / 60_000);
  const { dryRun, keyType: wanted, passphrase, ...asked } = options;
  await checkPresentKey(caDir, passphrase);
  const next = await createCa({
    // Nodes with old and new certificates must be of one trust domain.
    clusterName: trustDomainOfAuthority(info),
    ...(commonName !== undefined && { commonName }),
    ...(passphrase !== undefined && { passphrase }),
    ...(validitySpan(asked) === undefined ? { validity: `${Math.max(1, lifetime)}m` } : asked),
    keyType: wanted ?? keyTypes.find((type) => type === keyType) ?? caDefaults.keyType,
  });
  const directory = `${caDir}/next`;
  if (dryRun) return { certFile: `${directory}/ca.crt`, keyFile: `${directory}/ca.key` };
  await makePrivateFolder(directory);
  // A run that was cut off may have left one of the two files, which cannot have been used.
  return await writePair(directory, "ca", next, { force: true });
}

/** The next key must not be less protected than the present one, nor by a slip of the finger. */
async function checkPresentKey(caDir: string, passphrase: string | undefined): Promise<void> {
  // It may be kept elsewhere.
  if (!await exists(`${caDir}/ca.key`)) return;
  const { key } = await loadCa(caDir);
  if (isEncryptedKey(key)) readPrivateKey(key, passphrase);
}

/** Changes what is trusted in every `ca.crt`, the authority's own last; answers what was written. */
async function trust(
  state: RotationState,
  change: (old: readonly BundleEntry[]) => readonly BundleEntry[],
  { dryRun }: RotationOptions,
): Promise<string[]> {
  const written: string[] = [];
  for (const file of trustFiles(state)) {
    const old = bundleText(await bundleOf(file));
    const text = bundleText(change(await bundleOf(file)));
    if (text === old) continue;
    if (!dryRun) await replaceFile(file, text);
    written.push(file);
  }
  return written;
}

function trustFiles({ caDir, leaves }: RotationState): string[] {
  const files = leaves.flatMap(({ trustFile }) => trustFile === undefined ? [] : [trustFile]);
  return [...new Set([...files, `${caDir}/ca.crt`])];
}

/** Makes the next authority the one that signs. Whatever is cut off here can be run again. */
async function promote(state: RotationState): Promise<void> {
  const { caDir, bundle, next, current } = state;
  const previous = `${caDir}/previous`;
  await makePrivateFolder(previous);
  const { key } = await loadCa(`${caDir}/next`);
  const kept = await authorityOf(previous);
  // A run that was cut off later than here has saved it, and may have replaced the key since.
  if (kept === undefined || !same(current)(kept)) {
    // The old key may be kept elsewhere: it signs nothing any more.
    if (!await exists(`${caDir}/ca.key`)) await replaceFile(`${previous}/ca.crt`, current.pem);
    else {
      const { key: oldKey } = await loadCa(caDir);
      await writePair(previous, "ca", { cert: current.pem, key: oldKey }, { force: true });
    }
  }
  const cert = bundleText([next!, ...bundle]);
  await writePair(caDir, "ca", { cert, key }, { force: true });
  await removeFolder(`${caDir}/next`);
}

async function removeFolder(directory: string): Promise<void> {
  for (const name of ["ca.key", "ca.crt"]) {
    await platform.files.remove(`${directory}/${name}`).catch(() => {});
  }
  // Not recursive: other files may be kept there.
  await platform.files.remove(directory).catch(() => {});
}

function outOfOrder(problem: string, remedy: string): CertError {
  return new CertError("outOfOrder", problem, { remedy });
}
