/** A client that does what its standard input says, one line each, and answers with JSON lines. */
import { type ActorRef, silentLogger, TlsConfig } from "@casty/casty";
import { streamSource } from "@casty/casty/streams";
import { ClusterClient } from "@casty/casty/client";
import { type CounterMessage, counters, echoKey, numbersKey, where } from "./client_node.ts";

/** What the client is told on its command line, as JSON. */
export interface ClientSettings {
  readonly contactPoints: readonly string[];
  readonly addressMap: Readonly<Record<string, string>>;
  readonly unisocket: boolean;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

const retry = { retry: { attemptTimeout: 1_000 }, timeout: 20_000 };

async function connect(settings: ClientSettings): Promise<ClusterClient> {
  const { contactPoints, addressMap, unisocket, certFile, keyFile, caFile } = settings;
  return await ClusterClient.connect({
    contactPoints,
    systemName: "client-test",
    addressMap,
    unisocket,
    logger: silentLogger,
    tls: await TlsConfig.fromPaths({ certFile, keyFile, caFile }),
  });
}

/** Where entities run, as they say themselves. */
async function owners(client: ClusterClient): Promise<string[]> {
  const ref = client.entityRef<CounterMessage>(counters.name, { numShards: counters.numShards });
  const ids = Array.from({ length: 12 }, (_, index) => `entity-${index}`);
  return [...new Set(await Promise.all(ids.map((id) => client.ask(ref, where(id), retry))))].sort();
}

/** What the actors of a service answer. */
async function services(client: ClusterClient): Promise<string[]> {
  for await (const refs of client.subscribe(echoKey)) {
    if (refs.length < client.topology.members.length) continue;
    const ask = (replyTo: ActorRef<string>) => replyTo;
    return (await Promise.all(refs.map((ref) => client.ask(ref, ask, retry)))).sort();
  }
  return [];
}

/** The sum of a stream of numbers that a node produces. */
async function stream(client: ClusterClient): Promise<number> {
  let sum = 0;
  const [producer] = client.lookup(numbersKey);
  for await (const number of streamSource(client.system, producer!, { demand: 8 })) sum += number;
  return sum;
}

async function state(client: ClusterClient, wanted: string): Promise<string> {
  for (let tries = 0; tries < 1_000 && client.state !== wanted; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return client.state;
}

async function reach(address: string): Promise<string> {
  const [hostname, port] = address.split(":");
  try {
    (await Deno.connect({ hostname: hostname!, port: Number(port) })).close();
    return "reached";
  } catch {
    return "unreachable";
  }
}

async function main(settings: ClientSettings): Promise<void> {
  await using client = await connect(settings);
  const answer = (value: unknown) => console.log(JSON.stringify(value));
  answer({ connected: client.topology.members.length });
  const commands: Record<string, (argument: string) => Promise<unknown>> = {
    owners: () => owners(client),
    services: () => services(client),
    stream: () => stream(client),
    state: (wanted) => state(client, wanted),
    reach,
  };
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const [command, argument = ""] = line.split(" ");
      if (command === "close") return;
      answer(await commands[command!]!(argument).catch((error) => ({ error: String(error) })));
    }
  }
}

if (import.meta.main) {
  try {
    await main(JSON.parse(Deno.args[0]!));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
  Deno.exit(0);
}
