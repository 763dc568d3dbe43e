/**
 * A folder with all certificates of one cluster: its authority, and a folder for each node,
 * client and admin with the files to copy there.
 *
 *     certs/ca/ca.crt, ca.key        the authority; or certs/ca.crt, ca.key
 *     certs/node-1/node.crt, node.key, ca.crt
 *     certs/shop/client.crt, client.key, ca.crt
 *     certs/alice/admin.crt, admin.key, ca.crt
 *
 * Every `ca.crt` is the bundle of authorities that are trusted; in the authority's own folder the
 * first one is the one that signs.
 *
 * @module
 */
import { platform } from "../../runtime/platform.ts";
import type { CertificateClass } from "../../x509/identity.ts";
import { CertError } from "../errors.ts";
import { command } from "../tool_command.ts";

/** A certificate of a node, client or admin, and its key. */
export interface WorkspaceLeaf {
  /** The folder that is shipped to its holder. */
  readonly directory: string;
  /** The role of the holder. */
  readonly kind: CertificateClass;
  /** Path of the certificate. */
  readonly certFile: string;
  /** Path of the private key. */
  readonly keyFile: string;
  /** The bundle of authorities beside it; undefined when there is none. */
  readonly trustFile: string | undefined;
}

/** The content of a workspace. */
export interface Workspace {
  readonly root: string;
  /** Where `ca.crt` and `ca.key` are. */
  readonly caDir: string;
  /** Ordered by folder. */
  readonly leaves: readonly WorkspaceLeaf[];
}

/** File names of a revocation list. */
export const crlNames: readonly string[] = ["ca.crl", "crl.pem"];

/** More folders than this are no workspace of ours. */
const maxFolders = 10_000;

/**
 * Searches a folder and its direct sub-folders.
 *
 * @throws {CertError} code `notFound` when there is no authority.
 */
export async function findWorkspace(root: string): Promise<Workspace> {
  const caDir = await findAuthority(root);
  const leaves: WorkspaceLeaf[] = [];
  for (const directory of [root, ...await subfolders(root)]) {
    for (const kind of ["node", "client", "admin"] as const) {
      const certFile = `${directory}/${kind}.crt`;
      if (!await exists(certFile)) continue;
      const trustFile = `${directory}/ca.crt`;
      const own = directory !== caDir && await exists(trustFile);
      leaves.push({
        directory,
        kind,
        certFile,
        keyFile: `${directory}/${kind}.key`,
        trustFile: own ? trustFile : undefined,
      });
    }
  }
  return { root, caDir, leaves };
}

/** Whether there is a file or folder. */
export async function exists(path: string): Promise<boolean> {
  return await platform.files.exists(path);
}

/**
 * Replaces a file that anyone may read, at once: a reader sees the old text or the new one.
 *
 * @throws {CertError} code `notWritable`.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${crypto.randomUUID().slice(0, 8)}`;
  try {
    await platform.files.writeNewFile(temporary, text, 0o644);
    await platform.files.rename(temporary, file);
  } catch (cause) {
    await platform.files.remove(temporary).catch(() => {});
    const why = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new CertError("notWritable", `${file} cannot be written: ${why}`, {
      value: file,
      cause,
      remedy: "check the permissions of its folder",
    });
  }
}

/**
 * Creates a folder that only its owner can read; an existing folder stays unchanged.
 *
 * @throws {CertError} code `notWritable`.
 */
export async function makePrivateFolder(directory: string): Promise<void> {
  try {
    await platform.files.mkdir(directory.slice(0, directory.lastIndexOf("/")), { recursive: true });
    await platform.files.mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new CertError("notWritable", `${directory} cannot be made: ${why}`, {
      value: directory,
      cause,
      remedy: "choose a directory that you may write to",
    });
  }
}

async function findAuthority(root: string): Promise<string> {
  for (const directory of [`${root}/ca`, root]) {
    if (await exists(`${directory}/ca.crt`)) return directory;
  }
  throw new CertError("notFound", `there is no authority (ca.crt) in ${root} or ${root}/ca`, {
    value: root,
    remedy: `make one: ${command("init", "--out", root)}`,
  });
}

async function subfolders(root: string): Promise<string[]> {
  const folders: string[] = [];
  for await (const { name, isDirectory } of platform.files.readDir(root)) {
    if (isDirectory) folders.push(`${root}/${name}`);
    if (folders.length > maxFolders) {
      throw new CertError("malformed", `${root} holds more than ${maxFolders} folders`, {
        value: root,
        remedy: "name the folder that the certificate tool has written to",
      });
    }
  }
  return folders.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
