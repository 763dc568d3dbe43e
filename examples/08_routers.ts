/**
 * Routers: a pool of workers behind one reference, by turns and by key, and a group of all actors
 * that are registered as a service.
 *
 *     deno run -A examples/08_routers.ts
 *
 * @module
 */
import {
  type ActorRef,
  ActorSystem,
  Behaviors,
  consistentHash,
  Routers,
  ServiceKey,
} from "@casty/casty";

type Job = { user: string; replyTo: ActorRef<string> };

/** Answers with its own path. */
const worker = Behaviors.receive<Job>((context, { replyTo }) => {
  replyTo.tell(context.self.path);
  return Behaviors.same();
});

await using system = new ActorSystem({ name: "routing" });
const workersOf = async (router: ActorRef<Job>, users: readonly string[]) => {
  const asks = users.map((user) => system.ask(router, (replyTo) => ({ user, replyTo })));
  return await Promise.all(asks);
};

const inTurn = system.spawn(Routers.pool(3, worker), "turns");
const six = await workersOf(inTurn, ["a", "b", "c", "d", "e", "f"]);
console.log(`6 jobs in turn: ${new Set(six).size} workers, ${six[0] === six[3] ? 2 : 0} jobs each`);

const byUser = system.spawn(
  Routers.pool(3, worker, { strategy: consistentHash((job) => job.user) }),
  "users",
);
const ann = await workersOf(byUser, ["ann", "ann", "ann", "ann"]);
console.log(`4 jobs of one user: ${new Set(ann).size} worker`);

const printers = ServiceKey<Job>("printers");
const group = system.spawn(Routers.group(printers), "printing");
const early = workersOf(group, ["ann"]); // waits for the first printer
system.spawn(Behaviors.discoverable(worker, printers), "printer");
console.log(`a job for the group: ${(await early)[0]}`);
