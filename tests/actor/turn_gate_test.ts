/**
 * Entities are suspended while their gate is closed: nothing is lost, and nothing of the user's runs.
 */
import { assert, assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorContext } from "../../lib/actor/behavior/context.ts";
import type { EntityKeeper, LocalRef } from "../../lib/actor/ref/local_ref.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { VirtualSystem } from "./virtual_system.ts";

const keeper: EntityKeeper = {
  typeName: "",
  store: undefined,
  idOf: () => "",
  epochOf: () => 7,
  pathOf: () => "",
  passivate: () => {},
  keep: () => false,
  onNotRecovered: () => {},
  onStopped: () => {},
};

/** A gate, and how to spawn what it holds. */
async function gated(kit: { system: ActorSystem; settle(): Promise<void> }) {
  let region!: ActorContext<never>;
  kit.system.spawn(
    Behaviors.setup<never>((context) => {
      region = context;
      (context.self as LocalRef<never>).keepEntities(keeper);
      return Behaviors.receive(() => Behaviors.same());
    }),
    "region",
  );
  await kit.settle();
  const gate = internalsOf(kit.system).turnGate;
  const spawn = <M>(behavior: Behavior<M>, name: string): ActorRef<M> =>
    region.spawn(behavior, name);
  return { gate, spawn };
}

/** Notes all that it runs. */
function noting(log: string[], name = ""): Behavior<string> {
  return Behaviors.setup((context) => {
    log.push(`${name}start`);
    return Behaviors.receive<string>((_context, message) => {
      log.push(name + message);
      if (message === "timer") context.timers.startSingle("t", "rings", 1_000);
      return Behaviors.same();
    }, (_context, { type }) => {
      log.push(name + type);
      return Behaviors.same();
    });
  });
}

Deno.test("entities keep messages while their gate is closed, and go on in order", async () => {
  await using kit = new VirtualSystem();
  const { gate, spawn } = await gated(kit);
  const log: string[] = [];
  const entity = spawn(noting(log), "entity");
  entity.tell("1");
  await kit.settle();
  assertEquals(log, [], "closed at first: not even its setup runs");

  gate.extend(kit.clock.now() + 1_500);
  await kit.settle();
  assertEquals(log, ["start", "1"]);

  entity.tell("timer");
  await kit.clock.advance(1_400);
  gate.extend(kit.clock.now() + 1_500);
  await kit.clock.advance(1_400);
  assertEquals(log.splice(0), ["start", "1", "timer", "rings"], "an extended gate stays open");

  entity.tell("timer");
  await kit.clock.advance(500);
  assert(gate.closed);
  entity.tell("2");
  await kit.clock.advance(60_000);
  assertEquals(log, ["timer"], "neither a timer nor a message runs beyond the time");
  gate.extend(kit.clock.now() + 1_500);
  await kit.settle();
  assertEquals(log, ["timer", "2", "rings"], "all that waited runs, in the order it came");
});

Deno.test("children of an entity are suspended with it, and no other actor is", async () => {
  await using kit = new VirtualSystem();
  const { gate, spawn } = await gated(kit);
  const log: string[] = [];
  let child!: ActorRef<string>;
  spawn(
    Behaviors.setup<string>((context) => {
      child = context.spawn(noting(log, "child "), "child");
      return Behaviors.receive(() => Behaviors.same());
    }),
    "entity",
  );
  gate.extend(kit.clock.now() + 1_000);
  await kit.settle();
  const other = kit.system.spawn(noting(log, "other "), "other");
  await kit.clock.advance(1_000);
  child.tell("1");
  other.tell("1");
  await kit.settle();
  assertEquals(log, ["child start", "other start", "other 1"]);
  gate.extend(kit.clock.now() + 1_000);
  await kit.settle();
  assertEquals(log.at(-1), "child 1");
});

