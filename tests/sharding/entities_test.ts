/** The entities of one node, without a cluster around them. */
import { assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import { Entities } from "../../lib/sharding/region/entities.ts";
import { resolvePassivation } from "../../lib/sharding/region/passivation.ts";
import { VirtualSystem } from "../actor/virtual_system.ts";

/** A region with one shard, and what has become of messages. */
async function region(kit: VirtualSystem, behavior: (id: string) => Behavior<unknown>) {
  const { system, clock } = kit;
  const lost: unknown[] = [];
  const rerouted: [message: unknown, first: boolean][] = [];
  const { deadLetter, spawnSystem } = internalsOf(system);
  const entities = new Entities("e", behavior as never, {
    clock,
    runningTime: () => clock.now(),
    numShards: 1,
    limits: resolvePassivation({}),
    maxPending: 100,
    maxPendingBytes: 1_000_000,
    mailbox: undefined,
    stopTimeout: 1_000,
    reroute: (_id, message, first) => void rerouted.push([message, first]),
    lose: deadLetter,
  });
  system.eventStream.subscribe("deadLetter", ({ message }) => void lost.push(message));
  spawnSystem(entities.behavior(() => {}), "_region-e");
  await kit.settle();
  entities.startShard(0, 1);
  return { entities, lost, rerouted };
}

const stopsAt = (stop: string, handled: string[]) => (): Behavior<unknown> =>
  Behaviors.receive<unknown>(async (_context, message) => {
    await undefined;
    handled.push(message as string);
    return message === stop ? Behaviors.stopped() : Behaviors.same();
  });

Deno.test("a shard that is handed off routes on what its entities have not handled, before newer messages", async () => {
  await using kit = new VirtualSystem();
  const handled: string[] = [];
  const { entities, lost, rerouted } = await region(kit, stopsAt("b", handled));
  for (const message of ["a", "b", "c", "d"]) entities.deliver(0, "one", message);
  let done = false;
  entities.stopShard(0, "inTurn", () => done = true);
  await kit.settle();
  assertEquals(handled, ["a", "b"]);
  assertEquals([rerouted, lost, done], [[["c", true], ["d", true]], [], true]);
});

Deno.test("a fenced shard loses what its entities have not handled", async () => {
  await using kit = new VirtualSystem();
  const handled: string[] = [];
  const { entities, lost, rerouted } = await region(kit, stopsAt("b", handled));
  for (const message of ["a", "b", "c"]) entities.deliver(0, "one", message);
  entities.stopShard(0, "inTurn", () => {});
  // While it hands the shard off, another node gets it: that one may run the entity already.
  entities.stopShard(0, "now", () => {});
  await kit.settle();
  assertEquals(rerouted, []);
  assertEquals(lost.length > 0 && handled.length + lost.length, 3);
});

Deno.test("what arrives for an entity while its region stops is a dead letter", async () => {
  const kit = new VirtualSystem();
  const { entities, lost } = await region(kit, () => {
    throw new Error("never ready");
  });
  entities.deliver(0, "one", "a");
  await kit.settle();
  entities.deliver(0, "one", "b");
  assertEquals(lost, []);
  await kit[Symbol.asyncDispose]();
  entities.deliver(0, "one", "c");
  entities.deliver(0, "two", "d");
  const { sent, deadLetters } = kit.system.ledger.snapshot();
  assertEquals([sent, deadLetters], [4, { stopped: 4 }]);
});
