/** A node for the tests of clients: counters, an echo that is a service, a stream of numbers. */
import {
  type ActorRef,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  ServiceKey,
  type ShardEnvelope,
  shardEnvelope,
  TlsConfig,
} from "@casty/casty";
import { type ProducerMessage, streamProducer, streamSink } from "@casty/casty/streams";

export type CounterMessage =
  | { type: "add"; amount: number }
  | { type: "get"; replyTo: ActorRef<number> }
  | { type: "where"; replyTo: ActorRef<string> };

export const counters = { name: "counters", numShards: 20 } as const;
export const echoKey: ServiceKey<ActorRef<string>> = ServiceKey("echo");
export const numbersKey: ServiceKey<ProducerMessage<number>> = ServiceKey("numbers");
/** How many numbers the stream has. */
export const howMany = 500;

/** What a node is told on its command line, as JSON. */
export interface NodeSettings {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly seeds: readonly string[];
  readonly quorum: number;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  readonly crlFile?: string;
  /** Milliseconds until nodes that cannot be reached are downed. Default 1 000. */
  readonly stableAfter?: number;
}

export const get = (id: string) => (replyTo: ActorRef<number>): ShardEnvelope<CounterMessage> =>
  shardEnvelope(id, { type: "get", replyTo });
export const where = (id: string) => (replyTo: ActorRef<string>): ShardEnvelope<CounterMessage> =>
  shardEnvelope(id, { type: "where", replyTo });

function counter(address: () => string): Behavior<CounterMessage> {
  const active = (value: number): Behavior<CounterMessage> =>
    Behaviors.receive((_context, message) => {
      if (message.type === "add") return active(value + message.amount);
      if (message.type === "get") message.replyTo.tell(value);
      else message.replyTo.tell(address());
      return Behaviors.same();
    });
  return active(0);
}

async function main(settings: NodeSettings): Promise<void> {
  const { certFile, keyFile, caFile, crlFile, stableAfter = 1_000 } = settings;
  const tls = await TlsConfig.fromPaths({
    certFile,
    keyFile,
    caFile,
    ...(crlFile && { crlFile }),
  });
  const system = await ClusteredActorSystem.start({
    name: "client-test",
    nodeId: settings.name,
    host: settings.host,
    port: settings.port,
    seedNodes: settings.seeds,
    tls,
    stopOnSignals: true,
    membership: {
      gossipInterval: 200,
      heartbeatInterval: 200,
      acceptablePause: 2_000,
      stableAfter,
    },
  });
  system.spawn(
    Behaviors.discoverable(
      Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
        replyTo.tell(system.address);
        return Behaviors.same();
      }),
      echoKey,
    ),
    "echo",
  );
  const producer = system.spawn(
    Behaviors.discoverable(streamProducer<number>({ bufferSize: 16 }), numbersKey),
    "numbers",
  );
  console.log(`LISTENING ${system.address}`);
  await system.waitFor(settings.quorum);
  // Not before: a node that waits for the others would be granted all shards on a slow machine.
  system.spawn(
    Behaviors.sharded(() => counter(() => system.address), { numShards: counters.numShards }),
    counters.name,
  );
  // From here on the coordinator knows all regions, and spreads the shards over them.
  await system.barrier("deployed", settings.quorum);
  console.log("READY");
  const sink = streamSink(system, producer);
  for (let number = 1; number <= howMany; number++) await sink.put(number);
  await sink.complete();
}

if (import.meta.main) {
  try {
    await main(JSON.parse(Deno.args[0]!));
  } catch (error) {
    console.log(`FAILED ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
