import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { FilePort } from "../runtime/platform_port.ts";
import { UpError } from "./errors.ts";

/** Where an application is. */
export interface AppPlace {
  /** URL of its module. */
  readonly url: string;
  /** Its folder. */
  readonly folder: string;
  /** The nearest configuration of Deno, in its folder or above. */
  readonly config: string | undefined;
}

/**
 * Finds the module of an application.
 *
 * @throws {UpError} code `noApp`.
 */
export async function findApp(path: string, cwd: string, files: FilePort): Promise<AppPlace> {
  const file = resolve(cwd, path);
  const isFile = await files.stat(file).then((facts) => facts.isFile, () => false);
  if (!isFile) {
    throw new UpError("noApp", `there is no file ${file}`, {
      value: path,
      remedy: "name the module whose default export sets up a node",
    });
  }
  const folder = dirname(file);
  return { url: pathToFileURL(file).href, folder, config: await findConfig(folder, files) };
}

/**
 * The folders that are watched besides that of the application.
 *
 * @throws {UpError} code `noFolder`.
 */
export async function findFolders(
  paths: readonly string[],
  cwd: string,
  files: FilePort,
): Promise<readonly string[]> {
  const folders = paths.map((path) => resolve(cwd, path));
  for (const folder of folders) {
    const isFolder = await files.stat(folder).then((facts) => facts.isDirectory, () => false);
    if (isFolder) continue;
    throw new UpError("noFolder", `there is no folder ${folder}`, {
      value: folder,
      remedy: "give --watch one that exists; the folder of the application is watched in any case",
    });
  }
  return folders;
}

async function findConfig(folder: string, files: FilePort): Promise<string | undefined> {
  for (const name of ["deno.json", "deno.jsonc"]) {
    const path = join(folder, name);
    if (await files.exists(path)) return path;
  }
  const above = dirname(folder);
  return above === folder ? undefined : await findConfig(above, files);
}
