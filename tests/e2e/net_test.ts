import { assert, assertEquals } from "@std/assert";
import { Namespaces } from "../../scripts/net/namespaces.ts";
import { runNet } from "../../scripts/net/run.ts";
import { scenarios } from "../../scripts/net/scenarios.ts";

const missing = await Namespaces.missing();

Deno.test({
  name: "five nodes on a real network outlive a partition, and nobody is downed" +
    (missing === undefined ? "" : ` (not possible here: ${missing})`),
  ignore: missing !== undefined,
  async fn() {
    const told: string[] = [];
    const results = await runNet(scenarios.filter(({ short }) => short), (line) => {
      told.push(line);
    });
    assertEquals(results.flatMap(({ downed }) => downed), [], told.join("\n"));
    for (const { detected, recovered } of results) {
      assert(detected !== undefined && detected < 8_000, told.join("\n"));
      assert(recovered < 20_000, told.join("\n"));
    }
  },
});
