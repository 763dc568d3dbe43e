/** What somebody gets wrong at first with topics, structures, schedules and limits, and is told. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ActorError,
  ActorSystem,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  DistributedError,
  OptionError,
  Topic,
} from "@casty/casty";
import { rateLimit, type RateLimitAccess, rateLimiters } from "@casty/casty/delivery";
import { memoryJournal, PersistenceError } from "@casty/casty/persistence";

const start = () => ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });

Deno.test("a topic is opened with a topic, and names itself", async () => {
  await using node = await start();
  for (const wrong of ["orders", undefined, { name: "orders" }]) {
    const open = () => node.topic(wrong as unknown as Topic<string>);
    assertThrows(open, OptionError, 'use what Topic("orders") returns');
  }
  assertThrows(() => Topic(""), OptionError, "1 to 256 printable characters");
  const unnamed = undefined as unknown as string;
  const broadcast = Behaviors.broadcasted(Behaviors.receive<string>(() => Behaviors.same()));
  assertThrows(() => node.spawn(broadcast, unnamed), OptionError, "undefined is not allowed");
  const text = 'topic "prices" (at most once, in the order of each publisher; the latest 2 are';
  const prices = node.topic(Topic<number>("prices", { retain: 2 }));
  assertEquals(String(prices), `${text} retained)`);
});

Deno.test("a map refuses undefined, which could not be told from a key that is not there", async () => {
  await using node = await start();
  const map = node.distributed().map<string, number | undefined>("stock");
  await assertRejects(() => map.set("tea", undefined), OptionError, "delete(key) removes a key");
  assertEquals(await map.size(), 0);
  await map.set("tea", 1);
  assertEquals(await map.compareAndSet("tea", 1, undefined), true);
  assertEquals(await map.contains("tea"), false);
});

Deno.test("errors of structures are short, and their remedies fit", async () => {
  await using node = await start();
  const structures = node.distributed();
  assertEquals(
    String(structures),
    'structures of the group "default" (volatile: empty after its node is lost, or its shard has moved)',
  );
  const long = await assertRejects(
    () => structures.map("stock").set("tea", "x".repeat(100_000)),
    DistributedError,
  );
  assertEquals(long.code, "structureFull");
  assertEquals(
    long.message,
    'map "stock": a value of 100005 bytes is longer than maxValueBytes (65536); ' +
      "use smaller values or fewer entries, several names, or raise `limits` of the group",
  );
  await structures.lock("stock").acquire();
  await assertRejects(
    () => structures.lock("stock").acquire({ timeout: 50 }),
    DistributedError,
    'lock "stock": it was not granted within 50 ms',
  );
});

Deno.test("a misspelled field of a schedule is no default", async () => {
  await using node = await start();
  const when = { expression: "0 3 * * *", timezone: "Europe/Berlin" };
  const report = Behaviors.scheduled(when, () => {}, { journal: memoryJournal() });
  const spawn = () => node.spawn(report, "report");
  const error = assertThrows(spawn, PersistenceError, '"timezone" is no field of a cron time');
  assertEquals(error.code, "badReminder");
});

Deno.test("limits need a cluster", async () => {
  await using local = new ActorSystem();
  const limit = { key: "mails", perSecond: 5 };
  assertThrows(
    () => rateLimit(local as unknown as RateLimitAccess, limit),
    OptionError,
    "use a ClusteredActorSystem or a ClusterClient",
  );
  const limiters = rateLimiters() as unknown as Behavior<string>;
  const spawn = () => local.spawn(limiters, undefined as unknown as string);
  assertThrows(spawn, ActorError, "need a ClusteredActorSystem");
});
