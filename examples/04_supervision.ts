/**
 * Supervision: a worker fails and is restarted. It loses its state and the message that it failed
 * at; its reference and the messages that wait are kept.
 *
 *     deno run -A examples/04_supervision.ts
 *
 * @module
 */
import { type ActorRef, ActorSystem, Behaviors, silentLogger } from "@casty/casty";

type Job =
  | { type: "work"; on: string }
  | { type: "crash" }
  | { type: "report"; replyTo: ActorRef<number> };

const worker = Behaviors.setup<Job>(() => {
  console.log("worker: started");
  let done = 0;
  return Behaviors.receive((_context, message) => {
    switch (message.type) {
      case "work":
        console.log(`worker: ${message.on}`);
        done++;
        break;
      case "crash":
        throw new Error("out of paper");
      case "report":
        message.replyTo.tell(done);
    }
    return Behaviors.same();
  });
});

// Without a logger of your own, each failure is logged with its stack.
await using system = new ActorSystem({ name: "office", runtime: { logger: silentLogger } });
system.eventStream.subscribe("actorRestarted", ({ ref, cause }) => {
  console.log(`${ref.path} restarted: ${(cause as Error).message}`);
});
const ref = system.spawn(
  Behaviors.supervise(worker, { maxRestarts: 3, within: 60_000 }),
  "worker",
);
ref.tell({ type: "work", on: "letter 1" });
ref.tell({ type: "crash" });
ref.tell({ type: "work", on: "letter 2" });
ref.tell({ type: "crash" });
ref.tell({ type: "work", on: "letter 3" });
const done = await system.ask(ref, (replyTo) => ({ type: "report", replyTo }));
console.log(`done since the last start: ${done}`);
