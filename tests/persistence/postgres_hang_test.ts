import { assert, assertEquals } from "@std/assert";
// @ts-types="../../lib/persistence/postgres/pg_types.d.ts"
import pg from "pg";
import type { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import {
  eventSourced,
  type Journal,
  PersistenceError,
  persistenceId,
  projection,
} from "../../lib/persistence/mod.ts";
import { postgresJournalWith } from "../../lib/persistence/postgres/postgres_journal.ts";
import {
  postgresProjectionStore,
  type PostgresTransaction,
} from "../../lib/persistence/postgres/postgres_projection_store.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { HangingProxy } from "./hanging_proxy.ts";
import { missing, PostgresServer } from "./postgres_server.ts";

/** Milliseconds that a statement may take: all bounds follow from it. */
const statementTimeout = 800;
/** An append ends within so many. */
const bound = 6 * statementTimeout;

/** After 10 failures it is tried again after 1 s: that it is left alone for 15 s is tested elsewhere. */
const journalOf = (url: string, connections?: number) =>
  postgresJournalWith(
    url,
    { statementTimeout, ...(connections !== undefined && { connections }) },
    1_000,
  );

type Add = { readonly entry: string; readonly replyTo: ActorRef<readonly string[]> };

/** Keeps what it was given, each once. */
const list = (journal: Journal, name: string) =>
  Behaviors.supervise(
    eventSourced<Add, string, readonly string[]>({
      id: persistenceId("list", name),
      journal,
      initial: [],
      onCommand: (_context, entries, { entry, replyTo }, effect) =>
        (entries.includes(entry) ? effect.none() : effect.persist(entry))
          .thenReply(replyTo, (after) => after),
      onEvent: (entries, entry) => [...entries, entry],
    }),
    { maxRestarts: Infinity, backoff: { min: 10, max: 100, jitter: 0 } },
  );

const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

/** Adds entries to a list one after the other; each is repeated until it is confirmed. */
class Writer {
  readonly confirmed: string[] = [];
  readonly failures: {
    readonly reason: string;
    readonly details: string;
    readonly after: number;
  }[] = [];
  /** The longest time between two confirmations. */
  longest = 0;
  readonly #ref: ActorRef<Add>;
  readonly #system: ActorSystem;
  readonly name: string;
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(system: ActorSystem, journal: Journal, name: string) {
    this.name = name;
    this.#system = system;
    this.#ref = system.spawn(list(journal, name), name);
    this.#done = this.#write();
  }

  async #write(): Promise<void> {
    let last = performance.now();
    for (let n = 0; !this.#isOver; n++) {
      const entry = `${this.name} ${n}`;
      for (;;) {
        const start = performance.now();
        try {
          const entries = await this.#system.ask(
            this.#ref,
            (replyTo: ActorRef<readonly string[]>) => ({ entry, replyTo }),
            { timeout: 60_000 },
          );
          assertEquals(entries.filter((one) => one === entry).length, 1);
          break;
        } catch (error) {
          const { reason = "", details = "" } = error as AskError;
          this.failures.push({ reason, details, after: performance.now() - start });
          await pause(10);
        }
      }
      this.confirmed.push(entry);
      // So that writers do not fall into step, and share all their commits.
      await pause(1 + Math.random() * 10);
      this.longest = Math.max(this.longest, performance.now() - last);
      last = performance.now();
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }
}

const until = async (condition: () => boolean) => {
  while (!condition()) await pause(5);
};

/** Each confirmed entry is stored, and none twice. */
async function check(journal: Journal, writers: readonly Writer[]): Promise<void> {
  const decoder = new TextDecoder();
  for (const { name, confirmed } of writers) {
    const stored: string[] = [];
    let seq = 0;
    for await (const event of journal.read(`list|${name}`)) {
      assertEquals(event.seq, ++seq);
      stored.push(decoder.decode(event.payload.subarray(1)));
    }
    assertEquals(stored, confirmed, name);
  }
}

/** What asks may be told while a server hangs. */
const isDocumented = ({ reason, details }: { readonly reason: string; readonly details: string }) =>
  reason === "storeUnavailable" ||
  reason === "notPersisted" && /^(unknown|rejected): /.test(details);

const on = (name: string, run: (server: PostgresServer) => Promise<void>) =>
  Deno.test({
    name: `PostgreSQL: ${name}${missing === undefined ? "" : ` (skipped: ${missing})`}`,
    ignore: missing !== undefined,
    fn: async () => {
      await using server = await PostgresServer.create();
      await run(server);
    },
  });

const start = () => new ActorSystem({ runtime: { logger: silentLogger } });

for (const swallowed of ["request", "answer"] as const) {
  on(`an append whose ${swallowed} is swallowed ends, and disturbs no other`, async (server) => {
    await using proxy = new HangingProxy(server.port);
    const url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
    const journal = await journalOf(url, 4);
    await using system = start();
    const others = ["a", "b", "c"].map((name) => new Writer(system, journal, name));
    await until(() => others.every(({ confirmed }) => confirmed.length >= 20));
    const hung = new Writer(system, journal, "victim");
    await until(() => hung.confirmed.length >= 5);

    // One connection hangs for ever, that of an append of the victim.
    const append = new TextEncoder().encode("victim ");
    let hangs = 0;
    let sentOn: object | undefined;
    proxy.swallowWhen((bytes, direction, connection) => {
      if (hangs > 0) return false;
      if (direction === "request" && includes(bytes, append)) sentOn ??= connection;
      if (connection !== sentOn || direction !== swallowed) return false;
      hangs++;
      return true;
    });
    await until(() => hangs === 1);
    const since = performance.now();
    const [before, own] = [others.map(({ confirmed }) => confirmed.length), hung.confirmed.length];
    // The commit may have been shared with one of them; the others go on meanwhile.
    const goOn = () =>
      others.filter(({ confirmed }, index) => confirmed.length >= before[index]! + 5).length >= 2;
    await until(() => goOn() || hung.confirmed.length > own);
    assert(goOn());
    const all = [hung, ...others];
    const counts = all.map(({ confirmed }) => confirmed.length);
    await until(() => all.every(({ confirmed }, index) => confirmed.length > counts[index]! + 5));
    assert(performance.now() - since < bound, `${performance.now() - since} ms`);
    for (const writer of all) {
      assert(writer.failures.every(isDocumented), JSON.stringify(writer.failures));
      await writer.end();
    }
    await check(journal, all);
    await system.shutdown();
    await journal.close();
  });
}

