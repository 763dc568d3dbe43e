/**
 * Shows that rules are tested: runs the test of each rule of `tests/mutations.ts` with the rule
 * switched off and expects it to fail. Prints a table; exits with 1 if a test does not notice.
 *
 * `deno task mutations [--only TEXT]`: only rules whose name or sentence contains the text.
 *
 * @module
 */
import { type RuleName, rules } from "../lib/runtime/rules.ts";
import { mutations } from "../tests/mutations.ts";
import { runTest, type TestResult } from "../tests/rule_switch.ts";
import { scriptArguments } from "./script_arguments.ts";

/** The result of the test of a rule. */
type Verdict = "noticed" | "NOT NOTICED" | "CANNOT RUN" | "FAILS ANYWAY";

/** The result of each test with all rules in force; several rules may share a test. */
const sound = new Map<string, { readonly result: TestResult; readonly time: number }>();

async function tryRule(name: RuleName): Promise<Verdict> {
  const { testFile, test } = mutations[name];
  const key = `${testFile}: ${test}`;
  let before = sound.get(key);
  if (before === undefined) {
    const start = performance.now();
    const result = await runTest(testFile, test);
    sound.set(key, before = { result, time: performance.now() - start });
  }
  if (before.result !== "passed") return before.result === "failed" ? "FAILS ANYWAY" : "CANNOT RUN";
  const result = await runTest(testFile, test, name, before.time);
  if (result === "failed") return "noticed";
  return result === "passed" ? "NOT NOTICED" : "CANNOT RUN";
}

const usage = `Usage: deno task mutations [options]

  --only TEXT  only rules whose name or sentence contains the text`;

const { only = "" } = scriptArguments(usage, { string: ["only"] });
const names = Object.keys(rules) as RuleName[];
const chosen = names.filter((name) => `${name} ${mutations[name].sentence}`.includes(String(only)));
let missed = 0;
console.log("| rule | what it says | test | without the rule |\n| --- | --- | --- | --- |");
for (const name of chosen) {
  const { sentence, testFile, test } = mutations[name];
  const verdict = await tryRule(name);
  if (verdict !== "noticed") missed++;
  console.log(`| ${name} | ${sentence} | ${testFile}: ${test} | ${verdict} |`);
}
console.log(`\n${chosen.length - missed} of ${chosen.length} rules have a test that notices`);
if (missed > 0 || chosen.length === 0) Deno.exit(1);
