/**
 * Loads modules with the package `typescript`, the way the runtime finds them.
 *
 * @module
 */
import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import type ts from "typescript";
import { ContractsError } from "../contracts/errors.ts";
import { type DenoInfo, ModuleGraph } from "../contracts/module_graph.ts";
import { type LoadedProgram, loadProgram } from "../contracts/program.ts";
import type { TypeScript } from "../contracts/type_reader.ts";
import { platform } from "../runtime/platform.ts";

/** Modules that were read. */
export interface LoadedModules extends LoadedProgram {
  readonly typescript: TypeScript;
}

/** What JavaScript brings along is the same for all programs of a process. */
const libraries = new Map<string, ts.SourceFile>();

/**
 * Loads modules.
 *
 * @throws {ContractsError} codes `typescriptMissing`, `moduleUnreadable`.
 */
export async function loadModules(
  paths: readonly string[],
  folder: string,
): Promise<LoadedModules> {
  const typescript = await loadTypeScript();
  const loaded = platform.name === "deno"
    ? loadProgram(typescript, paths, { libraries, graph: await denoGraph(paths, folder) })
    : loadProgram(typescript, paths, {
      libraries,
      compilerOptions: projectOptions(typescript, folder),
    });
  return { typescript, ...loaded };
}

async function loadTypeScript(): Promise<TypeScript> {
  try {
    const { default: typescript } = await import("typescript");
    return typescript;
  } catch (cause) {
    throw new ContractsError("typescriptMissing", "the package typescript cannot be loaded", {
      remedy: "install it beside Casty: npm install typescript@6",
      cause,
    });
  }
}

/** How Deno finds modules: import maps, links, caches. */
async function denoGraph(paths: readonly string[], folder: string): Promise<ModuleGraph> {
  const infos: DenoInfo[] = [];
  for (const path of paths) infos.push(await denoInfo(path, folder));
  return new ModuleGraph(infos);
}

async function denoInfo(path: string, folder: string): Promise<DenoInfo> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["info", "--json", path], {
      cwd: folder,
      // The graph of a large program.
      maxBuffer: 256 << 20,
    });
    return JSON.parse(stdout);
  } catch (cause) {
    const reason = (cause as { stderr?: string }).stderr || String(cause);
    throw new ContractsError(
      "moduleUnreadable",
      `deno info cannot read ${path}: ${reason.trim().split("\n")[0]}`,
      { value: path, remedy: "run it with --allow-run, and see what `deno check` says", cause },
    );
  }
}

/** The options of the `tsconfig.json` of a project, such as paths. */
function projectOptions(typescript: TypeScript, folder: string): ts.CompilerOptions {
  const { sys } = typescript;
  const path = typescript.findConfigFile(folder, sys.fileExists.bind(sys));
  if (path === undefined) return {};
  const { config = {} } = typescript.readConfigFile(path, sys.readFile.bind(sys));
  const parsed = typescript.parseJsonConfigFileContent(
    config,
    sys,
    path.replace(/\/[^/]*$/, ""),
  );
  // Libraries are named alike everywhere; what is emitted and how does not matter.
  const { paths, baseUrl, types, typeRoots, jsx, customConditions } = parsed.options;
  const wanted = { paths, baseUrl, types, typeRoots, jsx, customConditions };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
}
