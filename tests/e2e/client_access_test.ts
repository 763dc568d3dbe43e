/** What clients may do, by the identity in their certificates. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type ActorRef,
  AskError,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  ServiceKey,
  type ShardEnvelope,
  shardEnvelope,
  silentLogger,
} from "@casty/casty";
import { testCa } from "@casty/casty/cert";
import { ClusterClient } from "@casty/casty/client";

type Message =
  | { readonly type: "who"; readonly replyTo: ActorRef<string> }
  | { readonly type: "later"; readonly replyTo: ActorRef<string> }
  | { readonly type: "close"; readonly replyTo: ActorRef<string> };

/** Answers who has asked, at once or after an unrelated message. */
const account = (): Behavior<Message> =>
  Behaviors.receive((context, message) => {
    const { sender, stash } = context;
    if (message.type === "later") {
      stash.add({ ...message, type: "who" });
      context.self.tell(message);
      return Behaviors.receive((own) => {
        own.stash.unstashAll();
        // The message to itself has no sender, and does not take that of another.
        if (own.sender !== undefined) throw new Error("it has a sender");
        return account();
      });
    }
    const { identity } = sender ?? {};
    const name = identity === undefined
      ? "member"
      : identity.kind === "plain"
      ? "?"
      : `${identity.kind} ${identity.name}`;
    message.replyTo.tell(`${message.type} ${name}`);
    return Behaviors.same();
  });

const isTeller = (identity: { readonly kind: string; readonly uri?: string }) =>
  identity.kind === "client" && identity.uri!.endsWith("/client/teller");

Deno.test("clients reach types and services by their identity, and handlers see it", async () => {
  const ca = await testCa();
  const start = async (seeds: string[]) => {
    const node = await ClusteredActorSystem.start({
      name: "bank",
      host: "127.0.0.1",
      port: 0,
      seedNodes: seeds,
      requiredQuorum: seeds.length + 1,
      tls: (await ca.issueNode()).tls,
      logger: silentLogger,
    });
    return node;
  };
  await using one = await start([]);
  await using two = await start([one.address]);
  const lost: string[] = [];
  const closed = ServiceKey<ActorRef<string>>("closed");
  const named = ServiceKey<ActorRef<string>>("named");
  const gate = ServiceKey<ActorRef<ActorRef<ShardEnvelope<Message>>>>("gate");
  const open = [];
  for (const node of [one, two]) {
    node.eventStream.subscribe(
      "deadLetter",
      ({ reason, target }) => lost.push(`${reason} ${target}`),
    );
    const accounts = node.spawn(
      Behaviors.sharded(account, {
        numShards: 8,
        clients: ({ identity }) => isTeller(identity as never) || "read",
        reads: (message) => (message as Message).type !== "close",
      }),
      "accounts",
    ) as ActorRef<ShardEnvelope<Message>>;
    open.push(accounts);
    node.spawn(Behaviors.sharded(account, { numShards: 8, clients: () => false }), "vault");
    const answering = Behaviors.receive<ActorRef<string>>(({ sender }, replyTo) => {
      replyTo.tell(sender?.address.split("#")[0] ?? "member");
      return Behaviors.same();
    });
    const { receptionist } = node;
    receptionist.register(closed, node.spawn(answering, "closed"), { clients: () => false });
    receptionist.register(named, node.spawn(answering, "named"), {
      clients: ({ identity }) => isTeller(identity as never),
    });
    const giving = Behaviors.receive<ActorRef<ActorRef<ShardEnvelope<Message>>>>((_context, to) => {
      to.tell(accounts);
      return Behaviors.same();
    });
    receptionist.register(gate, node.spawn(giving, "gate"));
  }
  const connect = async (name: string) =>
    await ClusterClient.connect({
      contactPoints: [one.address, two.address],
      systemName: "bank",
      tls: (await ca.issueClient(name)).tls,
      logger: silentLogger,
    });
  await using teller = await connect("teller");
  await using guest = await connect("guest");
  assert(guest.address.startsWith("client:spiffe://") && guest.address.includes("/client/guest#"));

  const ids = Array.from({ length: 12 }, (_, i) => `a${i}`);
  const asks = (client: ClusterClient, type: Message["type"], name = "accounts") =>
    Promise.all(ids.map((id) =>
      client.ask(
        client.entityRef<Message>(name, { numShards: 8 }),
        (replyTo: ActorRef<string>) => shardEnvelope(id, { type, replyTo }),
        { timeout: 60_000 },
      )
    ));
  const all = (text: string) => ids.map(() => text);
  assertEquals(await asks(teller, "close"), all("close client teller"));
  assertEquals(await asks(guest, "who"), all("who client guest"));
  assertEquals(await asks(guest, "later"), all("who client guest"), "a stash keeps the sender");
  const asMember = (replyTo: ActorRef<string>) =>
    shardEnvelope("a1", { type: "close" as const, replyTo });
  assertEquals(await two.ask(open[1]!, asMember), "close member");

  // A refusal is told at once, and not after the timeout.
  const refused = async (what: () => Promise<unknown>) => {
    const error = await assertRejects(what, AskError);
    assert(/unauthorized/.test(error.message), error.message);
  };
  await refused(() => asks(guest, "close"));
  await refused(() => asks(teller, "who", "vault"));
  assert(lost.some((line) => /^unauthorized .*_region-accounts\/a\d+$/.test(line)), lost.join());

  // The reference of a node is no way around it.
  const [giver] = await found(guest, gate);
  const given = await guest.ask(
    giver!,
    (replyTo: ActorRef<ActorRef<ShardEnvelope<Message>>>) => replyTo,
  );
  await refused(() => guest.ask(given, asMember, { timeout: 60_000 }));
  assertEquals(
    await guest.ask(
      given,
      (replyTo: ActorRef<string>) => shardEnvelope("a1", { type: "who", replyTo }),
    ),
    "who client guest",
  );

  const [ofGuest] = await found(guest, named);
  const [ofTeller] = await found(teller, named);
  const own = (replyTo: ActorRef<string>) => replyTo;
  assert((await teller.ask(ofTeller!, own)).endsWith("/client/teller"));
  for (
    const [client, ref] of [[guest, ofGuest], [teller, (await found(teller, closed))[0]]] as const
  ) {
    const before = lost.length;
    ref!.tell(undefined as never);
    while (lost.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
    assert(lost.at(-1)!.startsWith("unauthorized"), `${client.address} ${lost.at(-1)}`);
  }
});

/** The actors of a service, once the client has heard of them. */
async function found<M>(
  client: ClusterClient,
  key: ServiceKey<M>,
): Promise<readonly ActorRef<M>[]> {
  for await (const refs of client.subscribe(key)) if (refs.length > 0) return refs;
  throw new Error("the client was closed");
}
