/**
 * Sharded entities: each account is an actor that runs once in the cluster. Both nodes deposit; it
 * does not matter on which of them an account runs.
 *
 *     deno run -A examples/12_sharding.ts
 *
 * Both nodes run in this process and without TLS, to keep it short: that is for trials on loopback.
 *
 * @module
 */
import {
  type ActorRef,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  entityType,
  silentLogger,
} from "@casty/casty";

type Account =
  | { type: "deposit"; amount: number }
  | { type: "balance"; replyTo: ActorRef<number> };

const Accounts = entityType<Account>("accounts", { numShards: 20 });

const account = (balance: number): Behavior<Account> =>
  Behaviors.receive((_context, message) => {
    if (message.type === "deposit") return account(balance + message.amount);
    message.replyTo.tell(balance);
    return Behaviors.same();
  });

async function start(...seedNodes: string[]) {
  const system = await ClusteredActorSystem.start({
    name: "bank",
    host: "127.0.0.1",
    port: 0,
    seedNodes,
    logger: silentLogger,
  });
  system.spawn(Behaviors.sharded(Accounts, () => account(0)));
  return system;
}

const one = await start();
const two = await start(one.address);
await Promise.all([one, two].map((system) => system.waitFor(2)));

const deposits = { alice: 300, bob: 100, carol: 150, dave: 200, eve: 500 };
for (const system of [one, two]) {
  for (const [name, amount] of Object.entries(deposits)) {
    system.entity(Accounts, name).tell({ type: "deposit", amount });
  }
}
// Messages of one sender arrive in order. The deposits of the other one may still be under way.
const balanceOf = async (name: string, expected: number): Promise<number> => {
  for (;;) {
    const balance = await one.entity(Accounts, name).ask(
      (replyTo) => ({ type: "balance", replyTo }),
    );
    if (balance >= expected) return balance;
  }
};
for (const [name, amount] of Object.entries(deposits)) {
  console.log(`${name}: ${await balanceOf(name, 2 * amount)}`);
}
const running = [one, two].flatMap((system) => system.sharding.runningEntities("accounts"));
console.log(`${running.length} accounts run, each on one node`);

await two.shutdown();
await one.shutdown();
