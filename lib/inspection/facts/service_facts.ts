import type { ExtensionContext } from "../../cluster/node/node_extension.ts";
import { topicsKey } from "../../topics/topics.ts";
import type { FactReader } from "../inspection.ts";

/** The services that actors of a node offer, and its topics. */
export interface ServiceFacts {
  readonly services: readonly {
    readonly key: string;
    /** How many actors offer it. */
    readonly actors: number;
    /** The first of their paths. */
    readonly paths: readonly string[];
  }[];
  readonly topics: readonly {
    readonly name: string;
    readonly subscribers: number;
    readonly clients: number;
    readonly retained: number;
  }[];
}

const maxServices = 500;
const maxPaths = 20;
const maxTopics = 500;

/** Reads {@linkcode ServiceFacts}. */
export function serviceFacts(node: ExtensionContext): FactReader {
  const topics = node.extension(topicsKey);
  return (): ServiceFacts => ({
    services: node.system.receptionist.listings().slice(0, maxServices).map(({ key, refs }) => ({
      key,
      actors: refs.length,
      paths: refs.slice(0, maxPaths).map(({ path }) => path),
    })),
    topics: topics.list(maxTopics),
  });
}
