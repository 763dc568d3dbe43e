import { assertEquals } from "@std/assert";
import type { DistributedError } from "../../lib/distributed/errors.ts";
import type { HeldLease } from "../../lib/distributed/lease_session.ts";
import { DistributedLock } from "../../lib/distributed/lock.ts";
import type { StructurePort } from "../../lib/distributed/structure_port.ts";
import type { OperationMessage } from "../../lib/distributed/structure_protocol.ts";
import { done } from "../../lib/distributed/structure_reply.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

/** Acquires a lock whose owner says that it has waited so long; when its lease ends, and what was sent. */
async function acquired(waited: number, isHeld: boolean) {
  const clock = new ManualClock();
  const sent: string[] = [];
  const began = clock.now();
  let expiresAt = NaN;
  const port = {
    group: "default",
    content: "",
    system: {
      runtime: { clock, random: { next: () => 0.5, bytes: (n: number) => new Uint8Array(n) } },
    },
    session: {
      giveUp: () => false,
      ref: {},
      hold: (lease: HeldLease) => {
        expiresAt = lease.expiresAt - began;
        return new AbortController().signal;
      },
    },
    entity: () => ({
      tell: ({ operation }: OperationMessage) => sent.push(operation.type),
      ask: async (factory: (replyTo: unknown) => OperationMessage) => {
        const { type } = factory({}).operation;
        sent.push(type);
        if (type === "renew") return done(isHeld);
        await clock.advance(waited);
        return done({ token: 1n, waited });
      },
    }),
  } as unknown as StructurePort;
  const held = new DistributedLock("l", port).acquire({ timeout: 7_200_000, ttl: 30_000 });
  const error = await held.then(() => undefined, (error: unknown) => error);
  return { expiresAt, sent, error };
}

Deno.test("a wait that the owner's clock has measured does not make the lease longer", async () => {
  const { expiresAt, sent } = await acquired(60_000, true);
  assertEquals([expiresAt, sent], [60_000 - 1_212 + 30_000, ["acquire"]]);
});

Deno.test("after a long wait a grant is renewed before it counts", async () => {
  const { expiresAt, sent } = await acquired(3_600_000, true);
  assertEquals([expiresAt, sent], [3_630_000, ["acquire", "renew"]]);
  const lost = await acquired(3_600_000, false);
  assertEquals((lost.error as DistributedError).code, "leaseLost");
  assertEquals(lost.sent, ["acquire", "renew", "release"]);
});
