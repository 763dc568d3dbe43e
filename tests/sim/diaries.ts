/**
 * Durable entities whose events are replicated, for tests of whole clusters: they keep numbers in order.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { eventSourced } from "../../lib/persistence/mod.ts";
import type { ReplicationOptions } from "../../lib/sharding/sharded_behavior.ts";
import { entityType } from "../../lib/sharding/routing/entity_type.ts";
import type { SimulatedNode, Simulation } from "../../lib/testkit/mod.ts";

export type DiaryMessage =
  | { type: "add"; value: number; replyTo: ActorRef<number> }
  | { type: "all"; replyTo: ActorRef<readonly number[]> };

/** The entities; see the module's text. */
export const Diaries = entityType<DiaryMessage>("diaries", { numShards: 6 });
/** Their ids. */
export const diaries = Array.from({ length: 12 }, (_, index) => `diary-${index}`);

/** An entity. */
export const diary = () =>
  Behaviors.supervise(
    eventSourced<DiaryMessage, number, readonly number[]>({
      initial: [],
      onCommand(_context, all, message, effect) {
        if (message.type === "all") return effect.reply(message.replyTo, all);
        return effect.persist(message.value).thenReply(message.replyTo, (after) => after.length);
      },
      onEvent: (all, value) => [...all, value],
      snapshots: { every: 20 },
    }),
    { maxRestarts: Infinity, backoff: { min: 20, max: 500 } },
  );

/** Spawns the type at a node. */
export const copies = (
  replication: ReplicationOptions = {},
  { stored = false }: { readonly stored?: boolean } = {},
) =>
(node: SimulatedNode) =>
  void node.system.spawn(Behaviors.sharded(Diaries, diary, {
    replication: { ackTimeout: 2_000, ...replication },
    ...(stored && { journal: node.diskJournal }),
  }));

/** Writers at a client: what they were told is stored, and how many asks have failed. */
export class Writers {
  readonly told = new Map<string, number[]>(diaries.map((id) => [id, []]));
  failed = 0;
  /** Codes of errors of asks to each entity, and when they came. */
  readonly errors: { readonly id: string; readonly code: string; readonly at: number }[] = [];
  longest = 0;
  #over = false;
  readonly #working: Promise<void>[] = [];
  #all!: (id: string) => Promise<readonly number[]>;

  static async start(sim: Simulation): Promise<Writers> {
    const client = await sim.connect();
    const writers = new Writers();
    writers.#all = (id) => client.entity(Diaries, id).ask((replyTo) => ({ type: "all", replyTo }));
    for (const id of diaries) writers.#working.push(writers.#work(sim, client, id));
    return writers;
  }

  async #work(
    sim: Simulation,
    client: Awaited<ReturnType<Simulation["connect"]>>,
    id: string,
  ): Promise<void> {
    const ref = client.entity(Diaries, id);
    for (let value = 1; !this.#over; value++) {
      const begun = sim.now;
      try {
        await ref.ask((replyTo) => ({ type: "add", value, replyTo }), { timeout: 5_000 });
        this.told.get(id)!.push(value);
      } catch (error) {
        this.failed++;
        this.errors.push({ id, code: String((error as { code?: unknown }).code), at: sim.now });
      }
      this.longest = Math.max(this.longest, sim.now - begun);
      await sim.sleep(150 + sim.random.next() * 150);
    }
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#working);
  }

  /** Everything that was confirmed is there once, in order. */
  async check(): Promise<void> {
    for (const [id, told] of this.told) {
      const found = await this.#all(id);
      assertEquals(new Set(found).size, found.length, `${id} has a value twice: ${found}`);
      const lost = told.filter((value) => !found.includes(value));
      assertEquals(lost, [], `${id} has lost values`);
      assertEquals(found, [...found].sort((a, b) => a - b), `${id} is out of order`);
    }
  }

  get count(): number {
    return [...this.told.values()].reduce((sum, { length }) => sum + length, 0);
  }
}

/** What all nodes say of their copies. */
export const explained = (sim: Simulation) =>
  sim.nodes.flatMap((node) => node.running?.cluster.explain("replication") ?? []);

/** All shards are open, with all their copies. */
export const isWhole = (sim: Simulation) => {
  const lines = explained(sim);
  const open = lines.reduce(
    (sum, line) => sum + Number(/of which (\d+) are open/.exec(line)?.[1] ?? 0),
    0,
  );
  return open === Diaries.numShards && lines.every((line) => !/shard \d+: /.test(line));
};

/** Options of most simulations here. */
export const setup = { shrink: 0, failures: false, linger: 0 } as const;
