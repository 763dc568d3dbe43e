/**
 * Five processes form a bank over mutual TLS, with a dashboard at each; a client and the nodes keep
 * them busy. Open the address that is printed, kill one of the processes, and watch the page:
 *
 *     deno run -A examples/dashboard.ts
 *
 * With `--actions` viewers may act: make nodes leave, move shards, stop entities.
 *
 * @module
 */
import {
  type ActorRef,
  Behaviors,
  ClusteredActorSystem,
  entityType,
  ServiceKey,
  type ShardRegionRef,
  Topic,
} from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { dashboard } from "@casty/casty/dashboard";
import { sqliteJournal } from "@casty/casty/persistence";
import { type NodeStart, nodeStart, Processes, tlsOf } from "./processes.ts";
import { stopOf, stopSignal } from "./tls_counter/stop_signal.ts";

type Command =
  | { type: "deposit"; amount: number; replyTo: ActorRef<number> }
  | { type: "balance"; replyTo: ActorRef<number> };
type Event = { type: "deposited"; amount: number };
type State = { balance: number; deposits: number };

const Accounts = entityType<Command>("accounts", { numShards: 40 });
const Audit = ServiceKey<string>("audit");
const Rates = Topic<{ currency: string; rate: number }>("rates");

const names = ["node-1", "node-2", "node-3", "node-4", "node-5"];
const owners = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];

const account = () =>
  Behaviors.eventSourced<Command, Event, State>({
    initial: { balance: 0, deposits: 0 },
    onCommand: (_context, { balance }, command, effect) =>
      command.type === "deposit"
        ? effect.persist({ type: "deposited", amount: command.amount })
          .thenReply(command.replyTo, (after) => after.balance)
        : effect.reply(command.replyTo, balance),
    onEvent: ({ balance, deposits }, { amount }) => ({
      balance: balance + amount,
      deposits: deposits + 1,
    }),
  });

const start = nodeStart(Deno.args);
if (start !== undefined) await node(start);
else await main();

async function node({ name, seeds, folder }: NodeStart): Promise<void> {
  const number = names.indexOf(name) + 1;
  const journal = await sqliteJournal(`${folder}/bank.db`);
  const system = await ClusteredActorSystem.start({
    name: "bank",
    nodeId: name,
    host: "127.0.0.1",
    port: 0,
    seedNodes: seeds,
    tls: await tlsOf(folder, name),
    zone: `zone-${"abc"[number % 3]}`,
    appVersion: "1.4.0",
    roles: number === 1 ? ["front"] : ["bank"],
    persistence: { journal },
  });
  const stopped = stopOf(system);
  console.log(`LISTENING ${system.address}`);
  const accounts = system.spawn(Behaviors.sharded(Accounts, account));
  system.receptionist.register(Audit, system.spawn(Behaviors.ignore(), "audit"));
  const rates = system.topic(Rates);
  rates.subscribe(system.spawn(Behaviors.ignore(), "rates"));

  const board = await dashboard(system, {
    port: 0,
    // A token of its own for each node is the default; here one address is enough to look at all.
    token: Deno.env.get("DASHBOARD_TOKEN") ?? "an-example-and-no-secret",
    actions: Deno.env.get("DASHBOARD_ACTIONS") === "1",
  });
  console.log(`DASHBOARD ${board.openUrl}`);

  await system.waitFor(names.length);
  const work = new AbortController();
  const working = deposit(accounts, number, work.signal);
  const timer = setInterval(() => {
    rates.publish({ currency: "EUR", rate: 1 + Math.random() / 10 });
    // Nobody is there: a dead letter.
    system.lookup<string>("/closed-branch", { node: system.address }).tell("statement");
  }, 2_000);
  await stopped;
  work.abort();
  clearInterval(timer);
  await working;
  await system.shutdown();
  await journal.close();
}

/** Each node deposits into some of the accounts. */
async function deposit(
  accounts: ShardRegionRef<Command>,
  number: number,
  signal: AbortSignal,
): Promise<void> {
  for (let round = 0; !signal.aborted; round++) {
    const owner = owners[(round * 3 + number) % owners.length]!;
    const account = accounts.entity(owner);
    // While its owner is replaced, an ask may fail.
    await account.ask((replyTo) => ({ type: "deposit", amount: 10, replyTo })).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function main(): Promise<void> {
  const other = Deno.args.find((arg) => arg !== "--actions");
  if (other !== undefined) {
    console.error(`unknown argument: ${other}; there is only --actions`);
    Deno.exit(2);
  }
  if (Deno.args.includes("--actions")) Deno.env.set("DASHBOARD_ACTIONS", "1");
  const stopped = stopSignal();
  await using processes = await Processes.start(import.meta.filename!, names);
  await using client = await ClusterClient.connect({
    systemName: "bank",
    contactPoints: [...processes.addresses.values()],
    tls: await processes.clientTls(),
  });
  const looking = setInterval(() => {
    client.entity(Accounts, "alice").ask((replyTo) => ({ type: "balance", replyTo }))
      .catch(() => {});
  }, 1_000);
  console.log("open one of the addresses above in a browser; Ctrl+C ends the bank");
  await stopped;
  clearInterval(looking);
}
