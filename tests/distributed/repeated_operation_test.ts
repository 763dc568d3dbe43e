import { assertEquals, assertRejects } from "@std/assert";
import { askFailed } from "../../lib/actor/ask/ask_failure.ts";
import { AskError, type AskFailureReason } from "../../lib/actor/errors.ts";
import { DistributedQueue } from "../../lib/distributed/queue.ts";
import type { StructurePort } from "../../lib/distributed/structure_port.ts";
import { done, type StructureReply } from "../../lib/distributed/structure_reply.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { writeValue } from "../../lib/distributed/structure_value.ts";

/** A reservation of a queue whose owner answers its operations so, one after the other. */
async function reserved(answers: readonly (StructureReply | AskFailureReason)[]) {
  const clock = new ManualClock();
  const item = done({ value: writeValue("job"), tries: 1 });
  const left = [item, ...answers];
  const port = {
    group: "default",
    content: "durable",
    system: {
      runtime: { clock, random: { next: () => 0.5, bytes: (n: number) => new Uint8Array(n) } },
    },
    entity: () => ({
      ask: () => {
        const next = left.shift()!;
        return typeof next === "string"
          ? Promise.reject(askFailed("queue|q", { reason: next }))
          : Promise.resolve(next);
      },
    }),
  } as unknown as StructurePort;
  const job = await new DistributedQueue<string>("q", port).reserve();
  return { job: job!, get: <T>(promise: Promise<T>) => clock.resolve(promise) };
}

Deno.test("an acknowledgement whose first answer was lost is not taken for one that came too late", async () => {
  const { job, get } = await reserved(["ownerLost", done(false)]);
  const error = await get(assertRejects(() => job.acknowledge(), AskError));
  assertEquals(error.reason, "ownerLost");
});

Deno.test("a repeated acknowledgement that is done, and one whose first attempt was not delivered", async () => {
  const repeated = await reserved(["ownerLost", done(true)]);
  assertEquals(await repeated.get(repeated.job.acknowledge()), true);
  const undelivered = await reserved(["shardMoved", { type: "moved" }, done(false)]);
  assertEquals(await undelivered.get(undelivered.job.acknowledge()), false);
});
