import type { ClusteredActorSystem } from "../clustered_actor_system.ts";

/**
 * The default export of an application for `up`: called once at each node after it has joined, to
 * spawn its actors. The node counts as up when it has returned or resolved.
 *
 * @example
 * ```ts
 * import { Behaviors } from "@casty/casty";
 * import type { UpApp } from "@casty/casty/up";
 *
 * const app: UpApp = (system) => {
 *   system.spawn(Behaviors.ignore(), "greeter");
 * };
 * export default app;
 * ```
 */
export type UpApp = (system: ClusteredActorSystem) => void | Promise<void>;
