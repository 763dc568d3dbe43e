/** Uses the parts of Casty that need no cluster, and prints what came out as one line of JSON. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import process from "node:process";
import { inspect } from "node:util";
import {
  type ActorRef,
  ActorSystem,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  fileEntityStore,
  fileLease,
  TlsConfig,
  type TlsPaths,
} from "@casty/casty";
import { createCa, issueNode, verify } from "@casty/casty/cert";
import { streamProducer, streamSink, streamSource } from "@casty/casty/streams";
import { ActorTestKit, BehaviorTestKit, TestInbox } from "@casty/casty/testkit";

type Message = { type: "add"; amount: number } | { type: "get"; replyTo: ActorRef<number> };

const counter = (value: number): Behavior<Message> =>
  Behaviors.receive((_context, message) => {
    if (message.type === "add") return counter(value + message.amount);
    message.replyTo.tell(value);
    return Behaviors.same();
  });

const get = (replyTo: ActorRef<number>): Message => ({ type: "get", replyTo });

async function actors(): Promise<unknown> {
  const system = new ActorSystem({ name: "smoke" });
  const ref = system.spawn(counter(0), "counter");
  for (let index = 0; index < 1_000; index++) ref.tell({ type: "add", amount: 1 });
  const value = await system.ask(ref, get);
  await system.shutdown();
  return { value, shown: inspect(ref) };
}

async function streams(): Promise<string> {
  const system = new ActorSystem({ name: "streams" });
  const producer = system.spawn(streamProducer<number>(), "numbers");
  const source = streamSource(system, producer);
  const sink = streamSink(system, producer);
  for (const number of [1, 2, 3]) await sink.put(number);
  await sink.complete();
  const got: number[] = [];
  for await (const number of source) got.push(number);
  await system.shutdown();
  return got.join();
}

/** An hour of virtual time, and a behaviour without a system. */
async function testkit(): Promise<string> {
  const kit = ActorTestKit.create({ seed: 7 });
  const probe = kit.createProbe<string>();
  const alarm = Behaviors.setup<"ring">((context) => {
    context.timers.startSingle("alarm", "ring", 3_600_000);
    return Behaviors.receive((_context) => {
      probe.ref.tell("wake up");
      return Behaviors.stopped();
    });
  });
  const ref = kit.spawn(alarm, "alarm");
  await probe.expectNoMessage({ duration: 3_599_999 });
  const heard = await probe.expectMessage("wake up", { timeout: 1 });
  await probe.expectTerminated(ref);
  await kit[Symbol.asyncDispose]();

  const alone = BehaviorTestKit.create(counter(1));
  const inbox = new TestInbox<number>();
  alone.run({ type: "add", amount: 2 });
  alone.run(get(inbox.ref));
  inbox.expectMessage(3);
  return heard;
}

/** Certificates in memory and in files, which are followed by the system's watch alone. */
async function certificates(): Promise<unknown> {
  const ca = await createCa({ commonName: "smoke" });
  const issue = () => issueNode(ca, { hosts: ["127.0.0.1"] });
  const { cert, key } = await issue();
  const { ok } = await verify(cert, { ca: ca.cert, host: "127.0.0.1", key });
  const folder = await mkdtemp(`${tmpdir()}/casty-smoke-`);
  const paths = { certFile: `${folder}/both.pem`, caFile: `${folder}/ca.crt` };
  const load = (options: Partial<TlsPaths>) =>
    TlsConfig.fromPaths({ ...paths, ...options }).then(() => "loaded", ({ code }) => code);
  try {
    await writeFile(paths.certFile, cert + key, { mode: 0o644 });
    await writeFile(paths.caFile, ca.cert);
    const openKey = await load({});
    await chmod(paths.certFile, 0o600);
    const tls = await TlsConfig.fromPaths({ ...paths, watch: true, watchInterval: 3_600_000 });
    const reloaded = new Promise<string>((resolve) => {
      tls.subscribe(({ type }) => type === "tlsReloaded" && resolve(type));
    });
    const next = await issue();
    await writeFile(paths.certFile, next.cert + next.key);
    const outcome = { ok, openKey, absent: await load({ caFile: `${folder}/none` }) };
    const result = { ...outcome, reloaded: await reloaded };
    await tls.close();
    return result;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A lease and a list of remembered entities in files, each on behalf of two nodes. */
async function files(): Promise<unknown> {
  const folder = await mkdtemp(`${tmpdir()}/casty-smoke-`);
  try {
    const lease = fileLease(`${folder}/shop.lease`);
    const granted: boolean[] = [];
    for (const node of ["a:1", "b:1"]) granted.push((await lease.acquire(node)).granted);
    await lease.release("a:1");
    granted.push((await lease.acquire("b:1")).granted);
    const store = fileEntityStore(`${folder}/lists`);
    await store.save("carts", 3, ["cart-7"], { cluster: "shop", epoch: 1, change: 1 });
    const list = await fileEntityStore(`${folder}/lists`).load("carts", 3);
    return { granted, ids: "ids" in list ? list.ids : list };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What a cluster of one node without TLS answers, and how a port that is taken is refused. */
async function node(): Promise<unknown> {
  const options = { name: "smoke", host: "127.0.0.1", port: 0 };
  const system = await ClusteredActorSystem.start(options);
  const port = Number(system.address.split(":")[1]);
  const value = await system.ask(system.spawn(counter(5), "counter"), get);
  const taken = await ClusteredActorSystem.start({ ...options, port })
    .then(() => "started", ({ code }) => code);
  const elsewhere = await ClusteredActorSystem.start({ ...options, bindHost: "192.0.2.1" })
    .then(() => "started", ({ code }) => code);
  await system.shutdown();
  return { value, taken, elsewhere };
}

/** A node from a file that is overridden by the environment of the process, and a bad file. */
async function config(): Promise<unknown> {
  const folder = await mkdtemp(`${tmpdir()}/casty-config-`);
  const file = `${folder}/casty.toml`;
  try {
    await writeFile(
      file,
      `[cluster]\nname = "smoke"\nhost = "127.0.0.1"\nport = 1\nzone = "file"\n`,
    );
    Object.assign(process.env, { CASTY_CLUSTER_PORT: "0", CASTY_CLUSTER_ZONE: "environment" });
    const system = await ClusteredActorSystem.fromConfig({ roles: ["argument"] }, { file });
    const { roles, zone } = system.members[0]!;
    await system.shutdown();
    await writeFile(file, `[cluster]\nprot = 1\n`);
    const problem = await ClusteredActorSystem.fromConfig({}, { file })
      .then(() => "started", ({ problems }) => problems[0].where.slice(folder.length));
    const absent = await ClusteredActorSystem.fromConfig({}, { file: `${folder}/none.toml` })
      .then(() => "started", ({ code }) => code);
    return { name: system.name, roles, zone, problem, absent };
  } finally {
    await rm(folder, { recursive: true });
  }
}

console.log(JSON.stringify({
  actors: await actors(),
  streams: await streams(),
  testkit: await testkit(),
  certificates: await certificates(),
  files: await files(),
  node: await node(),
  config: await config(),
}));
process.exit(0);
