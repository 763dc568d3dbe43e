/**
 * A file that is written as a whole or not at all, also when the power fails in between: written
 * under a temporary name, synced, given its name, and the folder synced (the order of SQLite and
 * etcd; Pillai et al., OSDI 2014, list what goes wrong in any other).
 *
 * @module
 */
import { folderOf, type Storage } from "./storage.ts";

/** Replaces the content of a file, or makes it. Durable when it resolves. */
export async function replaceFile(
  storage: Storage,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const temporary = await writeTemporary(storage, path, bytes);
  try {
    await storage.rename(temporary, path);
  } catch (error) {
    await removeQuietly(storage, temporary);
    throw error;
  }
  await storage.syncFolder(folderOf(path));
}

/**
 * Makes a file that must not exist: of all processes that try, one succeeds. Durable when it
 * resolves. If it rejects after the name was given (the folder could not be synced), the file may
 * exist all the same.
 *
 * @throws {StorageError} code `exists`: there is one, whose content is untouched.
 */
export async function createFile(storage: Storage, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = await writeTemporary(storage, path, bytes);
  try {
    // Unlike an exclusive open, a link never shows an empty or half-written file to others.
    await storage.link(temporary, path);
  } finally {
    await removeQuietly(storage, temporary);
  }
  await storage.syncFolder(folderOf(path));
}

async function writeTemporary(
  storage: Storage,
  path: string,
  bytes: Uint8Array,
): Promise<string> {
  const temporary = storage.temporary(path);
  const file = await storage.open(temporary, "truncate");
  try {
    await file.append(bytes);
    await file.sync();
  } catch (error) {
    await file.close().catch(() => {});
    await removeQuietly(storage, temporary);
    throw error;
  }
  await file.close();
  return temporary;
}

/** A file that stays has a temporary name, which is never read. */
async function removeQuietly(storage: Storage, path: string): Promise<void> {
  await storage.remove(path).catch(() => {});
}
