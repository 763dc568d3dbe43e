import { assertEquals, assertRejects } from "@std/assert";
import { askFailed } from "../../lib/actor/ask/ask_failure.ts";
import { AskError } from "../../lib/actor/errors.ts";
import { LeaseSession } from "../../lib/distributed/lease_session.ts";
import { DistributedLock } from "../../lib/distributed/lock.ts";
import type { StructurePort } from "../../lib/distributed/structure_port.ts";
import type { OperationMessage } from "../../lib/distributed/structure_protocol.ts";
import { done } from "../../lib/distributed/structure_reply.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

/** A lock whose owner answers no acquisition, and as many releases as `answers` says. */
class World {
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  readonly asked: string[] = [];
  /** Whether the answer to a release arrives. */
  answers = () => true;
  readonly lock: DistributedLock;

  constructor() {
    const { clock } = this;
    const random = { next: () => 0.5, bytes: (n: number) => new Uint8Array(n) };
    const system = {
      runtime: { clock, random },
      spawn: () => ({ tell: () => {}, key: "session" }),
    };
    const port = {
      group: "default",
      content: "",
      system,
      session: new LeaseSession(system as never, "session"),
      entity: () => ({
        tell: ({ operation }: OperationMessage) => void this.told.push(operation.type),
        ask: async (factory: (replyTo: unknown) => OperationMessage) => {
          const { type } = factory({}).operation;
          this.asked.push(type);
          await new Promise<void>((resolve) => void clock.schedule(10, resolve));
          if (type === "acquire") throw askFailed("lock", { reason: "aborted" });
          if (!this.answers()) throw askFailed("lock", { reason: "disconnected" });
          return done(false);
        },
      }),
    } as unknown as StructurePort;
    this.lock = new DistributedLock("l", port);
  }

  async giveUp(): Promise<void> {
    const acquired = this.lock.acquire({ ttl: 10_000 });
    await this.clock.resolve(assertRejects(() => acquired, AskError));
  }

  get releases(): number {
    return this.asked.filter((type) => type === "release").length;
  }
}

Deno.test("a structure is told that a request was given up until it answers", async () => {
  const world = new World();
  world.answers = () => world.releases === 3;
  await world.giveUp();
  await world.clock.advance(60_000);
  assertEquals(world.asked, ["acquire", "release", "release", "release"]);
});

Deno.test("it is told no longer than a grant would last", async () => {
  const world = new World();
  world.answers = () => false;
  await world.giveUp();
  await world.clock.advance(10_100);
  const { releases } = world;
  assertEquals(releases > 5 && releases < 40, true, `${releases} releases`);
  await world.clock.advance(60_000);
  assertEquals(world.releases, releases);
  assertEquals(world.clock.pending, 0);
});

Deno.test("more than 1 000 that are not confirmed are told once", async () => {
  const world = new World();
  world.answers = () => false;
  for (let count = 0; count < 1_002; count++) {
    const acquired = world.lock.acquire({ ttl: 86_400_000 });
    acquired.catch(() => {});
  }
  await world.clock.advance(15);
  assertEquals([world.releases, world.told.length], [1_000, 2]);
});
