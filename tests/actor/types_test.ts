import { assertEquals } from "@std/assert";
import type { ActorSystem } from "../../lib/actor/actor_system.ts";
import type { Behavior } from "../../lib/actor/behavior.ts";
import { Behaviors } from "../../lib/actor/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref.ts";

type Small = { type: "a" };
type Big = { type: "a" } | { type: "b"; value: number };

/** Never called: each `@ts-expect-error` fails the type check if the line compiles. */
export function mustNotCompile(system: ActorSystem, small: ActorRef<Small>, big: ActorRef<Big>) {
  const narrowed: ActorRef<Small> = big;
  // @ts-expect-error: a reference that takes less must not stand for one that takes more
  const widened: ActorRef<Big> = small;
  // @ts-expect-error: a message of another type
  big.tell({ type: "c" });
  // @ts-expect-error: a field is missing
  big.tell({ type: "b" });
  const onlySmall: Behavior<Small> = Behaviors.receive(() => Behaviors.same());
  // @ts-expect-error: a behaviour that handles less must not stand for one that handles more
  const asBig: Behavior<Big> = onlySmall;
  // @ts-expect-error: the reply is a number
  const text: Promise<string> = system.ask(big, (_ref: ActorRef<number>) => ({ type: "a" }));
  // @ts-expect-error: a handler must answer with a behaviour
  Behaviors.receive<Small>(() => {});
  const exhaustive: Behavior<Big> = Behaviors.receive((_context, message) => {
    switch (message.type) {
      case "a":
        return Behaviors.same();
      case "b":
        return Behaviors.stopped();
    }
  });
  // @ts-expect-error: "b" is not handled
  const partial: Behavior<Big> = Behaviors.receive((_context, message) => {
    switch (message.type) {
      case "a":
        return Behaviors.same();
    }
  });
  return [narrowed, widened, asBig, text, exhaustive, partial];
}

Deno.test("what must not compile does not", () => {
  assertEquals(typeof mustNotCompile, "function");
});
