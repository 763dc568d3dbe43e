/**
 * An actor that greets. It handles one message at a time, in the order in which they were sent.
 *
 *     deno run -A examples/01_hello.ts
 *
 * @module
 */
import { type ActorRef, ActorSystem, Behaviors } from "@casty/casty";

type Message =
  | { type: "greet"; name: string }
  | { type: "report"; replyTo: ActorRef<number> };

const greeter = Behaviors.setup<Message>(() => {
  let greeted = 0;
  return Behaviors.receive((_context, message) => {
    if (message.type === "greet") {
      console.log(`Hello, ${message.name}!`);
      greeted++;
    } else {
      message.replyTo.tell(greeted);
    }
    return Behaviors.same();
  });
});

// The system shuts down at the end of the program, without the messages that still wait.
await using system = new ActorSystem({ name: "hello" });
const ref = system.spawn(greeter, "greeter");
for (const name of ["Alice", "Bob", "Charlie"]) ref.tell({ type: "greet", name });
// The reply comes after all that was sent before.
const greeted = await system.ask(ref, (replyTo) => ({ type: "report", replyTo }));
console.log(`${greeted} were greeted`);
