import { assertEquals } from "@std/assert";
import type { RuleName } from "../../lib/runtime/rules.ts";
import { mutations } from "../mutations.ts";
import { runTest } from "../rule_switch.ts";

for (const [name, { sentence, testFile, test }] of Object.entries(mutations)) {
  if (testFile !== "sharding/rule_seeds.ts") continue;
  Deno.test(`a sharding simulation fails without the rule: ${sentence}`, async () => {
    assertEquals(await runTest(testFile, test, name as RuleName), "failed");
  });
}
