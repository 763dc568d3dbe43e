/**
 * A client: a process outside of the cluster finds a service, asks entities on the nodes that own
 * them, and offers an actor that nodes send to. Over mutual TLS, with certificates made on the spot.
 *
 *     deno run -A examples/13_client.ts
 *
 * @module
 */
import {
  type ActorRef,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  discoverable,
  entityType,
  ServiceKey,
  silentLogger,
} from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { testCa } from "@casty/casty/cert";

type Score =
  | { type: "add"; points: number }
  | { type: "get"; replyTo: ActorRef<number> };
type News = { type: "follow"; reader: ActorRef<string> };

const Scores = entityType<Score>("scores", { numShards: 20 });
const newsKey = ServiceKey<News>("news");

const score = (points: number): Behavior<Score> =>
  Behaviors.receive((_context, message) => {
    if (message.type === "add") return score(points + message.points);
    message.replyTo.tell(points);
    return Behaviors.same();
  });

const news = Behaviors.receive<News>((_context, { reader }) => {
  reader.tell("the match has begun");
  return Behaviors.same();
});

const ca = await testCa();
await using node = await ClusteredActorSystem.start({
  name: "league",
  host: "127.0.0.1",
  port: 0,
  tls: (await ca.issueNode()).tls,
  logger: silentLogger,
});
node.spawn(Behaviors.sharded(Scores, () => score(0)));
node.spawn(discoverable(news, newsKey), "news");

await using client = await ClusterClient.connect({
  contactPoints: [node.address],
  systemName: "league",
  tls: (await ca.issueClient("scoreboard")).tls,
  logger: silentLogger,
});

for (const points of [100, 50]) {
  client.entity(Scores, "user-1").tell({ type: "add", points });
}
client.entity(Scores, "user-2").tell({ type: "add", points: 200 });
for (const user of ["user-1", "user-2"]) {
  const points = await client.entity(Scores, user).ask((replyTo) => ({ type: "get", replyTo }));
  console.log(`${user}: ${points}`);
}

const heard = Promise.withResolvers<string>();
const reader = client.spawn(
  Behaviors.receive<string>((_context, text) => {
    heard.resolve(text);
    return Behaviors.stopped();
  }),
  "reader",
);
for await (const [publisher] of client.subscribe(newsKey)) {
  if (publisher === undefined) continue; // nobody offers it yet
  publisher.tell({ type: "follow", reader });
  break;
}
console.log(`news: ${await heard.promise}`);
