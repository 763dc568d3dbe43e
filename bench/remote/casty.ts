import {
  type ActorRef,
  Behaviors,
  ClusteredActorSystem,
  type ShardEnvelope,
  shardEnvelope,
} from "@casty/casty";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { type BenchMessage, benchSystem, counter } from "./counter.ts";
import type { Counter } from "./measures.ts";

/** Entities of the sharded rows. Only those that the peer owns are used. */
const entities = 64;
const timeout = 20_000;

/** A node that has joined the peer's cluster. */
export class CastyNode implements AsyncDisposable {
  readonly #system: ClusteredActorSystem;
  readonly #peer: string;
  #region: ActorRef<ShardEnvelope<BenchMessage>> | undefined;

  private constructor(system: ClusteredActorSystem, peer: string) {
    this.#system = system;
    this.#peer = peer;
  }

  static async join(peer: string, tls: TlsMaterial): Promise<CastyNode> {
    const system = await ClusteredActorSystem.start({
      name: benchSystem,
      nodeId: "near",
      host: "127.0.0.1",
      port: 0,
      seedNodes: [peer],
      requiredQuorum: 2,
      tls,
    });
    return new CastyNode(system, peer);
  }

  /** The number of dead letters. */
  get deadLetters(): number {
    const { deadLetters } = this.#system.ledger.snapshot();
    return Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
  }

  /** The peer's actor. */
  counter(): Counter {
    const system = this.#system;
    const ref = system.lookup<BenchMessage>("/counter", { node: this.#peer })!;
    return {
      tell: (text) => ref.tell({ type: "count", text }),
      ask: (text) =>
        system.ask(
          ref,
          (replyTo: ActorRef<number>): BenchMessage => ({ type: "get", text, replyTo }),
          { timeout },
        ),
    };
  }

  /** An entity that the peer owns now; `isRemote` says whether it still does. */
  async sharded(): Promise<Counter & { isRemote(): boolean }> {
    const system = this.#system;
    const ref = this.#region ??= system.spawn(
      Behaviors.sharded(counter, { numShards: 8 }),
      "counters",
    );
    for (let n = 0; n < entities; n++) {
      const id = `entity-${n}`;
      const ask = (text: string): Promise<number> =>
        system.ask(
          ref,
          (replyTo: ActorRef<number>) => shardEnvelope(id, { type: "get", text, replyTo }),
          { timeout },
        );
      await ask("");
      const isRemote = () => system.sharding.shardOwner("counters", id) === this.#peer;
      if (!isRemote()) continue;
      const tell = (text: string) => ref.tell(shardEnvelope(id, { type: "count", text }));
      return { tell, ask, isRemote };
    }
    throw new Error("the peer owns no entity");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#system.shutdown();
  }
}
