/**
 * Runs a test with a rule switched off: a `deno test` of its own whose import map replaces
 * `lib/runtime/rules.ts`. The tree stays as it is.
 *
 * @module
 */
import { type RuleName, rules } from "../lib/runtime/rules.ts";

const root = new URL("..", import.meta.url);
/** A test may also run forever without a rule: it has failed then. */
const shortest = 120_000;
/** With all rules it ends, on a machine under load too: a long search for seeds takes minutes there. */
const longest = 1_200_000;

/** How a test went. `missing`: it was not found, or could not be loaded. */
export type TestResult = "passed" | "failed" | "missing";

/**
 * Runs one test.
 *
 * @param file from `tests/`.
 * @param test the whole name.
 * @param off the rule that does not hold; undefined: all hold.
 * @param soundTime milliseconds that it takes with all rules, if that is known: a run without a rule gets
 * several times that before it counts as endless, since the machine may be busy.
 */
export async function runTest(
  file: string,
  test: string,
  off?: RuleName,
  soundTime = 0,
): Promise<TestResult> {
  const timeout = off === undefined ? longest : Math.max(shortest, 4 * soundTime);
  const importMap = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(importMap, JSON.stringify({ imports: await importsWithout(off) }));
    // A pattern, because the name of one test may be the beginning of another's.
    const filter = `/^${test.replace(/[^\w ]/g, "\\$&")}$/`;
    const flags = ["-A", "--no-check", "--quiet", `--import-map=${importMap}`, "--filter", filter];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", ...flags, `tests/${file}`],
      cwd: root,
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(timeout),
    });
    const { stdout, signal } = await child.output();
    if (signal !== null) return "failed";
    return resultIn(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(importMap);
  }
}

/** The imports of `deno.json`, and the rules with one of them off. */
async function importsWithout(off?: RuleName): Promise<Record<string, string>> {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const values = { ...rules, ...(off !== undefined && { [off]: false }) };
  const source = `export const rules = Object.freeze(${JSON.stringify(values)});`;
  const replacement = `data:application/javascript,${encodeURIComponent(source)}`;
  return { ...imports, [new URL("lib/runtime/rules.ts", root).href]: replacement };
}

/** Reads the runner's last line: `ok | 1 passed | 0 failed`. */
function resultIn(output: string): TestResult {
  const [, passed, failed] = /(\d+) passed .*?(\d+) failed/.exec(output) ?? [];
  if (Number(failed ?? 0) > 0) return "failed";
  return Number(passed ?? 0) > 0 ? "passed" : "missing";
}
