/**
 * Answers requests of other members for facts about this node, and asks them. It does nothing until
 * somebody asks.
 *
 * @module
 */
import type {
  ExtensionContext,
  ExtensionPeer,
  NodeExtension,
} from "../cluster/node/node_extension.ts";
import type { Timer } from "../runtime/clock.ts";
import { accountOf } from "../transport/base/peer.ts";
import { certificateFacts } from "./facts/certificate_facts.ts";
import { clientFacts } from "./facts/client_facts.ts";
import { entityList, entityPlace } from "./facts/entity_facts.ts";
import { healthFacts } from "./facts/health_facts.ts";
import { serviceFacts } from "./facts/service_facts.ts";
import { shardFacts } from "./facts/shard_facts.ts";
import {
  type FactParameters,
  type FactReader,
  type Inspection,
  inspectionKey,
  type NoAnswer,
  type NodeAnswer,
} from "./inspection.ts";
import {
  type FactAnswer,
  type FactRequest,
  inspectionPath,
  maxFacts,
  maxReason,
  type NoFacts,
  parseInspectionMessage,
} from "./inspection_protocol.ts";
import { RequestBudget } from "./request_budget.ts";

/** Requests of this node that wait for an answer. */
const maxPending = 1_000;
/** Requests of one identity that are answered at a time; those for a state wait in its mailbox. */
const maxUnderWay = 32;

interface Pending {
  readonly node: string;
  readonly timer: Timer;
  readonly settle: (answer: NodeAnswer) => void;
}

/** See the module's text. */
export class InspectionExtension implements NodeExtension {
  readonly name = "inspection";
  readonly topics: readonly string[] = [];
  readonly requires: readonly string[] = ["sharding", "topics"];
  readonly #readers = new Map<string, FactReader[]>();
  readonly #pending = new Map<number, Pending>();
  readonly #budget = new RequestBudget();
  readonly #underWay = new Map<string, number>();
  #node!: ExtensionContext;
  #lastId = 0;
  #closed = false;

  /** Opens the path. */
  install(node: ExtensionContext): void {
    this.#node = node;
    // The asker notices by its timeout.
    node.reserve(inspectionPath, { own: true });
    node.handleNodes(inspectionPath, (peer, value) => this.#receive(peer, value));
    const readers: Readonly<Record<string, (node: ExtensionContext) => FactReader>> = {
      health: healthFacts,
      shards: shardFacts,
      entities: entityList,
      place: entityPlace,
      services: serviceFacts,
      clients: clientFacts,
      certificates: certificateFacts,
    };
    for (const [topic, make] of Object.entries(readers)) this.#provide(topic, make(node));
    const api: Inspection = {
      provide: (topic, reader) => this.#provide(topic, reader),
      ask: (to, topic, parameters, timeout) => this.#ask(to, topic, parameters, timeout),
    };
    node.expose(inspectionKey, api);
  }

  /** Nobody is answered any more. */
  afterLeave(): void {
    this.#closed = true;
    for (const [id, { node }] of [...this.#pending]) {
      this.#settle(id, { node, missing: "stopped", why: "this node has stopped" });
    }
  }

  #provide(topic: string, reader: FactReader): () => void {
    const readers = this.#readers.get(topic) ?? [];
    this.#readers.set(topic, readers);
    readers.push(reader);
    return () => {
      const at = readers.indexOf(reader);
      if (at >= 0) readers.splice(at, 1);
    };
  }

  #ask(
    node: string,
    topic: string,
    parameters: FactParameters,
    timeout: number,
  ): Promise<NodeAnswer> {
    const { address, runtime: { clock } } = this.#node;
    const missing = (missing: NoAnswer, why: string) => ({ node, missing, why });
    if (this.#closed) return Promise.resolve(missing("stopped", "this node has stopped"));
    if (this.#pending.size >= maxPending) {
      return Promise.resolve(missing("busy", "this node waits for too many answers"));
    }
    return new Promise((settle) => {
      const id = ++this.#lastId;
      const timer = clock.schedule(timeout, () => {
        this.#settle(id, missing("timeout", `it has not answered within ${timeout} ms`));
      });
      this.#pending.set(id, { node, timer, settle });
      if (node === address) {
        void this.#read(topic, parameters, undefined).then((answer) => this.#take(id, answer));
      } else {
        const request: FactRequest = { type: "factRequest", id, topic, parameters };
        this.#node.send(node, inspectionPath, request);
      }
    });
  }

  #receive(peer: ExtensionPeer, value: unknown): void {
    const message = parseInspectionMessage(value);
    if (message === undefined || this.#closed) return;
    if (message.type === "factRequest") return this.#answer(peer, message);
    // Only the node that was asked.
    if (this.#pending.get(message.id)?.node === peer.address) this.#take(message.id, message);
  }

  #answer(peer: ExtensionPeer, { id, topic, parameters }: FactRequest): void {
    const account = accountOf(peer);
    const { clock } = this.#node.runtime;
    const underWay = this.#underWay.get(account) ?? 0;
    if (underWay >= maxUnderWay || !this.#budget.take(account, clock.now())) {
      const why = "it is asked too often";
      return this.#node.send(
        peer.address,
        inspectionPath,
        { type: "noFacts", id, missing: "busy", why } satisfies NoFacts,
      );
    }
    this.#underWay.set(account, underWay + 1);
    void this.#read(topic, parameters, peer).then((answer) => {
      const left = this.#underWay.get(account)! - 1;
      if (left > 0) this.#underWay.set(account, left);
      else this.#underWay.delete(account);
      if (!this.#closed) this.#node.send(peer.address, inspectionPath, { ...answer, id });
    });
  }

  async #read(
    topic: string,
    parameters: FactParameters,
    peer: ExtensionPeer | undefined,
  ): Promise<Omit<FactAnswer, "id"> | Omit<NoFacts, "id">> {
    const reader = this.#readers.get(topic)?.at(-1);
    if (reader === undefined) {
      return noFacts("unknownTopic", `it does not tell of "${topic}": it has no dashboard`);
    }
    try {
      const json = JSON.stringify(await reader(parameters, peer) ?? null);
      if (json.length <= maxFacts) return { type: "factAnswer", json };
      return noFacts("tooLarge", `the answer has ${json.length} characters, above ${maxFacts}`);
    } catch (error) {
      return noFacts("failed", error instanceof Error ? error.message : String(error));
    }
  }

  #take(id: number, answer: Omit<FactAnswer, "id"> | Omit<NoFacts, "id">): void {
    const node = this.#pending.get(id)?.node;
    if (node === undefined) return;
    if (answer.type === "noFacts") {
      const { missing, why } = answer;
      return this.#settle(id, { node, missing, why });
    }
    try {
      this.#settle(id, { node, facts: JSON.parse(answer.json) });
    } catch {
      this.#settle(id, { node, missing: "failed", why: "its answer is not JSON" });
    }
  }

  #settle(id: number, answer: NodeAnswer): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.timer.cancel();
    pending.settle(answer);
  }
}

function noFacts(missing: NoAnswer, why: string): Omit<NoFacts, "id"> {
  return { type: "noFacts", missing, why: why.slice(0, maxReason) };
}
