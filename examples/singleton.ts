/**
 * A singleton: three nodes give out tickets, and only one of them at a time. Its node is killed in the
 * middle; another one takes over. No ticket is given twice, because each holds the epoch of the
 * singleton, which grows whenever another node takes over.
 *
 *     deno run -A examples/singleton.ts
 *
 * The log of the nodes warns of the killed one.
 *
 * @module
 */
import {
  type ActorRef,
  AskError,
  AskTimeoutError,
  Behaviors,
  ClusteredActorSystem,
} from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { type NodeStart, nodeStart, Processes, tlsOf } from "./processes.ts";

interface Ticket {
  readonly node: string;
  readonly epoch: number;
  readonly count: number;
}

interface Take {
  readonly type: "take";
  readonly replyTo: ActorRef<Ticket>;
}

const systemName = "tickets";
const nodes = ["one", "two", "three"];
const wanted = 300;

const dispenser = (node: string) =>
  Behaviors.setup<Take>((context) => {
    let count = 0;
    return Behaviors.receive((_context, { replyTo }) => {
      replyTo.tell({ node, epoch: context.epoch, count: ++count });
      return Behaviors.same();
    });
  });

async function runNode({ name, seeds, folder }: NodeStart): Promise<void> {
  const system = await ClusteredActorSystem.start({
    name: systemName,
    nodeId: name,
    host: "127.0.0.1",
    port: 0,
    seedNodes: seeds,
    tls: await tlsOf(folder, name),
    stopOnSignals: true,
    // Convergence is impossible after the kill of a node.
    leaveTimeout: 1_000,
  });
  system.spawn(Behaviors.singleton(dispenser(name)), "tickets");
  console.log(`LISTENING ${system.address}`);
}

async function main(): Promise<number> {
  const script = new URL(import.meta.url).pathname;
  await using processes = await Processes.start(script, nodes);
  await using client = await ClusterClient.connect({
    contactPoints: [...processes.addresses.values()],
    systemName,
    tls: await processes.clientTls(),
  });
  while (client.topology.members.length < nodes.length) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const dispensers = client.singleton<Take>("tickets");
  const tickets: Ticket[] = [];
  let killed: string | undefined;
  while (tickets.length < wanted) {
    try {
      tickets.push(await dispensers.ask((replyTo) => ({ type: "take", replyTo })));
    } catch (error) {
      // Its node has gone. Perhaps this ticket was given: then nobody has it.
      if (!(error instanceof AskError || error instanceof AskTimeoutError)) throw error;
    }
    if (tickets.length < wanted / 2 || killed !== undefined) continue;
    killed = tickets.at(-1)!.node;
    processes.kill(killed);
    console.log("client | the node of the singleton was killed");
  }
  const different = new Set(tickets.map(({ epoch, count }) => `${epoch}-${count}`)).size;
  const givers = new Set(tickets.map(({ node }) => node)).size;
  const epochs = tickets.map(({ epoch }) => epoch);
  const grows = epochs.every((epoch, at) => at === 0 || epoch >= epochs[at - 1]!);
  console.log(`client | ${different} different tickets; none by an earlier node: ${grows}`);
  console.log(`client | another node took over: ${givers > 1}`);
  return different === wanted && givers > 1 && grows ? 0 : 1;
}

const start = nodeStart(Deno.args);
if (start !== undefined) await runNode(start);
else Deno.exit(await main());
