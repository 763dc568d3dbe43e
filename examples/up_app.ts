/**
 * An application for `up`: visitors are counted by sharded entities, from every node.
 *
 *     deno run -A up.ts 5 examples/up_app.ts
 *
 * Change the greeting while it runs: the nodes load it one after another.
 *
 * @module
 */
import { type ActorRef, type Behavior, Behaviors, entityType } from "@casty/casty";
import type { UpApp } from "@casty/casty/up";

type Visit = { type: "visit"; replyTo: ActorRef<number> };

const greeting = "welcome";
const Visitors = entityType<Visit>("visitors", { numShards: 20 });

const visitors = (count: number): Behavior<Visit> =>
  Behaviors.receive((_context, { replyTo }) => {
    replyTo.tell(count + 1);
    return visitors(count + 1);
  });

const app: UpApp = (system) => {
  const all = system.spawn(Behaviors.sharded(Visitors, () => visitors(0)));
  const visit = async () => {
    try {
      const count = await all.entity("alice").ask((replyTo) => ({ type: "visit", replyTo }));
      console.log(`${greeting}, alice: visit ${count}`);
    } catch (error) {
      // While the owner of her shard is replaced.
      console.log(`no answer: ${error instanceof Error ? error.message : error}`);
    }
  };
  const timer = setInterval(visit, 5_000);
  system.onShutdown("beforeShutdown", "stop visiting", () => clearInterval(timer));
};

export default app;
