/**
 * Gateways and a client on virtual time: connections break, gateways are killed, entities fail. Whatever
 * happens, an operation ends once and says the truth about its outcome, and messages arrive once and in
 * order, or a gap does in their place.
 */
import { assert, assertEquals } from "@std/assert";
import { AskError, AskTimeoutError, entityType, Topic } from "../../mod.ts";
import { gateway, type GatewayHandler, gatewayHandler, type GatewayHost } from "../../gateway.ts";
import { gatewayClient, GatewayError } from "../../gateway_client.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { TopicSubscription } from "../../lib/topics/topic_subscription.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { SocketWorld } from "./socket_world.ts";
import { schema } from "./shop.ts";

type Run = { type: "run"; token: number; replyTo: { tell(value: number): void } };

const Runners = entityType<Run>("runners");
const Ticks = Topic<{ number: number }>("ticks");
const token = schema("a number", (value): value is number => typeof value === "number");
const api = gateway.api({
  runners: gateway.entity(Runners, ({ ask }) => ({
    once: ask({
      input: token,
      message: (replyTo, input) => ({ type: "run", token: input, replyTo }),
    }),
    often: ask({
      input: token,
      idempotent: true,
      message: (replyTo, input) => ({ type: "run", token: input, replyTo }),
    }),
  })),
  ticks: gateway.topic(Ticks),
});

/** What the cluster does: entities that run tokens, and a topic of numbers. */
class FakeCluster implements GatewayHost {
  readonly runs: number[] = [];
  /** Tokens in the order in which they were first sent to the entity. */
  readonly sent = new Set<number>();
  readonly readers = new Set<TopicSubscription<unknown>>();
  readonly eventStream = { subscribe: () => () => {} };
  readonly runtime;
  published = 0;
  faulty = true;
  readonly #clock: ManualClock;
  readonly #random: SeededRandom;

  constructor(clock: ManualClock, random: SeededRandom) {
    this.#clock = clock;
    this.#random = random;
    this.runtime = { clock, random, logger: silentLogger };
  }

  publish(): void {
    this.published++;
    for (const reader of this.readers) reader.offer({ number: this.published });
  }

  entity = (() => ({
    ask: (factory: (replyTo: unknown) => Run, { timeout }: { timeout: number }) =>
      new Promise((resolve, reject) => {
        const { token } = factory({});
        this.sent.add(token);
        const fate = this.faulty ? this.#random.next() : 1;
        if (fate < 0.05) {
          return reject(new AskError("askNotDelivered", "", { reason: "queueFull" }));
        }
        this.#later(() => {
          if (fate < 0.07) {
            return reject(new AskError("askTargetDead", "", { reason: "ownerLost" }));
          }
          this.runs.push(token);
          if (fate < 0.09) {
            return reject(new AskError("askTargetDead", "", { reason: "ownerLost" }));
          }
          if (fate < 0.1) {
            this.#clock.schedule(timeout, () => reject(new AskTimeoutError("", timeout)));
          } else this.#later(() => resolve(token));
        });
      }),
  })) as never;

  topic = (() => ({
    subscribe: (options: object) => {
      const reader: TopicSubscription<unknown> = new TopicSubscription("ticks", options, {
        onEnd: () => this.readers.delete(reader),
        onDropped: () => {},
      });
      this.readers.add(reader);
      return reader;
    },
  })) as never;

  #later(task: () => void): void {
    this.#clock.schedule(Math.floor(this.#random.next() * 30), task);
  }
}

interface Ended {
  readonly token: number;
  readonly once: boolean;
  outcome?: "done" | "none" | "unknown" | "handled" | undefined;
  ends: number;
}

