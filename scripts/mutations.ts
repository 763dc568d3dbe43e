/**
 * Shows that rules are tested: takes each rule of `tests/mutations.ts` out of a copy of the tree,
 * runs the named test there, and expects it to fail. Prints a table; the exit code is 1 if a test
 * does not notice.
 *
 * `deno task mutations [--only TEXT]`: only rules that contain the text.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Mutation, mutations } from "../tests/mutations.ts";

const root = new URL("..", import.meta.url).pathname;
/** What tests need of the tree. */
const copied = ["lib", "tests", "deno.json", "deno.lock", "mod.ts", "client.ts", "cert.ts"];
/** A mutation may also make a test run for ever. */
const timeout = 120_000;

type Result = "noticed" | "NOT NOTICED" | "CANNOT RUN" | "FAILS ANYWAY";

async function copyTree(folder: string): Promise<void> {
  const args = ["-r", ...copied.map((name) => `${root}${name}`), folder];
  const { success, stderr } = await new Deno.Command("cp", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** How many tests of a file, all or the one of that name, succeed and fail. */
async function run(
  folder: string,
  file: string,
  test?: string,
): Promise<{ readonly passed: number; readonly failed: number }> {
  const args = ["test", "-A", "--no-check", "--quiet"];
  // A pattern, because the name of one test may be the beginning of another's.
  if (test !== undefined) args.push("--filter", `/^${test.replace(/[^\w ]/g, "\\$&")}$/`);
  args.push(`tests/${file}`);
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: folder,
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(timeout),
  });
  const { stdout, signal } = await child.output();
  // A test that runs for ever has failed.
  if (signal !== null) return { passed: 0, failed: 1 };
  const result = /(\d+) passed .*?(\d+) failed/.exec(new TextDecoder().decode(stdout)) ?? [];
  return { passed: Number(result[1] ?? 0), failed: Number(result[2] ?? 0) };
}

async function tryOne(folder: string, mutation: Mutation): Promise<Result> {
  const { file, text, instead, testFile, test } = mutation;
  const path = `${folder}/lib/${file}`;
  const source = await Deno.readTextFile(path);
  if (source.split(text).length !== 2) throw new Error(`${file} has not once: ${text}`);
  await Deno.writeTextFile(path, source.replace(text, () => instead));
  try {
    const { passed, failed } = await run(folder, testFile, test);
    if (failed > 0) return "noticed";
    return passed > 0 ? "NOT NOTICED" : "CANNOT RUN";
  } finally {
    await Deno.writeTextFile(path, source);
  }
}

const { only = "" } = parseArgs(Deno.args, { string: ["only"] });
const chosen = mutations.filter(({ rule }) => rule.includes(String(only)));
const folder = await Deno.makeTempDir();
let missed = 0;
try {
  await copyTree(folder);
  const sound = new Map<string, boolean>();
  for (const { testFile } of chosen) {
    if (sound.has(testFile)) continue;
    const { passed, failed } = await run(folder, testFile);
    sound.set(testFile, passed > 0 && failed === 0);
  }
  console.log("| rule | test | without the rule |\n| --- | --- | --- |");
  for (const mutation of chosen) {
    const { rule, testFile, test } = mutation;
    const result = sound.get(testFile) ? await tryOne(folder, mutation) : "FAILS ANYWAY";
    if (result !== "noticed") missed++;
    console.log(`| ${rule} | ${testFile}: ${test} | ${result} |`);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
console.log(`\n${chosen.length - missed} of ${chosen.length} rules have a test that notices`);
if (missed > 0 || chosen.length === 0) Deno.exit(1);
