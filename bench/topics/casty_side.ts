import { ClusteredActorSystem, silentLogger, Topic, type TopicHandle } from "@casty/casty";
import { Behaviors } from "@casty/casty";
import { createCa, issueNode } from "@casty/casty/cert";
import { Child } from "./child.ts";
import type { BenchEvent } from "./message.ts";
import { Arrivals, type Side } from "./side.ts";

/** What is measured. */
export const Events: Topic<BenchEvent> = Topic("events");
/** A node reports how many messages all its subscribers have got. */
export const Reports: Topic<number> = Topic("reports");

/** A publishing node, and nodes with actors that have subscribed. */
export class CastySide implements Side {
  readonly name = "Casty";
  readonly #system: ClusteredActorSystem;
  readonly #children: readonly Child[];
  readonly #events: TopicHandle<BenchEvent>;
  readonly #arrivals: Arrivals;

  private constructor(
    system: ClusteredActorSystem,
    children: readonly Child[],
    arrivals: Arrivals,
  ) {
    this.#system = system;
    this.#children = children;
    this.#arrivals = arrivals;
    this.#events = system.topic(Events);
  }

  /** Resolves when all have subscribed and the publisher knows it. */
  static async start(processes: number, subscribers: number): Promise<CastySide> {
    const ca = await createCa();
    const tls = { ...await issueNode(ca, { hosts: ["127.0.0.1"] }), ca: ca.cert };
    const system = await ClusteredActorSystem.start({
      name: "bench",
      host: "127.0.0.1",
      port: 0,
      tls,
      logger: silentLogger,
    });
    const children = Array.from({ length: processes }, () =>
      new Child("casty_node.ts", {
        CASTY_BENCH_TLS: JSON.stringify(tls),
        CASTY_BENCH_SEED: system.address,
        CASTY_BENCH_SUBSCRIBERS: String(subscribers),
      }));
    const arrivals = new Arrivals(processes);
    const report = Behaviors.receive<number>((_context, messages) => {
      arrivals.report(messages);
      return Behaviors.same();
    });
    system.topic(Reports).subscribe(system.spawn(report, "reports"));
    const side = new CastySide(system, children, arrivals);
    await Promise.all(children.map((child) => child.line()));
    await untilSubscribed(system, processes);
    return side;
  }

  publish(message: BenchEvent): void {
    this.#events.publish(message);
  }

  arrived(messages: number): Promise<void> {
    return this.#arrivals.wait(messages);
  }

  counts(): Promise<readonly (readonly number[])[]> {
    return Promise.all(this.#children.map((child) => child.counts()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    await this.#system.shutdown();
  }
}

/** The premise: every node has announced the topic. */
async function untilSubscribed(system: ClusteredActorSystem, processes: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const lines = system.cluster.explain("topics");
    const line = lines.find((line) => line.startsWith('topic "events"')) ?? "";
    if ((line.match(/\d:\d+/g) ?? []).length === processes) return;
    if (performance.now() > deadline) throw new Error(`not all have subscribed: ${line}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
