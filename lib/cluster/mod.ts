/**
 * Parts of a node of your own, on top of the cluster; see `docs/extensions.md`.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 * import { extensionKey, type NodeExtension } from "@casty/casty/extension";
 *
 * const Name = extensionKey<{ readonly name: string }>("name");
 * const naming = (): NodeExtension => ({
 *   name: "naming",
 *   install: ({ nodeId, expose }) => expose(Name, { name: nodeId }),
 * });
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   nodeId: "node-1",
 *   host: "127.0.0.1",
 *   port: 0,
 *   extensions: [naming],
 * });
 * console.assert(system.extension(Name).name === "node-1");
 * ```
 *
 * @module
 */
export { ExtensionBehavior } from "./node/extension_behavior.ts";
export { ExtensionKey, extensionKey } from "./node/extension_key.ts";
export type {
  ExtensionContext,
  ExtensionHandler,
  ExtensionHealth,
  ExtensionPeer,
  ExtensionRuntime,
  KindSpawner,
  NodeExtension,
  NodeExtensionFactory,
} from "./node/node_extension.ts";
export type { RefResolver, RefSource } from "../remoting/remoting_options.ts";
export type { RefAddress } from "../actor/ref/ref.ts";