Deno.test("a suspended entity that must stop ends at once, without handling what waits", async () => {
  await using kit = new VirtualSystem({ suppressDeadLettersOnShutdown: true });
  const { gate, spawn } = await gated(kit);
  const log: string[] = [];
  const running = spawn(noting(log, "a ") as Behavior<string>, "a") as LocalRef<string>;
  gate.extend(kit.clock.now() + 1_000);
  await kit.settle();
  await kit.clock.advance(1_000);
  const fresh = spawn(noting(log, "b "), "b") as LocalRef<string>;
  running.tell("lost");
  fresh.tell("lost");
  await kit.settle();
  running.stop();
  fresh.stop();
  await kit.settle();
  assert(running.stopped && fresh.stopped);
  assertEquals(log, ["a start", "a postStop"], "one that never ran has nothing to clean up");
});

Deno.test("a stop in turn waits until the gate is open", async () => {
  await using kit = new VirtualSystem();
  const { gate, spawn } = await gated(kit);
  const log: string[] = [];
  const entity = spawn(noting(log), "entity") as LocalRef<string>;
  gate.extend(kit.clock.now() + 1_000);
  await kit.clock.advance(1_000);
  entity.tell("1");
  entity.stopInTurn();
  await kit.clock.advance(60_000);
  assertEquals(log, ["start"]);
  gate.extend(kit.clock.now() + 1_000);
  await kit.settle();
  assertEquals(log, ["start", "1", "postStop"]);
});

Deno.test("a watched actor's end, an adapter and an ask reach a suspended entity later", async () => {
  await using kit = new VirtualSystem();
  const { gate, spawn } = await gated(kit);
  const log: string[] = [];
  const watched = kit.system.spawn(Behaviors.receive<string>(() => Behaviors.stopped()), "watched");
  let adapter!: ActorRef<number>;
  const entity = spawn(
    Behaviors.setup<string | ActorRef<string>>((context) => {
      context.watch(watched);
      adapter = context.messageAdapter((count: number) => `adapted ${count}`);
      return Behaviors.receive((_context, message) => {
        if (typeof message === "string") log.push(message);
        else message.tell("answer");
        return Behaviors.same();
      }, (_context, { type }) => {
        log.push(type);
        return Behaviors.same();
      });
    }),
    "entity",
  );
  gate.extend(kit.clock.now() + 1_000);
  await kit.clock.advance(1_000);
  watched.tell("stop");
  adapter.tell(1);
  const answer = kit.system.ask(entity, (replyTo: ActorRef<string>) => replyTo, {
    timeout: 60_000,
  });
  await kit.clock.advance(10_000);
  assertEquals(log, []);
  gate.extend(kit.clock.now() + 1_000);
  assertEquals(await kit.clock.resolve(answer), "answer");
  assertEquals(log.sort(), ["adapted 1", "terminated"]);
});

/** A clock that stands still for as long as its process does, and then jumps; timers fire late. */
class StoppableClock extends ManualClock {
  #paused = 0;
  #suspended = 0;

  override now(): number {
    return super.now() + this.#paused;
  }

  override wallTime(): number {
    return super.wallTime() + this.#paused + this.#suspended;
  }

  /** As after SIGSTOP and SIGCONT: time has passed, and no timer has fired yet. */
  pause(ms: number): void {
    this.#paused += ms;
  }

  /** As after the suspension of a machine: only wall time has passed. */
  suspend(ms: number): void {
    this.#suspended += ms;
  }
}

async function stoppable() {
  const clock = new StoppableClock();
  const system = new ActorSystem({ runtime: { clock, logger: silentLogger } });
  const kit = { system, settle: () => clock.advance(0) };
  return { ...kit, clock, ...await gated(kit) };
}

Deno.test("a process that stood still handles no message of an entity before it looks at the clock", async () => {
  const { clock, system, settle, gate, spawn } = await stoppable();
  const log: string[] = [];
  const entity = spawn(noting(log), "entity");
  gate.extend(clock.now() + 1_500);
  await settle();
  clock.pause(1_500);
  assert(!gate.closed && gate.isClosedNow, "nothing has noticed yet");
  entity.tell("1");
  await settle();
  assertEquals(log, ["start"]);
  await clock.resolve(system.shutdown());
});

