import { readText } from "../authority/certificate_files.ts";
import {
  hasSignedList,
  parseRevocationLists,
  type RevocationListReading,
} from "../../x509/revocation_list.ts";
import { parseCertificate } from "../authority/certificate_info.ts";
import { CertError, reading } from "../errors.ts";
import { type BundleEntry, readBundle } from "../authority/pem_bundle.ts";
import { derIssuedBy } from "../../x509/chain.ts";
import {
  crlNames,
  exists,
  findWorkspace,
  type Workspace,
  type WorkspaceLeaf,
} from "../authority/workspace.ts";

/** How far a rotation is: none under way, both authorities trusted, or all certificates new. */
export type RotationPhase = "idle" | "begun" | "signed";

/** Options of a phase. */
export interface RotationOptions {
  /** Writes nothing, and returns the plan. Default: false. */
  readonly dryRun?: boolean;
  /** Opens the authority's key, if that is encrypted; the next one's is encrypted with it. */
  readonly passphrase?: string;
}

/** A certificate of a workspace during a rotation. */
export interface RotatedLeaf extends WorkspaceLeaf {
  /** Which authority has signed it: the one that signs now, the old or next one, or a foreign one. */
  readonly issuedBy: "current" | "next" | "previous" | "other";
  /** Whether a revocation list of that authority (`ca.crl` or `crl.pem` beside it) names it. */
  readonly revoked: boolean;
  /** Which of the two authorities its `ca.crt` trusts; empty when it has none. */
  readonly trusts: readonly ("current" | "next" | "previous")[];
}

/** The state of a rotation. */
export interface RotationStatus {
  /** How far it is. */
  readonly phase: RotationPhase;
  /** Folder of the authority. */
  readonly caDir: string;
  /** SHA-256 of the authority that signs now. */
  readonly current: string;
  /** SHA-256 of the next authority (`begun`) or of the previous one (`signed`). */
  readonly other: string | undefined;
  /** All certificates of the workspace. */
  readonly leaves: readonly RotatedLeaf[];
}

/**
 * Determines the phase of the rotation in a workspace.
 *
 * @throws {CertError} codes `notFound`, `malformed`.
 */
export async function rotationStatus(root: string): Promise<RotationStatus> {
  const state = await readState(root);
  const leaves = await Promise.all(state.leaves.map((leaf) => readLeaf(leaf, state)));
  return {
    phase: state.phase,
    caDir: state.caDir,
    current: state.current.fingerprint,
    other: (state.next ?? state.previous)?.fingerprint,
    leaves,
  };
}

/** A workspace and its authorities. */
export interface RotationState extends Workspace {
  readonly phase: RotationPhase;
  /** Signs now. */
  readonly current: BundleEntry;
  readonly next: BundleEntry | undefined;
  readonly previous: BundleEntry | undefined;
  /** The authorities in the authority's own `ca.crt`. */
  readonly bundle: readonly BundleEntry[];
  /** Of the workspace and of its authority. */
  readonly lists: readonly RevocationListReading[];
}

/** Reads a workspace and finds out which phase it is in. */
export async function readState(root: string): Promise<RotationState> {
  const workspace = await findWorkspace(root);
  const { caDir } = workspace;
  const bundle = await bundleOf(`${caDir}/ca.crt`);
  const current = bundle[0];
  if (current === undefined) {
    throw new CertError("malformed", `${caDir}/ca.crt holds no certificate`, {
      value: caDir,
      remedy: "put the certificate of the authority there",
    });
  }
  const lists = await listsOf([caDir, root]);
  // Without its key it cannot have been used.
  const hasNext = await exists(`${caDir}/next/ca.key`);
  const next = hasNext ? await authorityOf(`${caDir}/next`) : undefined;
  const previous = await authorityOf(`${caDir}/previous`);
  // The next authority that is the present one has been promoted; only its copy is left.
  if (next !== undefined && !same(current)(next)) {
    return { ...workspace, phase: "begun", current, next, previous: undefined, bundle, lists };
  }
  const phase = previous !== undefined && !same(current)(previous) ? "signed" : "idle";
  return { ...workspace, phase, current, next: undefined, previous, bundle, lists };
}

/** The authority that does not sign at present, if there is one. */
export async function authorityOf(directory: string): Promise<BundleEntry | undefined> {
  const file = `${directory}/ca.crt`;
  return await exists(file) ? (await bundleOf(file))[0] : undefined;
}

/** The certificates of a file. */
export async function bundleOf(file: string): Promise<BundleEntry[]> {
  try {
    return await readBundle(await readText(file, "there is no bundle of authorities"));
  } catch (error) {
    if (!(error instanceof CertError) || error.code !== "malformed") throw error;
    throw new CertError("malformed", `${file}: ${error.message}`, { value: file, cause: error });
  }
}

async function readLeaf(leaf: WorkspaceLeaf, state: RotationState): Promise<RotatedLeaf> {
  const [own] = await bundleOf(leaf.certFile);
  if (own === undefined) {
    throw new CertError("malformed", `${leaf.certFile} holds no certificate`, {
      value: leaf.certFile,
      remedy: "remove it, or issue it anew",
    });
  }
  const roles = ["current", "next", "previous"] as const;
  const issuedBy = roles.find((role) => {
    const authority = state[role];
    return authority !== undefined && derIssuedBy(own.der, authority.der);
  }) ?? "other";
  const bundle = leaf.trustFile === undefined ? [] : await bundleOf(leaf.trustFile);
  const trusts = roles.filter((role) => {
    const authority = state[role];
    return authority !== undefined && bundle.some(same(authority));
  });
  const issuer = issuedBy === "other" ? undefined : state[issuedBy];
  const revoked = issuer !== undefined && isRevoked(own, issuer, state.lists);
  return { ...leaf, issuedBy, revoked, trusts };
}

async function listsOf(folders: readonly string[]): Promise<RevocationListReading[]> {
  const lists: RevocationListReading[] = [];
  for (const folder of new Set(folders)) {
    for (const file of crlNames.map((name) => `${folder}/${name}`)) {
      if (!await exists(file)) continue;
      const text = await readText(file, "there is no revocation list");
      lists.push(...reading(() => parseRevocationLists(text)));
    }
  }
  return lists;
}

function isRevoked(
  { der }: BundleEntry,
  issuer: BundleEntry,
  lists: readonly RevocationListReading[],
): boolean {
  if (lists.length === 0) return false;
  const { serialNumber } = parseCertificate(der);
  const authority = parseCertificate(issuer.der);
  return lists.some((list) => {
    return list.serialNumbers.has(serialNumber) && hasSignedList(authority, list);
  });
}

/** Whether two certificates are the same. */
export function same({ fingerprint }: BundleEntry): (other: BundleEntry) => boolean {
  return (other) => other.fingerprint === fingerprint;
}
