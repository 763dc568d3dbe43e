/**
 * Writes this checkout as an npm package for Node and Bun, which support neither `deno.json` nor
 * `jsr:` imports:
 *
 *     deno run -A scripts/npm_package.ts FOLDER
 *     npm install --prefix FOLDER
 *
 * The sources are copied unchanged: Node 24 and Bun strip the types. Node does that only outside of
 * `node_modules`, so install the folder by its path (`npm install FOLDER`), which creates a link.
 *
 * @module
 */

interface DenoConfig {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>> | string;
  readonly imports?: Readonly<Record<string, string>>;
  readonly links?: readonly string[];
}

const root = new URL("../", import.meta.url).pathname;

if (import.meta.main) {
  const [folder, ...rest] = Deno.args;
  if (folder === undefined || rest.length > 0) {
    console.error("Usage: deno run -A scripts/npm_package.ts FOLDER");
    Deno.exit(2);
  }
  await writeNpmPackage(folder);
}

/** Writes the sources and a `package.json` generated from `deno.json` into a folder. */
export async function writeNpmPackage(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const config = await readConfig(root);
  const sources = [...entriesOf(config), "lib"];
  for (const source of sources) await copy(root + source, `${folder}/${source}`);
  await writeJson(`${folder}/package.json`, {
    ...manifest(config),
    bin: { casty: "./cli.ts" },
    dependencies: await dependencies(
      config,
      await importedPackages(sources.map((source) => root + source)),
    ),
  });
  for (const link of config.links ?? []) {
    await writeJson(`${folder}/${link}/package.json`, manifest(await readConfig(root + link)));
  }
}

/** The modules of the root that are entries. */
function entriesOf({ exports }: DenoConfig): string[] {
  const paths = typeof exports === "string" ? [exports] : Object.values(exports);
  return paths.map((path) => path.replace(/^\.\//, "")).filter((path) => !path.includes("/"));
}

function manifest({ name, version, license, exports }: DenoConfig): Record<string, unknown> {
  return { name, version, license, private: true, type: "module", exports };
}

/** The npm dependencies, and the local replacements of JSR dependencies. */
async function dependencies(
  config: DenoConfig,
  imported: ReadonlySet<string>,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const specifier of Object.values(config.imports ?? {})) {
    const npm = /^npm:(.+)@([^@]+)$/.exec(specifier);
    if (npm !== null && imported.has(npm[1]!)) found[npm[1]!] = npm[2]!;
  }
  for (const link of config.links ?? []) {
    const { name } = await readConfig(root + link);
    if (imported.has(name)) found[name] = `file:${link}`;
  }
  return found;
}

/** The packages that the sources import; tests need more. */
async function importedPackages(paths: readonly string[]): Promise<Set<string>> {
  const packages = new Set<string>();
  for (const path of paths) {
    if ((await Deno.stat(path)).isDirectory) {
      const inside = await Array.fromAsync(Deno.readDir(path), ({ name }) => `${path}/${name}`);
      for (const found of await importedPackages(inside)) packages.add(found);
      continue;
    }
    if (!path.endsWith(".ts")) continue;
    const imports = /^(?:import|export)\b[^;]*?\bfrom "((?:@[^/"]+\/)?[a-z][^/":]*)(?=[/"])/gm;
    const text = await Deno.readTextFile(path);
    for (const [, found] of text.matchAll(imports)) packages.add(found!);
  }
  return packages;
}

async function readConfig(folder: string): Promise<DenoConfig> {
  return JSON.parse(await Deno.readTextFile(`${folder}/deno.json`));
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(file, JSON.stringify(value, null, 2) + "\n");
}

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}