on(
  "a server that hangs with its connections open: appends end, and all goes on",
  async (server) => {
    await using proxy = new HangingProxy(server.port);
    const url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
    const journal = await journalOf(url);
    await using system = start();
    const writers = ["a", "b", "c", "d"].map((name) => new Writer(system, journal, name));
    await until(() => writers.every(({ confirmed }) => confirmed.length >= 20));
    proxy.hang();
    const since = performance.now();
    await until(() => writers.every(({ failures }) => failures.length > 0));
    assert(performance.now() - since < bound, `${performance.now() - since} ms`);
    // Later ones are told sooner: nothing was sent.
    await until(() => writers.every(({ failures }) => failures.length > 3));
    for (const { failures } of writers) {
      assert(failures.every(isDocumented), JSON.stringify(failures));
      assertEquals(failures[3]!.reason, "storeUnavailable");
    }
    // What was under way, of which nobody knows.
    assert(writers.some(({ failures }) => failures[0]!.details.startsWith("unknown: ")));
    proxy.heal();
    const counts = writers.map(({ confirmed }) => confirmed.length);
    await until(() =>
      writers.every(({ confirmed }, index) => confirmed.length > counts[index]! + 5)
    );
    for (const writer of writers) await writer.end();
    await check(journal, writers);
    await system.shutdown();
    await journal.close();
  },
);

on("a server whose processes stand still: what it does late is fenced or found", async (server) => {
  const journal = await journalOf(server.url);
  await using system = start();
  const writers = ["a", "b", "c", "d"].map((name) => new Writer(system, journal, name));
  for (let round = 1; round <= 2; round++) {
    const counts = writers.map(({ confirmed }) => confirmed.length);
    await until(() =>
      writers.every(({ confirmed }, index) => confirmed.length > counts[index]! + 9)
    );
    const failed = writers.map(({ failures }) => failures.length);
    await server.freeze();
    const since = performance.now();
    try {
      await until(() => writers.every(({ failures }, index) => failures.length > failed[index]!));
      assert(performance.now() - since < bound, `${performance.now() - since} ms`);
    } finally {
      await server.thaw();
    }
  }
  const counts = writers.map(({ confirmed }) => confirmed.length);
  await until(() => writers.every(({ confirmed }, index) => confirmed.length > counts[index]! + 5));
  for (const writer of writers) {
    await writer.end();
    assert(writer.failures.every(isDocumented), JSON.stringify(writer.failures));
  }
  await check(journal, writers);
  await system.shutdown();
  await journal.close();
});

on("a store is closed although its server hangs, and reads end", async (server) => {
  await using proxy = new HangingProxy(server.port);
  const url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
  const journal = await journalOf(url);
  await journal.open("a", 1);
  journal.onAppended!(() => {});
  await pause(100);
  proxy.hang();
  const since = performance.now();
  const error = await journal.loadSnapshot("a").then(() => undefined, (error) => error);
  assert(error instanceof PersistenceError, String(error));
  assert(["outcomeUnknown", "storeUnavailable"].includes(error.code), error.code);
  await journal.close();
  assert(performance.now() - since < bound, `${performance.now() - since} ms`);
});

on("a projection whose database hangs goes on when it answers, exactly once", async (server) => {
  await using proxy = new HangingProxy(server.port);
  const url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
  const journal = await journalOf(server.url);
  await using system = start();
  const writer = new Writer(system, journal, "a");
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query("create table seen (seq bigint primary key)");
  const store = await postgresProjectionStore(url, { statementTimeout });
  const running = projection<string, PostgresTransaction>({
    name: "seen",
    journal,
    store,
    workers: 1,
    backoff: { min: 10, max: 100 },
    handle: async ({ seq }, { query }) => void await query("insert into seen values ($1)", [seq]),
  }).start(system);
  const seen = async () =>
    Number(
      (await client.query("select count(*) from seen").then(({ rows }) =>
        rows as { count: string }[]
      ))[0]!.count,
    );
  const untilSeen = async (count: number) => {
    while (await seen() < count) await pause(20);
  };
  await untilSeen(20);
  proxy.hang();
  // A worker is told that its store fails: it does not wait for ever.
  const isTold = async () => (await running.status()).workers[0]!.error !== undefined;
  while (!await isTold()) await pause(20);
  proxy.heal();
  await untilSeen(await seen() + 20);
  await writer.end();
  await untilSeen(writer.confirmed.length);
  assertEquals(await seen(), writer.confirmed.length);
  await client.end();
  await system.shutdown();
  await store.close();
  await journal.close();
});

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = bytes.indexOf(part[0]!); at >= 0; at = bytes.indexOf(part[0]!, at + 1)) {
    if (part.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}
