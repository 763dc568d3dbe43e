/**
 * Makes a program of TypeScript of modules, so that its checker can be asked for their types.
 *
 * @module
 */
import type ts from "typescript";
import { type FoundModule, isRemotePath, type ModuleGraph } from "./module_graph.ts";
import type { Problem } from "./problem.ts";
import type { TypeScript } from "./type_reader.ts";

/** Finds modules that TypeScript does not find by itself. */
export type ModuleResolver = (specifier: string, from: string) => FoundModule | undefined;

/** Where modules are found. */
export interface ModuleSources {
  /** How Deno finds them. Default: as Node does. */
  readonly graph?: ModuleGraph;
  /** Asked before TypeScript is. */
  readonly resolve?: ModuleResolver;
  /** Libraries that were parsed, for several programs of one process. Default: parsed each time. */
  readonly libraries?: Map<string, ts.SourceFile>;
  /** Options of the project's `tsconfig.json`. */
  readonly compilerOptions?: ts.CompilerOptions;
}

/** A program, and what cannot be read of it. */
export interface LoadedProgram {
  readonly program: ts.Program;
  /** Files of the project; those of packages and of Casty are not. */
  readonly isOwn: (file: ts.SourceFile) => boolean;
  readonly problems: readonly Problem[];
}

/** Reads modules, and all that they import. `roots`: absolute paths. */
export function loadProgram(
  typescript: TypeScript,
  roots: readonly string[],
  sources: ModuleSources = {},
): LoadedProgram {
  const { graph, libraries, compilerOptions } = sources;
  const resolve = sources.resolve ?? (graph && ((name, from) => graph.resolve(name, from)));
  const options = optionsFor(typescript, compilerOptions);
  const host = typescript.createCompilerHost(options);
  if (libraries !== undefined) shareLibraries(host, libraries);
  const lost: { readonly specifier: string; readonly from: string }[] = [];
  if (graph !== undefined) {
    const { readFile, fileExists } = host;
    host.readFile = (path) => readFile.call(host, graph.fileOf(path));
    host.fileExists = (path) => fileExists.call(host, graph.fileOf(path));
  }
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => {
      const found = resolve?.(text, from);
      const resolvedModule = found === undefined
        ? typescript.resolveModuleName(text, from, options, host).resolvedModule
        : moduleOf(typescript, found, options, host);
      if (resolvedModule === undefined) lost.push({ specifier: text, from });
      return { resolvedModule };
    });
  const program = typescript.createProgram([...roots], options, host);
  const castyRoots = rootsOfCasty(program);
  const isOwn = (file: ts.SourceFile) =>
    !isRemotePath(file.fileName) && !program.isSourceFileDefaultLibrary(file) &&
    !program.isSourceFileFromExternalLibrary(file) && !/\/node_modules\//.test(file.fileName) &&
    !castyRoots.some((root) => file.fileName.startsWith(root));
  const unread = roots.filter((root) => program.getSourceFile(root) === undefined)
    .map((file) => problem(file, 1, "the module cannot be read", "name a module that exists"));
  const own = new Set(program.getSourceFiles().filter(isOwn).map(({ fileName }) => fileName));
  const unresolved = lost.filter(({ specifier, from }) => own.has(from) && matters(specifier))
    .map(({ specifier, from }) =>
      problem(from, 1, `the import "${specifier}" is not found`, "see what `deno check` says")
    );
  const badSyntax = program.getSourceFiles().filter(isOwn).flatMap((file) =>
    program.getSyntacticDiagnostics(file).map(({ messageText, start }) => {
      const { line } = file.getLineAndCharacterOfPosition(start);
      const text = typescript.flattenDiagnosticMessageText(messageText, " ");
      return problem(file.fileName, line + 1, text, "correct the syntax");
    })
  );
  return { program, isOwn, problems: [...unread, ...unresolved, ...badSyntax] };
}

function shareLibraries(host: ts.CompilerHost, libraries: Map<string, ts.SourceFile>): void {
  const { getSourceFile } = host;
  const folder = host.getDefaultLibLocation?.();
  host.getSourceFile = (path, ...rest) => {
    const known = libraries.get(path);
    if (known !== undefined) return known;
    const file = getSourceFile.call(host, path, ...rest);
    if (file !== undefined && folder !== undefined && path.startsWith(folder)) {
      libraries.set(path, file);
    }
    return file;
  };
}

function optionsFor(
  typescript: TypeScript,
  project: ts.CompilerOptions = {},
): ts.CompilerOptions {
  const { ScriptTarget, ModuleKind, ModuleResolutionKind, JsxEmit } = typescript;
  return {
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    jsx: JsxEmit.Preserve,
    ...project,
    target: ScriptTarget.ESNext,
    module: ModuleKind.ESNext,
    moduleResolution: ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    // Without it optional fields and null are not to be seen.
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
}

/** Types of packages that do not matter are `any`, and refused where a contract uses them. */
function matters(specifier: string): boolean {
  return specifier.startsWith(".") || /^(?:jsr:\/?)?@casty\/casty(?:[@/]|$)/.test(specifier);
}

function moduleOf(
  typescript: TypeScript,
  found: FoundModule,
  options: ts.CompilerOptions,
  host: ts.ModuleResolutionHost,
): ts.ResolvedModuleFull | undefined {
  if ("path" in found) {
    const extension = /\.(?:d\.[mc]?ts|[mc]?tsx?|jsx?|json)$/.exec(found.path)?.[0] ?? ".ts";
    return { resolvedFileName: found.path, extension };
  }
  // From inside of a package its own name leads to its entries.
  const { npmFolder, subpath } = found;
  const manifest = host.readFile(`${npmFolder}/package.json`);
  if (manifest === undefined) return undefined;
  const { name, exports, types, typings } = JSON.parse(manifest);
  const from = `${npmFolder}/package.json`;
  const inside = subpath === "." ? `./${types ?? typings ?? "index"}` : subpath;
  const wanted = exports === undefined
    ? inside.replace(/^\.\/\.\//, "./")
    : name + subpath.slice(1);
  const { resolvedModule } = typescript.resolveModuleName(wanted, from, options, host);
  return resolvedModule && { ...resolvedModule, isExternalLibraryImport: true };
}

/** The folders that hold the sources of Casty. */
function rootsOfCasty(program: ts.Program): string[] {
  return program.getSourceFiles().flatMap(({ fileName }) => {
    const match = /^(.*\/lib\/)actor\/ref\/ref\.(?:d\.)?ts$/.exec(fileName);
    return match === null ? [] : [match[1]!];
  });
}

function problem(file: string, line: number, text: string, remedy: string): Problem {
  return { file, line, place: "module", text, remedy };
}
