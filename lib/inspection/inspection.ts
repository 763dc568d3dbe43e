import type { ExtensionPeer } from "../cluster/node/node_extension.ts";
import { type ExtensionKey, extensionKey } from "../cluster/node/extension_key.ts";

/** What narrows a request for facts: texts by name. */
export type FactParameters = Readonly<Record<string, string>>;

/**
 * Reads facts of this node for one topic. The result is JSON: objects, arrays, texts, finite numbers,
 * `true`, `false`, `null`. What it throws is told to the asker. `peer`: the asker; undefined: this node.
 */
export type FactReader = (
  parameters: FactParameters,
  peer: ExtensionPeer | undefined,
) => unknown;

/** Why a node has not answered. */
export type NoAnswer =
  | "timeout"
  | "unknownTopic"
  | "tooLarge"
  | "busy"
  | "failed"
  | "stopped";

/** The answer of a node, or why there is none. */
export type NodeAnswer =
  | { readonly node: string; readonly facts: unknown; readonly missing?: undefined }
  | { readonly node: string; readonly missing: NoAnswer; readonly why: string };

/** Facts about nodes, for tools of operators. */
export interface Inspection {
  /**
   * From now on this node answers requests of members for a topic. A later reader of the same topic is
   * used instead, until it is taken back. Returns a function that takes it back.
   */
  provide(topic: string, reader: FactReader): () => void;
  /**
   * Asks a member, or this node itself. Never rejects.
   *
   * @param timeout milliseconds.
   */
  ask(
    node: string,
    topic: string,
    parameters: FactParameters,
    timeout: number,
  ): Promise<NodeAnswer>;
}

/** Under which a node exposes its {@linkcode Inspection}. */
export const inspectionKey: ExtensionKey<Inspection> = extensionKey("inspection");