Deno.test("a machine that was suspended has no time left, although no clock but the wall's has moved", async () => {
  const { clock, system, settle, gate, spawn } = await stoppable();
  const log: string[] = [];
  const entity = spawn(noting(log), "entity");
  const why: string[] = [];
  gate.listen({ onClosed: (closing) => why.push(closing), onClockJump: () => why.push("jump") });
  gate.extend(clock.now() + 1_500);
  await settle();
  clock.suspend(3_600_000);
  // Computed from what was acknowledged before: worth nothing.
  gate.extend(clock.now() + 1_600);
  entity.tell("1");
  await settle();
  assertEquals([log, why], [["start"], ["clockJumped", "jump"]]);
  gate.extend(clock.now() + 1_500);
  await settle();
  assertEquals(log, ["start", "1"]);
  await clock.resolve(system.shutdown());
});

Deno.test("short suspensions of the machine add up", async () => {
  const { clock, system, settle, gate } = await stoppable();
  gate.extend(clock.now() + 1_500);
  await settle();
  clock.suspend(40);
  gate.look();
  assert(!gate.closed);
  clock.suspend(40);
  gate.look();
  assert(gate.closed);
  gate.extend(clock.now() + 1_500);
  assert(!gate.closed, "time that is acknowledged afterwards counts");
  await clock.resolve(system.shutdown());
});

Deno.test("a closed gate notices that the machine was suspended, too", async () => {
  const { clock, system, settle, gate } = await stoppable();
  await settle();
  clock.suspend(3_600_000);
  gate.extend(clock.now() + 1_500);
  assert(gate.closed);
  await clock.resolve(system.shutdown());
});

Deno.test("a process that stood still in the middle of a flood handles at most 256 messages more", async () => {
  const { clock, system, settle, gate, spawn } = await stoppable();
  for (const actors of [1, 7, 2_000]) {
    gate.extend(clock.now() + 1_500);
    let handled = 0;
    let at = Infinity;
    const entities = Array.from({ length: actors }, (_, index) =>
      spawn(
        Behaviors.receive<number>(() => {
          if (++handled === 1_000) {
            clock.pause(4_000);
            at = handled;
          }
          return Behaviors.same();
        }),
        `entity-${actors}-${index}`,
      ));
    await settle();
    for (let i = 0; i < 20_000; i++) entities[i % actors]!.tell(i);
    await settle();
    assert(handled - at <= 256, `${handled - at} messages with ${actors} entities`);
    gate.extend(clock.now() + 1_500);
    await settle();
    assertEquals(handled, 20_000, "the rest is kept");
  }
  await clock.resolve(system.shutdown());
});

Deno.test("the gate counts the time that it was open, and tells when it opens and closes", async () => {
  await using kit = new VirtualSystem();
  const { gate } = await gated(kit);
  const told: unknown[] = [];
  gate.listen({
    onOpened: (closedFor, parked) => told.push(["opened", closedFor, parked]),
    onClosed: (why) => told.push(why),
  });
  await kit.clock.advance(500);
  gate.extend(kit.clock.now() + 1_000);
  await kit.clock.advance(3_000);
  assertEquals(gate.openTime, 1_000);
  gate.extend(kit.clock.now() + 1_000);
  await kit.clock.advance(400);
  assertEquals(gate.openTime, 1_400);
  gate.close();
  await kit.clock.advance(400);
  assertEquals(gate.openTime, 1_400);
  assertEquals(told, [["opened", 500, 0], "ended", ["opened", 2_000, 0], "closed"]);
});

Deno.test("an entity and its children see the epoch of its grant, other actors see 0", async () => {
  await using kit = new VirtualSystem();
  const { gate, spawn } = await gated(kit);
  const epochs: number[] = [];
  const child = Behaviors.setup<string>((context) => {
    epochs.push(context.epoch);
    return Behaviors.receive(() => Behaviors.same());
  });
  spawn(
    Behaviors.setup<string>((context) => {
      epochs.push(context.epoch);
      context.spawn(child, "child");
      return Behaviors.receive(() => Behaviors.same());
    }),
    "entity",
  );
  kit.system.spawn(child, "other");
  gate.extend(kit.clock.now() + 1_000);
  await kit.settle();
  assertEquals(epochs.toSorted(), [0, 7, 7]);
});
