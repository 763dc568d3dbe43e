import type { Peer } from "../transport/peer.ts";
import {
  clientShardsPath,
  type LocateMessage,
  type LocationMessage,
  parseShardingMessage,
  type RefusedMessage,
} from "./protocol.ts";
import type { ShardingPort } from "./sharding_port.ts";

/** How many questions of clients may be open; further ones are dropped, and asked again. */
const maxQuestions = 100_000;
/** Milliseconds after which a question is forgotten. */
const patience = 5_000;

interface Question {
  readonly client: string;
  readonly since: number;
}

/** Answers clients that ask where a shard is, as soon as this node hears it. */
export class ClientLocator {
  readonly #port: ShardingPort;
  readonly #known: (question: LocateMessage) => LocationMessage | undefined;
  readonly #ask: (question: LocateMessage) => void;
  readonly #questions = new Map<string, Question[]>();
  #open = 0;

  /** `known` answers what this node knows; `ask` asks the coordinator. */
  constructor(
    port: ShardingPort,
    known: (question: LocateMessage) => LocationMessage | undefined,
    ask: (question: LocateMessage) => void,
  ) {
    this.#port = port;
    this.#known = known;
    this.#ask = ask;
  }

  /** Takes a client's question. */
  receive(peer: Peer, value: unknown): void {
    const question = parseShardingMessage(value);
    if (question?.type !== "locate") return;
    const answer = this.#known(question);
    if (answer !== undefined) return this.#port.send(peer.address, clientShardsPath, answer);
    if (this.#open >= maxQuestions) return;
    const key = keyOf(question.shardType, question.shard);
    const waiting = this.#questions.get(key) ?? [];
    if (!waiting.some(({ client }) => client === peer.address)) {
      waiting.push({ client: peer.address, since: this.#port.now() });
      this.#open++;
    }
    this.#questions.set(key, waiting);
    this.#ask(question);
  }

  /** The coordinator has told where a shard is. */
  onLocation(location: LocationMessage): void {
    const key = keyOf(location.shardType, location.shard);
    for (const { client } of this.#take(key)) this.#port.send(client, clientShardsPath, location);
  }

  /** The coordinator has refused a type. */
  onRefused(refused: RefusedMessage): void {
    for (const key of [...this.#questions.keys()]) {
      if (!key.startsWith(keyOf(refused.shardType, ""))) continue;
      for (const { client } of this.#take(key)) this.#port.send(client, clientShardsPath, refused);
    }
  }

  /** Forgets old questions: whoever still wants to know asks again. */
  tick(): void {
    const now = this.#port.now();
    for (const [key, waiting] of this.#questions) {
      const fresh = waiting.filter(({ since }) => now - since < patience);
      this.#open -= waiting.length - fresh.length;
      if (fresh.length === 0) this.#questions.delete(key);
      else this.#questions.set(key, fresh);
    }
  }

  #take(key: string): readonly Question[] {
    const waiting = this.#questions.get(key) ?? [];
    this.#questions.delete(key);
    this.#open -= waiting.length;
    return waiting;
  }
}

function keyOf(shardType: string, shard: number | ""): string {
  return `${shardType}\n${shard}`;
}
