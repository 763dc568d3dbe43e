/**
 * What a program has promised to others: to the nodes and clients of other versions that it talks
 * with, and to its own later versions, which read what it has stored.
 *
 * @module
 */
import type { Shape, Shapes } from "./shape.ts";

/** One promise. */
export type Contract = EntityContract | ServiceContract | DurableContract | SerializerContract;

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

/** A kind of durable actor. */
export interface DurableContract {
  readonly kind: "eventSourced" | "durableState";
  /** `schema.version`. */
  readonly version: number;
  /** Versions from which events are brought to the next. */
  readonly upcastEvent?: readonly number[];
  /** The same for states. */
  readonly upcastState?: readonly number[];
  /** What it accepts, unless a type of entities accepts the same. */
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
  eventSourced: "durable",
  durableState: "durable",
  serializer: "serializer",
};

/** The key of a contract, such as `entity counters`. Both kinds of durable actors share ids. */
export function contractKey(kind: Contract["kind"], name: string): string {
  return `${nouns[kind]} ${name}`;
}
