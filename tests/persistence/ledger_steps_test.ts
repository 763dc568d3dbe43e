import { assert, assertEquals } from "@std/assert";
import { account, type AccountMessage } from "../../examples/ledger/account.ts";
import { ActorSystem, Behaviors } from "../../mod.ts";
import type { ActorRef } from "../../mod.ts";
import { type Journal, memoryJournal } from "../../lib/persistence/mod.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { faultOf, readLedger } from "./ledger_check.ts";

const names = ["a", "b", "closed"];
const never = new Promise<never>(() => {});

/** A process that ends in the middle of its work with the store: all that it does later is nothing. */
class Process {
  readonly clock = new ManualClock();
  readonly #system: ActorSystem;
  readonly #accounts = new Map<string, ActorRef<AccountMessage>>();
  readonly #crashAt: number;
  steps = 0;
  confirmed = 0;

  /** `crashAt`: the step with the store before which it ends. */
  constructor(journal: Journal, crashAt: number) {
    this.#crashAt = crashAt;
    const logger = { log: () => {} };
    const random = new SeededRandom(String(crashAt));
    this.#system = new ActorSystem({ runtime: { clock: this.clock, random, logger } });
    const store = this.#storeOf(journal);
    for (const name of names) {
      const behavior = account(name, store, (id) => this.#accounts.get(id)!);
      this.#accounts.set(name, this.#system.spawn(Behaviors.supervise(behavior), name));
    }
  }

  get hasCrashed(): boolean {
    return this.steps > this.#crashAt;
  }

  /** Each call has two steps: before and after its work. */
  #storeOf(journal: Journal): Journal {
    return new Proxy(journal, {
      get: (target, name) => {
        const value = target[name as keyof Journal];
        if (typeof value !== "function") return value;
        if (name === "read") return value.bind(target);
        return async (...args: never[]) => {
          if (++this.steps > this.#crashAt) return await never;
          const result = await (value as (...args: never[]) => unknown).apply(target, args);
          return ++this.steps > this.#crashAt ? await never : result;
        };
      },
    });
  }

  /** Transfers, and one to a closed account. */
  async run(prefix: string): Promise<void> {
    const ask = (name: string, message: (replyTo: ActorRef<unknown>) => AccountMessage) => {
      const ref = this.#accounts.get(name)! as ActorRef<unknown>;
      this.#system.ask(ref, message).then((answer) => {
        if (answer === "accepted" && !this.hasCrashed) this.confirmed++;
      }, () => {});
    };
    ask("a", (replyTo) => ({ type: "deposit", amount: 10, replyTo }));
    ask("closed", (replyTo) => ({ type: "close", replyTo }));
    await this.clock.advance(0);
    for (
      const [id, from, to] of [["1", "a", "b"], ["2", "a", "closed"], ["3", "a", "b"]] as const
    ) {
      ask(from, (replyTo) => ({ type: "transfer", id: prefix + id, to, amount: 2, replyTo }));
      await this.clock.advance(1);
    }
    ask("b", (replyTo) => ({ type: "transfer", id: `${prefix}4`, to: "a", amount: 1, replyTo }));
    await this.clock.advance(150);
  }

  /** What is left to do is done. */
  async finish(): Promise<void> {
    await this.clock.advance(5_000);
  }
}

async function check(journal: Journal, ended: boolean, where: string): Promise<number> {
  const ledger = await readLedger(journal, names);
  const fault = faultOf(ledger, ended);
  if (fault !== undefined) throw new Error(`${where}: ${fault}`);
  return ledger.transfers.size;
}

Deno.test("a ledger is right whatever step with the store a process dies at", async () => {
  let step = 0;
  for (;; step++) {
    const journal = memoryJournal();
    const first = new Process(journal, step);
    await first.run("x");
    const { confirmed } = first;
    await check(journal, !first.hasCrashed, `step ${step}`);
    const second = new Process(journal, Infinity);
    await second.finish();
    const count = await check(journal, true, `step ${step}`);
    assert(count >= confirmed, `step ${step}: ${confirmed} were confirmed, ${count} are there`);
    if (!first.hasCrashed) {
      assertEquals(count, 4);
      break;
    }
  }
  assert(step > 30, `${step} steps`);
});

Deno.test("a ledger is right whatever steps two processes die at, one after the other", async () => {
  let runs = 0;
  for (let step = 6;; step += 2) {
    let hasCrashed = false;
    for (let next = 0;; next++) {
      runs++;
      const journal = memoryJournal();
      const first = new Process(journal, step);
      await first.run("x");
      hasCrashed = first.hasCrashed;
      const second = new Process(journal, next);
      await second.run("y");
      await check(journal, false, `steps ${step} and ${next}`);
      const third = new Process(journal, Infinity);
      await third.finish();
      const count = await check(journal, true, `steps ${step} and ${next}`);
      assert(count >= first.confirmed + second.confirmed);
      if (!second.hasCrashed) break;
    }
    if (!hasCrashed) break;
  }
  assert(runs > 300, `${runs} runs`);
});
