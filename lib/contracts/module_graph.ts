/**
 * Where the modules of a program are, as `deno info --json` tells: Deno's import maps, links, caches
 * and specifiers are unknown to TypeScript. Pure.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** The part of the output of `deno info --json` that is used. */
export interface DenoInfo {
  readonly modules: readonly DenoModule[];
  readonly redirects: Readonly<Record<string, string>>;
  readonly npmPackages?: Readonly<
    Record<string, { readonly name: string; readonly localPath?: string }>
  >;
}

/** A module in it. */
interface DenoModule {
  readonly specifier: string;
  /** Where its text is. */
  readonly local?: string;
  readonly npmPackage?: string;
  readonly error?: string;
  readonly mediaType?: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
    readonly npmPackage?: string;
  }[];
  /** The declarations of a module in JavaScript. */
  readonly typesDependency?: { readonly dependency?: { readonly specifier?: string } };
}

/** A module that was found. */
export type FoundModule =
  /** By the path that the program calls it by. */
  | { readonly path: string }
  /** A package of npm in this folder, or the entry of it that `subpath` names. */
  | { readonly npmFolder: string; readonly subpath: string };

/** Modules that are not in the file system by their own names are called by paths below this one. */
const remoteRoot = "/$remote";

/** Finds the modules of a program, and their texts. */
export class ModuleGraph {
  readonly #modules = new Map<string, DenoModule>();
  readonly #redirects = new Map<string, string>();
  readonly #npmFolders = new Map<string, string>();
  readonly #locals = new Map<string, string>();
  /** By path: the specifier. */
  readonly #specifiers = new Map<string, string>();

  /** Takes the graphs of all roots. */
  constructor(infos: readonly DenoInfo[]) {
    for (const { modules, redirects, npmPackages = {} } of infos) {
      for (const module of modules) this.#add(module);
      for (const [from, to] of Object.entries(redirects)) this.#redirects.set(from, to);
      for (const [name, { localPath }] of Object.entries(npmPackages)) {
        if (localPath !== undefined) this.#npmFolders.set(name, localPath);
      }
    }
  }

  #add(module: DenoModule): void {
    this.#modules.set(module.specifier, module);
    const path = pathOf(module.specifier);
    if (path === undefined) return;
    this.#specifiers.set(path, module.specifier);
    if (module.local !== undefined) this.#locals.set(path, module.local);
  }

  /** The module that another one imports; undefined: not known here. */
  resolve(specifier: string, from: string): FoundModule | undefined {
    const importer = this.#modules.get(this.#specifiers.get(from) ?? "");
    const dependency = importer?.dependencies?.find((one) => one.specifier === specifier);
    if (dependency === undefined) return undefined;
    const target = dependency.type?.specifier ?? dependency.code?.specifier;
    if (target === undefined) return undefined;
    const final = this.#follow(target);
    const name = dependency.npmPackage ?? this.#modules.get(final)?.npmPackage;
    const npmFolder = name === undefined ? undefined : this.#npmFolders.get(name);
    if (npmFolder !== undefined) return { npmFolder, subpath: subpathOf(target) };
    const types = this.#modules.get(final)?.typesDependency?.dependency?.specifier;
    const path = pathOf(types === undefined ? final : this.#follow(types));
    return path === undefined ? undefined : { path };
  }

  /** The file that holds the text of a module. */
  fileOf(path: string): string {
    return this.#locals.get(path) ?? path;
  }

  #follow(specifier: string): string {
    let found = specifier;
    for (let steps = 0; steps < 10 && this.#redirects.has(found); steps++) {
      found = this.#redirects.get(found)!;
    }
    return found;
  }
}

/** The path by which a program calls a module. */
function pathOf(specifier: string): string | undefined {
  if (specifier.startsWith("file:")) return fileURLToPath(specifier);
  const remote = /^https?:\/\/(.*)$/.exec(specifier);
  return remote === null ? undefined : `${remoteRoot}/${remote[1]}`;
}

/** Whether a path is one of a module that is not in the project. */
export function isRemotePath(path: string): boolean {
  return path.startsWith(`${remoteRoot}/`);
}

/** What stands behind the name of a package, such as `./v4` in `npm:zod@4/v4`. */
function subpathOf(specifier: string): string {
  const match = /^npm:\/?(?:@[^/]+\/)?[^/@]+(?:@[^/]+)?(\/.*)?$/.exec(specifier);
  return match?.[1] === undefined ? "." : `.${match[1]}`;
}
