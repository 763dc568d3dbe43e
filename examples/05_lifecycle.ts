/**
 * The life of an actor: hooks, events of the system, and a message that comes too late, which is a
 * dead letter with a reason.
 *
 *     deno run -A examples/05_lifecycle.ts
 *
 * @module
 */
import { ActorSystem, Behaviors, silentLogger } from "@casty/casty";

const visitor = Behaviors.withLifecycle(
  Behaviors.receive<"hello" | "leave">((_context, message) => {
    console.log(`visitor: ${message}`);
    return message === "leave" ? Behaviors.stopped() : Behaviors.same();
  }),
  {
    preStart: () => console.log("visitor: preStart"),
    postStop: () => console.log("visitor: postStop"),
  },
);

await using system = new ActorSystem({ name: "house", runtime: { logger: silentLogger } });
system.eventStream.subscribe(
  "actorStarted",
  ({ ref }) => console.log(`event: started ${ref.path}`),
);
const stopped = new Promise<void>((resolve) => {
  system.eventStream.subscribe("actorStopped", ({ ref }) => {
    console.log(`event: stopped ${ref.path}`);
    resolve();
  });
});
const lost = new Promise<void>((resolve) => {
  system.eventStream.subscribe("deadLetter", ({ target, message, reason }) => {
    console.log(`event: dead letter ${JSON.stringify(message)} for ${target}: ${reason}`);
    resolve();
  });
});

const ref = system.spawn(visitor, "visitor");
ref.tell("hello");
ref.tell("leave");
await stopped;
ref.tell("hello");
await lost;
