/**
 * A manager with two workers as its children. It gives them tasks in turn, watches them, and stops
 * when both have finished.
 *
 *     deno run -A examples/03_children.ts
 *
 * @module
 */
import { ActorSystem, Behaviors } from "@casty/casty";

type Task = { type: "task"; name: string } | { type: "finish" };

const worker = Behaviors.receive<Task>((context, message) => {
  if (message.type === "finish") return Behaviors.stopped();
  console.log(`${context.self.path} does ${message.name}`);
  return Behaviors.same();
});

const manager = Behaviors.setup<Task>((context) => {
  const workers = ["ann", "ben"].map((name) => context.spawn(worker, name));
  for (const ref of workers) context.watch(ref);
  let given = 0;
  let left = workers.length;
  return Behaviors.receive((_context, message) => {
    if (message.type === "finish") { for (const ref of workers) ref.tell(message); }
    else workers[given++ % workers.length]!.tell(message);
    return Behaviors.same();
  }, (_context, signal) => {
    if (signal.type !== "terminated") return Behaviors.same();
    console.log(`${signal.ref.path} has finished`);
    return --left > 0 ? Behaviors.same() : Behaviors.stopped();
  });
});

await using system = new ActorSystem({ name: "company" });
const stopped = new Promise<void>((resolve) => {
  system.eventStream.subscribe("actorStopped", ({ ref }) => ref.path === "/manager" && resolve());
});
const ref = system.spawn(manager, "manager");
for (const name of ["design", "build", "test"]) ref.tell({ type: "task", name });
ref.tell({ type: "finish" });
await stopped;
console.log("the manager has stopped");
