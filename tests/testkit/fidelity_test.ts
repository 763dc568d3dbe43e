import { assert, assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorContext } from "../../lib/actor/behavior/context.ts";
import { ActorTestKit } from "../../lib/testkit/actor_test_kit.ts";
import { BehaviorTestKit } from "../../lib/testkit/behavior_test_kit.ts";

/** A behaviour with all that can be around it; notes every step in `steps`. */
function eventful(steps: string[]): Behavior<string> {
  const handler = (name: string): Behavior<string> =>
    Behaviors.receive((context, message) => {
      steps.push(`${name} ${message}`);
      return answer(context, name, message);
    }, (_context, signal) => {
      steps.push(`${name} ${signal.type}`);
      return Behaviors.same();
    });
  const answer = (context: ActorContext<string>, name: string, message: string) => {
    switch (message) {
      case "keep":
        if (name === "open") return Behaviors.same();
        context.stash.add(message);
        return Behaviors.same();
      case "open":
        context.stash.unstashAll();
        return handler("open");
      case "setup":
        return Behaviors.setup<string>(() => {
          steps.push("later setup");
          return handler("late");
        });
      case "wrap":
        return Behaviors.intercept(handler("wrapped"), {
          onMessage: (_context, inner, next) => {
            steps.push(`through ${inner}`);
            return next(inner);
          },
        });
      case "again":
        return Behaviors.restart();
      case "stop":
        return Behaviors.stopped();
      default:
        return Behaviors.same();
    }
  };
  const hooks = (name: string) => ({
    preStart: () => void steps.push(`${name} preStart`),
    postStop: () => void steps.push(`${name} postStop`),
    preRestart: (_context: unknown, cause: unknown) =>
      void steps.push(`${name} preRestart ${cause}`),
    postRestart: () => void steps.push(`${name} postRestart`),
  });
  const start = Behaviors.setup<string>(() => {
    steps.push("setup");
    return Behaviors.withLifecycle(handler("first"), hooks("inner"));
  });
  return Behaviors.withLifecycle(Behaviors.supervise(start), hooks("outer"));
}

const scripts: Record<string, readonly string[]> = {
  "messages and the end": ["a", "b", "stop"],
  "a stash": ["keep", "a", "keep", "open", "keep", "stop"],
  "a stash and a restart": ["keep", "again", "open", "stop"],
  "a later setup": ["setup", "a", "again", "a", "stop"],
  "later wrappers": ["wrap", "a", "setup", "b", "wrap", "c", "again", "d", "stop"],
  "a restart at once": ["again", "again", "stop"],
  "a stop with a stash": ["keep", "keep", "stop"],
};

for (const [name, messages] of Object.entries(scripts)) {
  Deno.test(`a behaviour takes the same steps in the kit as in a system: ${name}`, async () => {
    const expected: string[] = [];
    await using system = ActorTestKit.create();
    const ref = system.spawn(eventful(expected));
    for (const message of messages) {
      ref.tell(message);
      await system.settle();
    }
    const steps: string[] = [];
    const kit = BehaviorTestKit.create(eventful(steps));
    for (const message of messages) kit.run(message);
    assert(steps.length > messages.length, "hooks and setups are among the steps");
    assertEquals(steps, expected);
    assertEquals(kit.isAlive, system.system.lookup(ref.path) !== undefined);
  });
}
