/**
 * What a program has promised to others: to the nodes and clients of other versions that it talks
 * with, and to its own later versions, which read what it has stored.
 *
 * @module
 */
import type { Shape, Shapes } from "./shape.ts";

/** One promise. */
export type Contract =
  | EntityContract
  | ServiceContract
  | SpawnedContract
  | TopicContract
  | DurableContract
  | SerializerContract;

/** A type of entities. */
export interface EntityContract {
  readonly kind: "entity";
  /** Undefined: the program computes it. */
  readonly numShards?: number;
  readonly message: Shape;
}

/** A service, by its key. */
export interface ServiceContract {
  readonly kind: "service";
  readonly message: Shape;
}

/** A singleton, workers, or an actor that every node has an instance of, by the name at `spawn`. */
export interface SpawnedContract {
  readonly kind: "singleton" | "workers" | "broadcast";
  /** How many workers there are. Undefined: the program computes it, or they are no workers. */
  readonly count?: number;
  readonly message: Shape;
}

/** A topic. */
export interface TopicContract {
  readonly kind: "topic";
  readonly message: Shape;
}

/** A kind of durable actor. */
export interface DurableContract {
  readonly kind: "eventSourced" | "durableState";
  /** `schema.version`. */
  readonly version: number;
  /** Versions from which events are brought to the next. */
  readonly upcastEvent?: readonly number[];
  /** The same for states. */
  readonly upcastState?: readonly number[];
  /** What it accepts, unless entities, a singleton or the like accept the same. */
  readonly message?: Shape;
  readonly event?: Shape;
  readonly state: Shape;
  /** Whether states of event-sourced actors are, or ever were, stored as snapshots. */
  readonly snapshots?: boolean;
}

/** A serializer of values of a class. */
export interface SerializerContract {
  readonly kind: "serializer";
  readonly version: number;
  /** The data that stand for a value. */
  readonly data: Shape;
}

/** All promises of a program. */
export interface Contracts {
  /** By key, see {@linkcode contractKey}. */
  readonly contracts: Readonly<Record<string, Contract>>;
  /** The shapes that have names. */
  readonly types: Shapes;
}

/** What a kind of contract is called in keys and texts. */
const nouns: Readonly<Record<Contract["kind"], string>> = {
  entity: "entity",
  service: "service",
  singleton: "singleton",
  workers: "workers",
  broadcast: "broadcast",
  topic: "topic",
  eventSourced: "durable",
  durableState: "durable",
  serializer: "serializer",
};

/** The key of a contract, such as `entity counters`. Both kinds of durable actors share ids. */
export function contractKey(kind: Contract["kind"], name: string): string {
  return `${nouns[kind]} ${name}`;
}

/** Whether a contract is one of actors that are reached by a name, and may be durable. */
export function isAddressed(contract: Contract): contract is EntityContract | SpawnedContract {
  return contract.kind === "entity" || isSpawned(contract);
}

/** Whether a contract is one of a behaviour that is spawned under a name. */
export function isSpawned(contract: Contract): contract is SpawnedContract {
  const { kind } = contract;
  return kind === "singleton" || kind === "workers" || kind === "broadcast";
}
