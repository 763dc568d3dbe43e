import { assert, assertEquals } from "@std/assert";
import ts from "typescript";
import type { CliIo } from "../../lib/cli/cli_io.ts";
import { runCli } from "../../lib/cli/cli.ts";
import { systemIo } from "../../lib/cli/system_io.ts";
import { writeNpmPackage } from "../../scripts/npm_package.ts";
import { readContracts } from "../../lib/contracts/contract_reader.ts";
import { ModuleGraph } from "../../lib/contracts/module_graph.ts";
import { loadProgram } from "../../lib/contracts/program.ts";

const checkout = new URL("../../", import.meta.url).pathname;

const libraries = new Map<string, ts.SourceFile>();

/** A project in a temporary folder. Casty is as much of it as the modules need. */
class Project implements AsyncDisposable {
  readonly folder: string;
  stdin = "";

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<Project> {
    return new Project(await Deno.makeTempDir({ prefix: "casty-cli-" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  read(name: string): Promise<string> {
    return Deno.readTextFile(`${this.folder}/${name}`);
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.folder}/${name}`, text);
  }

  /** A module with one type of entities. */
  async declare(message: string): Promise<void> {
    const imports = `import { entityType } from "@casty/casty";\n`;
    await this.write("main.ts", `${imports}export const T = entityType<${message}>("t");\n`);
  }

  /** Runs a command line. */
  async run(line: string): Promise<{ code: number; out: string; err: string }> {
    const io: CliIo = {
      ...systemIo,
      folder: () => this.folder,
      input: () => Promise.resolve(this.stdin),
      loadModules: (paths) => {
        const loaded = loadProgram(ts, paths, {
          libraries,
          resolve: (name) =>
            name === "@casty/casty"
              ? { path: `${checkout}lib/sharding/routing/entity_type.ts` }
              : undefined,
        });
        return Promise.resolve({ typescript: ts, ...loaded });
      },
    };
    const { exitCode, stdout, stderr } = await runCli(["contracts", ...line.split(" ")], io);
    return { code: exitCode, out: stdout, err: stderr };
  }
}

Deno.test("a breaking change is not written until its rule is accepted", async () => {
  await using project = await Project.create();
  await project.declare("{ amount: number }");
  assertEquals(
    (await project.run("main.ts")).out,
    "1 contract: contracts.json is new; commit it\n",
  );
  const first = await project.read("contracts.json");
  assertEquals(await project.run("main.ts --check"), {
    code: 0,
    out: "1 contract: nothing has changed\n",
    err: "",
  });

  await project.declare("{ amount: string; note?: string }");
  for (const line of ["main.ts", "main.ts --check", "main.ts --accept fieldRemoved"]) {
    const { code, out, err } = await project.run(line);
    assertEquals([code, err], [1, ""]);
    assert(out.includes("BREAKING typeChanged: entity t, message.amount (number -> string)"), out);
    assert(out.includes("safe     optionalFieldAdded: entity t, message.note (string)"), out);
    assertEquals(await project.read("contracts.json"), first);
  }
  const checked = await project.run("main.ts --check --accept typeChanged");
  assertEquals(checked.code, 0);
  assertEquals(await project.read("contracts.json"), first);
  const { code, out } = await project.run("main.ts --accept fieldRemoved,typeChanged");
  assertEquals(code, 0);
  assert(out.includes("accepted typeChanged: entity t") && out.includes("was written"), out);
  assertEquals((await project.run("main.ts --check")).out, "1 contract: nothing has changed\n");

  // Against what another branch has, it is broken as before.
  await project.write("main.json", first);
  assertEquals((await project.run("main.ts --check --against main.json")).code, 1);
  project.stdin = first;
  assertEquals((await project.run("main.ts --check --against -")).code, 1);
});

Deno.test("a file that lacks safe changes is told, and its check passes", async () => {
  await using project = await Project.create();
  await project.declare("{ amount: number }");
  await project.run("main.ts --file shapes.json");
  await project.declare("{ amount: number; note?: string }");
  const { code, out } = await project.run("main.ts --file shapes.json --check");
  assertEquals(code, 0);
  assert(out.endsWith("1 contract: nothing is broken; write shapes.json without --check\n"), out);
  const { out: json } = await project.run("main.ts --file shapes.json --check --json");
  const { breaking, accepted, safe, problems, notes } = JSON.parse(json);
  assertEquals([breaking, accepted, problems, notes], [[], [], [], []]);
  assertEquals(safe.map(({ rule }: { rule: string }) => rule), ["optionalFieldAdded"]);
});

Deno.test("what cannot be read or compared ends with 2, and says why", async () => {
  await using project = await Project.create();
  const fails = async (line: string, says: string) => {
    const { code, out, err } = await project.run(line);
    assertEquals([code, out], [2, ""], err);
    assert(err.includes(says), err);
  };
  await fails("main.ts", "main.ts:1: module: the module cannot be read");
  await project.declare("{ amount: number }");
  await fails("main.ts --check", "there is no contracts.json; write it first");
  await fails("main.ts --check --against other.json", "there is no other.json");
  await fails("main.ts --against -", "--against needs --check");
  await fails("main.ts --accept fieldremoved", "did you mean fieldRemoved?");
  await fails("main.ts --wrong", "unknown option: --wrong");
  await fails("--check", "name the modules");
  project.stdin = "<<<<<<< HEAD";
  await fails("main.ts --check --against -", "standard input is no JSON");
  project.stdin = "[]";
  await fails("main.ts --check --against -", "standard input is no file of contracts");
  project.stdin = `{ "format": 1, "contracts": { "entity t": { "kind": "entity" } } }`;
  await fails("main.ts --check --against -", `standard input has no contract at "entity t"`);
  const type = `{ "by": "type", "variants": [1] }`;
  project.stdin = `{ "format": 1, "contracts": {}, "types": { "T": ${type} } }`;
  await fails("main.ts --check --against -", `standard input has no type at "T"`);
  project.stdin = `{ "format": 99, "contracts": {}, "types": {} }`;
  await fails("main.ts --check --against -", "standard input has format 99");
  await project.declare("{ f: () => void }");
  await fails("main.ts", "main.ts:2: entity t, message.f: is a function; leave it out");
  await project.write("main.ts", "export const one = 1;\n");
  await fails("main.ts", "main.ts: no contracts found");
  await project.write("main.ts", `import { T } from "./missing.ts";\nexport const t = T;\n`);
  await fails("main.ts", `the import "./missing.ts" is not found`);
  await project.write("main.ts", "export const = 1;\n");
  await fails("main.ts", "main.ts:1: module: ");
});

Deno.test("once there are snapshots, the file keeps that mark", async () => {
  const { succeeding } = await import("../../lib/contracts/contracts_file.ts");
  const durable = { kind: "eventSourced", version: 0, event: "string", state: "number" } as const;
  const before = { contracts: { "durable a": { ...durable, snapshots: true } }, types: {} };
  const after = { contracts: { "durable a": durable, "durable b": durable }, types: {} };
  assertEquals(succeeding(before, after).contracts, {
    "durable a": { ...durable, snapshots: true },
    "durable b": durable,
  });
});

Deno.test("types of npm packages are found where Deno finds them", async () => {
  await using project = await Project.create();
  const config = { links: [checkout], imports: { "@casty/casty": "jsr:@casty/casty@^0.1.0" } };
  await project.write("deno.json", JSON.stringify(config));
  const { imports } = JSON.parse(await Deno.readTextFile(`${checkout}deno.json`));
  await project.write(
    "main.ts",
    `import { entityType } from "@casty/casty";
import fc, { type Parameters } from "${imports["fast-check"]}";
const sample = fc.record({ a: fc.string(), b: fc.option(fc.integer()) });
type Sample = typeof sample extends fc.Arbitrary<infer T> ? T : never;
export const T = entityType<Sample & { n: Parameters["numRuns"] }>("t");
`,
  );
  const io = { ...systemIo, folder: () => project.folder };
  const { exitCode, stderr } = await runCli(["contracts", "main.ts"], io);
  assertEquals([exitCode, stderr], [0, ""]);
  assertEquals(JSON.parse(await project.read("contracts.json")).contracts["entity t"].message, {
    fields: { a: "string", b: { oneOf: ["null", "number"] }, "n?": "number" },
  });
});

Deno.test("Casty is recognised in a registry, whose files have other names", async () => {
  await using project = await Project.create();
  const config = { links: [checkout], imports: { "@casty/casty": "jsr:@casty/casty@^0.1.0" } };
  await project.write("deno.json", JSON.stringify(config));
  await project.declare("{ amount: number }");
  const main = `${project.folder}/main.ts`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", main],
    cwd: project.folder,
  }).output();
  const text = new TextDecoder().decode(stdout)
    .replaceAll(`file://${checkout}`, "https://registry.example/@casty/casty/0.1.0/");
  const graph = new ModuleGraph([JSON.parse(text)]);
  const { program, isOwn, problems } = loadProgram(ts, [main], { libraries, graph });
  assertEquals(problems, []);
  const files = program.getSourceFiles().map(({ fileName }) => fileName);
  assert(files.some((path) => path.includes("registry.example/@casty/casty/0.1.0/mod.ts")));
  assertEquals(program.getSourceFiles().filter(isOwn).map(({ fileName }) => fileName), [main]);
  const read = readContracts(ts, program, isOwn);
  assertEquals([read.problems, Object.keys(read.contracts)], [[], ["entity t"]]);
});

Deno.test("npx finds the command line in the npm package", async () => {
  const folder = await Deno.makeTempDir({ prefix: "casty-npx-" });
  try {
    await writeNpmPackage(folder);
    const { bin, dependencies } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
    const program = await Deno.readTextFile(`${folder}/${bin.casty}`);
    assert(program.startsWith("#!/usr/bin/env node\n"));
    assertEquals(dependencies.typescript, ts.version);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the command line is there as a program", async () => {
  const run = (...args: string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", `${checkout}cli.ts`, ...args],
      cwd: checkout,
    }).output();
  const help = await run("contracts", "--help");
  assertEquals(help.code, 0);
  const text = new TextDecoder().decode(help.stdout);
  assert(text.includes("  deno run -A cli.ts contracts main.ts --check\n"), text);
  assertEquals((await run("contrats")).code, 2);
  assertEquals((await run("help")).code, 0);
  const problem = await run("contracts", "tests/contracts/nothing.ts");
  assertEquals(problem.code, 2);
});
