/**
 * State without variables: a behaviour returns the behaviour for the next message, and the state is
 * its argument. An ask sends a message with a reference for the reply.
 *
 *     deno run -A examples/02_state.ts
 *
 * @module
 */
import { type ActorRef, ActorSystem, type Behavior, Behaviors } from "@casty/casty";

type Counter =
  | { type: "add"; amount: number }
  | { type: "get"; replyTo: ActorRef<number> };

const counter = (value: number): Behavior<Counter> =>
  Behaviors.receive((_context, message) => {
    switch (message.type) {
      case "add":
        console.log(`${value} + ${message.amount} = ${value + message.amount}`);
        return counter(value + message.amount);
      case "get":
        message.replyTo.tell(value);
        return Behaviors.same();
    }
  });

await using system = new ActorSystem({ name: "counting" });
const ref = system.spawn(counter(0), "counter");
for (const amount of [10, 5, 3]) ref.tell({ type: "add", amount });
const value = await system.ask(ref, (replyTo) => ({ type: "get", replyTo }));
console.log(`the counter is ${value}`);
