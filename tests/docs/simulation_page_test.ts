import { assertEquals } from "@std/assert";
import { printed, shownIn } from "../../scripts/simulation_page.ts";

Deno.test("docs/simulation.md shows what the example of the race prints", async () => {
  const page = Deno.readTextFileSync(new URL("../../docs/simulation.md", import.meta.url));
  assertEquals(shownIn(page), await printed(), "run deno task docs:simulation");
});
