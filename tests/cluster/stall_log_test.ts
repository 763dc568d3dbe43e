import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { LogFields } from "../../lib/runtime/logger.ts";

Deno.test("a node whose event loop stood still says for how long, and in which actor", async () => {
  const stalled = Promise.withResolvers<LogFields>();
  await using system = await ClusteredActorSystem.start({
    name: "stalls",
    host: "127.0.0.1",
    port: 0,
    logger: {
      log: (level, _source, message, fields = {}) => {
        if (!/stood still/.test(message)) return;
        assertEquals(level, "warn");
        // The machine may be slow for another reason as well.
        if (fields.actor !== undefined) stalled.resolve(fields);
      },
    },
  });
  system.spawn(
    Behaviors.receive<{ type: string }>(() => {
      const end = performance.now() + 1_300;
      while (performance.now() < end);
      return Behaviors.same();
    }),
    "sorter",
  ).tell({ type: "sort" });
  const { ms, actor, message } = await stalled.promise;
  assertEquals([actor, message], ["/sorter", "sort"]);
  assert((ms as number) >= 1_000, String(ms));
});
