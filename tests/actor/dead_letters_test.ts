/** What is lost, and what fails, is visible with the default logger, and does not flood it. */
import { assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { consoleLogger } from "../../lib/runtime/logger.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { VirtualSystem } from "./virtual_system.ts";

const shown = ({ lines }: VirtualSystem) =>
  lines.map(({ level, source, message, fields }) => [level, source, message, fields]);

Deno.test("the first dead letter of each reason is a warning, of the others a number a minute", async () => {
  const virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const ref = system.spawn(Behaviors.ignore(), "short", { mailbox: { capacity: 1 } });
  await virtual.settle();
  for (let i = 0; i < 5; i++) ref.tell({ type: "order" });
  await clock.resolve(system.stop(ref));
  for (let i = 0; i < 1_000; i++) ref.tell(i);
  assertEquals(shown(virtual), [
    ["warn", "deadLetters", "dead letter: mailboxFull", { target: "/short", message: "order" }],
    ["warn", "deadLetters", "dead letter: stopped", { target: "/short", message: "order" }],
  ]);
  await clock.advance(60_000);
  const repeated = "suppressed repetitions: dead letter: ";
  assertEquals(shown(virtual).slice(2), [
    ["warn", "deadLetters", `${repeated}mailboxFull`, { suppressed: 3 }],
    ["warn", "deadLetters", `${repeated}stopped`, { suppressed: 1_000 }],
  ]);
  ref.tell("again");
  assertEquals(shown(virtual).length, 5);
  await virtual[Symbol.asyncDispose]();
});

Deno.test("what the protocols of a cluster lose and repeat is no warning", async () => {
  await using virtual = new VirtualSystem();
  const { deadLetter } = internalsOf(virtual.system);
  const levels = (targets: string[]) => {
    virtual.lines.splice(0);
    for (const [i, target] of targets.entries()) {
      deadLetter(
        (["queueFull", "disconnected", "noShardOwner", "expired", "stopped"] as const)[i]!,
        target,
        "x",
      );
    }
    return virtual.lines.map(({ level }) => level);
  };
  const own = [
    "[::1]:25520/_cluster/sharding",
    "node-1:25520/_cluster",
    "/_watch",
    "client:spiffe://shop/client/a#1/_topology",
    "/_stream-4",
  ];
  assertEquals(levels(own), Array(5).fill("info"));
  const users = [
    "node-1:25520/_region-carts/a/_watch",
    "/_ask/7",
    "client:a/_shards",
    "a:1/worker",
    "/_stream-4/child",
  ];
  assertEquals(levels(users), Array(5).fill("warn"));
});

Deno.test("what is lost while the system stops, and afterwards, is no warning", async () => {
  const virtual = new VirtualSystem();
  const { system } = virtual;
  const ref = system.spawn(Behaviors.receive<string>(() => new Promise<never>(() => {})), "busy");
  for (let i = 0; i < 100; i++) ref.tell("wait");
  await virtual.settle();
  await virtual.clock.resolve(system.shutdown());
  for (let i = 0; i < 100; i++) ref.tell("late");
  assertEquals(
    virtual.lines.filter(({ source }) => source === "deadLetters")
      .map(({ level, message }) => [level, message]),
    [
      ["info", "dead letter while the system stops: stopped"],
      ["info", "suppressed repetitions: dead letter while the system stops: stopped"],
      ["info", "dead letter while the system stops: stopped"],
    ],
  );
  // No timer keeps the process alive.
  await virtual[Symbol.asyncDispose]();
});

Deno.test("a failure is an error whatever follows, and a requested restart a warning", async () => {
  await using virtual = new VirtualSystem();
  for (const directive of ["restart", "resume", "stop", "escalate"] as const) {
    virtual.system.spawn(
      Behaviors.supervise(
        Behaviors.receive<string>(() => {
          throw new Error(`to ${directive}`);
        }),
        { decider: () => directive },
      ),
      directive,
    ).tell("fail");
  }
  virtual.system.spawn(Behaviors.receive<string>(() => Behaviors.restart()), "own").tell("x");
  await virtual.settle();
  assertEquals(
    virtual.lines.map(({ level, source, message, fields }) =>
      [level, source, message, (fields.error as Error | undefined)?.message].join(" ")
    ),
    [
      "error /restart actor failed; restarting to restart",
      "error /resume actor failed; resuming to resume",
      "error /stop actor failed; stopping to stop",
      "error /escalate actor failed; stopping to escalate",
      "warn /own actor restarts at its own request ",
    ],
  );
});

Deno.test("with the default logger an error is shown with its stack", async () => {
  const written: string[] = [];
  const { error } = console;
  console.error = (line: string) => void written.push(line);
  try {
    const clock = new ManualClock();
    const system = new ActorSystem({ runtime: { clock, logger: consoleLogger() } });
    system.spawn(
      Behaviors.receive<string>(() => {
        throw new Error("boom");
      }),
      "crasher",
    ).tell("x");
    await clock.advance(0);
    await clock.resolve(system.shutdown());
  } finally {
    console.error = error;
  }
  assertEquals(written.length, 1);
  const [first, frame] = written[0]!.split("\n");
  assertEquals(first, "ERROR /crasher: actor failed; stopping error=Error: boom");
  assertEquals(/^ {8}at .*dead_letters_test\.ts:\d+:\d+/.test(frame!), true, frame);
});
