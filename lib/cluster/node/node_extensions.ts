/**
 * Installs the extensions of a node, notifies them of events, and collects their reports. One that
 * fails is logged by its name and holds up neither the others nor the leave of the node.
 *
 * @module
 */
import type { ActorRef } from "../../actor/ref/ref.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { ClusterError } from "../errors.ts";
import type { ExtensionBehavior } from "./extension_behavior.ts";
import {
  exposedAt,
  type ExtendedNode,
  extensionContext,
  type ExtensionRegistry,
} from "./extension_context.ts";
import type { ExtensionKey } from "./extension_key.ts";
import { topicsOf } from "./extension_order.ts";
import type { ExtensionHealth, NodeExtension } from "./node_extension.ts";

/** See the module's text. */
export class NodeExtensions {
  readonly #ordered: readonly NodeExtension[];
  readonly #runtime: Pick<Runtime, "clock" | "logger">;
  readonly #installed: NodeExtension[] = [];
  readonly #registry: ExtensionRegistry = { kinds: new Map(), exposed: new Map() };

  /** `ordered`: each after the extensions that it requires. */
  constructor(ordered: readonly NodeExtension[], runtime: Pick<Runtime, "clock" | "logger">) {
    this.#ordered = ordered;
    this.#runtime = runtime;
  }

  /**
   * Installs all. If one fails, the extensions before it are ended by `afterLeave`.
   *
   * @throws {ClusterError} code `extensionFailed`, with the extension's name and error.
   */
  install(node: ExtendedNode): void {
    const context = extensionContext(node, this.#registry);
    for (const extension of this.#ordered) {
      try {
        const result: unknown = extension.install(context);
        if (result instanceof Promise) {
          result.catch(() => {});
          throw new TypeError("install is asynchronous");
        }
      } catch (error) {
        const { name } = extension;
        throw new ClusterError(
          "extensionFailed",
          `extension "${name}" failed to install: ${error}`,
          {
            value: name,
            cause: error,
            remedy: "see its error; install must not wait for anything",
          },
        );
      }
      this.#installed.push(extension);
    }
  }

  /** Notifies all that the cluster has changed. */
  onView(view: MembershipView): void {
    for (const extension of this.#installed) {
      this.#try(extension, "onView", () => extension.onView?.(view));
    }
  }

  /**
   * Calls `beforeLeave` of all, dependents first, within `timeout` milliseconds. An extension that
   * others wait for has at most half of the remaining time.
   */
  async beforeLeave(timeout: number): Promise<void> {
    const end = this.#runtime.clock.now() + timeout;
    const done = new Map<string, Promise<void>>();
    for (const extension of this.#installed.toReversed()) {
      const dependents = this.#installed.filter(({ requires }) =>
        requires?.includes(extension.name)
      );
      const before = Promise.all(dependents.map(({ name }) => done.get(name)));
      done.set(extension.name, this.#leaveOne(extension, before, end));
    }
    await Promise.all(done.values());
  }

  /** The node is no longer a member. */
  afterLeave(): void {
    for (const extension of this.#installed.toReversed()) {
      this.#try(extension, "afterLeave", () => extension.afterLeave?.());
    }
  }

  /**
   * Starts a behaviour of a registered kind.
   *
   * @throws {ClusterError} code `unknownKind`.
   */
  spawn<M>(behavior: ExtensionBehavior<M>, name: string | undefined): ActorRef<M> {
    const { kind } = behavior;
    const spawn = this.#registry.kinds.get(kind);
    if (spawn !== undefined) return spawn(behavior as never, name) as ActorRef<M>;
    throw new ClusterError("unknownKind", `no extension of this node spawns "${kind}"`, {
      value: kind,
      remedy: "add the extension that does to the option extensions",
    });
  }

  /**
   * The value that an extension exposes.
   *
   * @throws {ClusterError} code `unknownExtension`.
   */
  get<T>(key: ExtensionKey<T>): T {
    return exposedAt(this.#registry.exposed, key);
  }

  /** Topics that the extensions can explain, besides those of the node. */
  get topics(): readonly string[] {
    return this.#ordered.flatMap(topicsOf);
  }

  /** Explains one of the topics. */
  explain(topic: string): readonly string[] {
    const extension = this.#installed.find((candidate) => topicsOf(candidate).includes(topic));
    if (extension === undefined) return [`${topic} is not installed: the node has not started`];
    try {
      return extension.explain!(topic);
    } catch (error) {
      return [`extension "${extension.name}" cannot explain ${topic}: ${error}`];
    }
  }

  /** Whether each works, by name; extensions that do not report health are left out. */
  health(): Readonly<Record<string, ExtensionHealth>> {
    const report: Record<string, ExtensionHealth> = {};
    for (const extension of this.#installed) {
      if (extension.health === undefined) continue;
      try {
        report[extension.name] = extension.health();
      } catch (error) {
        report[extension.name] = { healthy: false, reason: `health() failed: ${error}` };
      }
    }
    return report;
  }

  async #leaveOne(
    extension: NodeExtension,
    before: Promise<unknown>,
    end: number,
  ): Promise<void> {
    await before;
    const { name, requires = [] } = extension;
    const { clock, logger } = this.#runtime;
    const left = Math.max(0, end - clock.now());
    const limit = Math.round(requires.length > 0 ? left / 2 : left);
    await new Promise<void>((resolve) => {
      const timer = clock.schedule(limit, () => {
        logger.log("warn", "cluster", "an extension has not left in time", { name, limit });
        resolve();
      });
      Promise.try(() => extension.beforeLeave?.()).catch((error) => {
        logger.log("error", "cluster", "an extension failed to leave", { name, error });
      }).finally(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #try({ name }: NodeExtension, hook: string, call: () => unknown): void {
    const onError = (error: unknown) => {
      this.#runtime.logger.log("error", "cluster", "an extension failed", { name, hook, error });
    };
    try {
      const result = call();
      // A hook that is asynchronous by mistake must not end the process when it fails.
      if (result instanceof Promise) result.catch(onError);
    } catch (error) {
      onError(error);
    }
  }
}
