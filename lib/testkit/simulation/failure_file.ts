import { replaceFile } from "../../runtime/atomic_file.ts";
import { systemStorage } from "../../runtime/system_storage.ts";
import type { Fault } from "./fault.ts";
import type { Scenario } from "./scenario.ts";

/** What a test of a failure tells. */
export interface FailureText {
  readonly scenario: Scenario & { readonly name: string };
  readonly seed: number | string;
  readonly faults: readonly Fault[];
  readonly what: string;
  readonly message: string;
}

/**
 * Writes a failure down and answers where: a test that fails in the same way when the scenario says
 * where it can be imported from (`source`), otherwise the seed and the faults as JSON.
 */
export async function writeFailure(folder: string, failure: FailureText): Promise<string> {
  const { scenario, seed } = failure;
  const name = `${fileName(scenario.name)}_${fileName(String(seed))}`;
  const isTest = scenario.source !== undefined;
  const path = `${folder}/${name}${isTest ? "_test.ts" : ".json"}`;
  await systemStorage.makeFolder(folder);
  const text = isTest ? testText(failure) : jsonText(failure);
  await replaceFile(systemStorage, path, new TextEncoder().encode(text));
  return path;
}

function testText({ scenario, seed, faults, what, message }: FailureText): string {
  const { source, name } = scenario;
  const testkit = new URL("../mod.ts", import.meta.url).href;
  const list = faults.map((fault) => `  ${JSON.stringify(fault)},\n`).join("");
  return `// ${name}, seed ${seed}: ${what}
// ${message.replaceAll("\n", "\n// ")}
import { type Fault, simulate } from ${JSON.stringify(testkit)};
import { ${source!.export} as scenario } from ${JSON.stringify(source!.module)};

const faults: Fault[] = [
${list}];

Deno.test(${JSON.stringify(`${name}, seed ${seed}`)}, async () => {
  await simulate({ seed: ${JSON.stringify(seed)}, faults, shrink: 0, failures: false }, scenario);
});
`;
}

function jsonText({ scenario, seed, faults, what, message }: FailureText): string {
  return JSON.stringify({ scenario: scenario.name, seed, what, message, faults }, null, 2) + "\n";
}

function fileName(text: string): string {
  return text.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_|_$/g, "").slice(0, 80) || "scenario";
}
