import type { Peer } from "../transport/base/peer.ts";
import {
  clientShardsPath,
  type LocateMessage,
  type LocationMessage,
  parseShardingMessage,
  type RefusedMessage,
} from "./routing/protocol.ts";
import type { ShardingPort } from "./routing/sharding_port.ts";

/** How many questions of clients may be open; further ones are dropped, and asked again. */
const maxQuestions = 100_000;
/** How many of them one client may have: it must not take the place of all others. */
const maxOfClient = 1_000;
/** Milliseconds in which the coordinator is not asked the same again: clients repeat themselves. */
const askInterval = 100;
/** Milliseconds after which a question is forgotten. */
const patience = 5_000;

interface Question {
  readonly client: string;
  readonly since: number;
}

/** What is asked about one shard. */
interface Asked {
  waiting: Question[];
  askedAt: number;
}

/** Answers clients that ask where a shard is, as soon as this node hears it. */
export class ClientLocator {
  readonly #port: ShardingPort;
  readonly #known: (question: LocateMessage) => LocationMessage | undefined;
  readonly #ask: (question: LocateMessage) => void;
  readonly #questions = new Map<string, Asked>();
  /** Open questions by client. */
  readonly #ofClient = new Map<string, number>();
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
    const client = peer.address;
    const now = this.#port.now();
    const key = keyOf(question.shardType, question.shard);
    const asked = this.#questions.get(key) ?? { waiting: [], askedAt: -Infinity };
    if (!asked.waiting.some((known) => known.client === client)) {
      const own = this.#ofClient.get(client) ?? 0;
      if (this.#open >= maxQuestions || own >= maxOfClient) return;
      asked.waiting.push({ client, since: now });
      this.#ofClient.set(client, own + 1);
      this.#open++;
    }
    this.#questions.set(key, asked);
    if (now - asked.askedAt < askInterval) return;
    asked.askedAt = now;
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
    for (const [key, asked] of this.#questions) {
      const isFresh = ({ since }: Question) => now - since < patience;
      this.#close(asked.waiting.filter((question) => !isFresh(question)));
      asked.waiting = asked.waiting.filter(isFresh);
      if (asked.waiting.length === 0) this.#questions.delete(key);
    }
  }

  #take(key: string): readonly Question[] {
    const waiting = this.#questions.get(key)?.waiting ?? [];
    this.#questions.delete(key);
    this.#close(waiting);
    return waiting;
  }

  #close(questions: readonly Question[]): void {
    this.#open -= questions.length;
    for (const { client } of questions) {
      const rest = this.#ofClient.get(client)! - 1;
      if (rest === 0) this.#ofClient.delete(client);
      else this.#ofClient.set(client, rest);
    }
  }
}

function keyOf(shardType: string, shard: number | ""): string {
  return `${shardType}\n${shard}`;
}