async function run(seed: number): Promise<Record<string, number>> {
  const clock = new ManualClock();
  const random = new SeededRandom(seed);
  const cluster = new FakeCluster(clock, random.fork("cluster"));
  const world = new SocketWorld(clock, random.fork("sockets"));
  const faults = random.fork("faults");
  const hosts = ["a", "b"];
  const gateways = new Map<string, GatewayHandler>();
  const start = (host: string) => {
    const handler = gatewayHandler(cluster, api, {
      authenticate: () => ({ id: "ann" }),
      upgrade: world.upgrade,
      window: 16,
      resumeFor: 5_000,
      slowAfter: 4_000,
      maxSocketsPerPrincipal: 1_000,
    });
    gateways.set(host, handler);
    world.serve(host, handler);
  };
  hosts.forEach(start);

  const client = gatewayClient<typeof api>({
    urls: hosts.map((host) => `http://${host}/gateway`),
    pingAfter: 1_000,
    connectTimeout: 500,
    runtime: { clock, random: random.fork("client"), webSocket: world.connect },
  });
  const operations: Ended[] = [];
  const runner = client.entity("runners", "one");
  const call = () => {
    const once = faults.next() < 0.6;
    const made: Ended = { token: operations.length, once, ends: 0 };
    operations.push(made);
    const options = { timeout: 500 + Math.floor(faults.next() * 4_000) };
    runner[once ? "once" : "often"](made.token, options).then((value) => {
      assertEquals(value, made.token);
      made.ends++;
      made.outcome = "done";
    }, (error) => {
      assert(error instanceof GatewayError, String(error));
      made.ends++;
      made.outcome = error.outcome;
    });
  };
  const events: { number?: number; gap?: string; missed?: number }[] = [];
  const subscription = client.topic("ticks").subscribe();
  const reading = (async () => {
    for await (const event of subscription) {
      events.push(
        event.type === "gap"
          ? { gap: event.reason, missed: event.missed }
          : { number: event.message.number },
      );
    }
  })();

  let sessions = 0;
  client.onState(({ state, resumed }) => {
    if (state === "open" && !resumed) sessions++;
  });
  let resumes = 0;
  client.onState(({ resumed }) => void (resumed && resumes++));
  const end = clock.now() + 60_000;
  const act = () => {
    if (clock.now() >= end) return;
    const dice = faults.next();
    if (dice < 0.45) call();
    else if (dice < 0.9) cluster.publish();
    else if (dice < 0.97) world.cutOne();
    else if (dice < 0.985) {
      const host = hosts[Math.floor(faults.next() * hosts.length)]!;
      world.kill(host);
      gateways.get(host)!.close();
      clock.schedule(faults.next() * 3_000, () => start(host));
    } else for (let burst = 0; burst < 60; burst++) cluster.publish();
    clock.schedule(faults.next() * 100, act);
  };
  act();
  await clock.advance(60_000);
  cluster.faulty = false;
  await clock.advance(20_000);
  const last = operations.length;
  call();
  cluster.publish();
  await clock.advance(1_000);
  client.close();
  await clock.advance(10_000);
  await reading;
  for (const handler of gateways.values()) handler.close();

  const ran = new Map<number, number>();
  for (const token of cluster.runs) ran.set(token, (ran.get(token) ?? 0) + 1);
  for (const { token, once, outcome, ends } of operations) {
    const times = ran.get(token) ?? 0;
    const text = `seed ${seed}: ${token} ${once ? "once" : "often"} ${outcome}, ran ${times} times`;
    assertEquals(ends, 1, text);
    if (once) assert(times <= 1, text);
    if (outcome === "done") assert(times >= 1, text);
    if (outcome === "none") assertEquals(times, 0, text);
  }
  assertEquals(operations[last]!.outcome, "done", `seed ${seed}: works after the faults`);
  const sent = [...cluster.sent].filter((token) => operations[token]!.once);
  assertEquals(sent, sent.toSorted((a, b) => a - b), `seed ${seed}: in order`);

  let before: number | undefined;
  let gap: string | undefined;
  let missing = 0;
  for (const { number, gap: reason, missed = 0 } of events) {
    if (reason !== undefined) {
      missing += missed;
      gap = gap === "sessionLost" ? gap : reason;
      continue;
    }
    if (before !== undefined) {
      assert(number! > before, `seed ${seed}: ${number} came after ${before}`);
      assert(number === before + 1 || gap, `seed ${seed}: ${before + 1} is missing`);
      // Of a session that is known all is known.
      if (gap !== "sessionLost") assertEquals(number! - before - 1, missing, `seed ${seed}`);
    }
    before = number;
    gap = undefined;
    missing = 0;
  }
  assertEquals(before, cluster.published, `seed ${seed}: the last message`);
  const outcomes: Record<string, number> = { sessions, resumes };
  for (const { outcome } of operations) outcomes[outcome!] = (outcomes[outcome!] ?? 0) + 1;
  outcomes.gaps = events.filter(({ gap }) => gap !== undefined).length;
  outcomes.messages = events.length - outcomes.gaps;
  return outcomes;
}

Deno.test("operations end once with the truth, and messages arrive once or leave a gap", async () => {
  const sum: Record<string, number> = {};
  const [from, to] = (Deno.env.get("CASTY_GATEWAY_SEEDS") ?? "1-12").split("-").map(Number);
  for (let seed = from!; seed <= to!; seed++) {
    for (const [name, count] of Object.entries(await run(seed))) {
      sum[name] = (sum[name] ?? 0) + count;
    }
  }
  // All kinds of ends have been seen.
  for (const name of ["sessions", "resumes", "done", "none", "unknown", "gaps", "messages"]) {
    assert(sum[name]! > 0, `${name}: ${JSON.stringify(sum)}`);
  }
  if (Deno.env.has("CASTY_GATEWAY_SEEDS")) console.log(JSON.stringify(sum));
});
