/**
 * Installs the extensions of a node, tells them what happens, and gathers what they report. One that
 * fails is logged by its name and holds up neither the others nor the leave of the node.
 *
 * @module
 */
import type { ActorSystem } from "../../actor/system/actor_system.ts";
import type { ActorRef } from "../../actor/ref/ref.ts";
import { internalsOf } from "../../actor/system/system_internals.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Remoting } from "../../remoting/remoting.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { ClusterError } from "../errors.ts";
import type { ExtensionBehavior } from "./extension_behavior.ts";
import type { ExtensionKey } from "./extension_key.ts";
import { topicsOf } from "./extension_order.ts";
import type {
  ExtensionContext,
  ExtensionHealth,
  KindSpawner,
  NodeExtension,
} from "./node_extension.ts";

/** What the extensions share of their node. */
export interface ExtendedNode {
  readonly remoting: Remoting;
  readonly nodeId: string;
  readonly roles: readonly string[];
  view(): MembershipView;
}

/** See the module's text. */
export class NodeExtensions {
  readonly #ordered: readonly NodeExtension[];
  readonly #system: ActorSystem;
  readonly #runtime: Runtime;
  readonly #installed: NodeExtension[] = [];
  readonly #kinds = new Map<string, KindSpawner>();
  readonly #exposed = new Map<string, unknown>();

  /** `ordered`: each after those that it requires. */
  constructor(ordered: readonly NodeExtension[], system: ActorSystem, runtime: Runtime) {
    this.#ordered = ordered;
    this.#system = system;
    this.#runtime = runtime;
  }

  /**
   * Installs all. Those before one that fails are ended by `afterLeave`.
   *
   * @throws {ClusterError} code `extensionFailed`, with the extension's name and error.
   */
  install(node: ExtendedNode): void {
    const context = this.#contextOf(node);
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

  /** Tells all that the cluster has changed. */
  onView(view: MembershipView): void {
    for (const extension of this.#installed) {
      this.#try(extension, "onView", () => {
        extension.onView?.(view);
      });
    }
  }

  /**
   * Lets all give up what they run, dependents first, within `timeout` milliseconds. One that others
   * wait for has at most half of the time that is left, so that those can still do their part.
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
   * Starts what a behaviour of a registered kind describes.
   *
   * @throws {ClusterError} code `unknownKind`.
   */
  spawn<M>(behavior: ExtensionBehavior<M>, name: string | undefined): ActorRef<M> {
    const { kind } = behavior;
    const spawn = this.#kinds.get(kind);
    if (spawn !== undefined) return spawn(behavior as never, name) as ActorRef<M>;
    throw new ClusterError("unknownKind", `no extension of this node spawns "${kind}"`, {
      value: kind,
      remedy: "add the extension that does to the option extensions",
    });
  }

  /**
   * What an extension exposes.
   *
   * @throws {ClusterError} code `unknownExtension`.
   */
  get<T>({ name }: ExtensionKey<T>): T {
    if (this.#exposed.has(name)) return this.#exposed.get(name) as T;
    const known = [...this.#exposed.keys()].join(", ") || "none";
    throw new ClusterError("unknownExtension", `no extension of this node exposes "${name}"`, {
      value: name,
      remedy: `add it to the option extensions; there are: ${known}`,
    });
  }

  /** What can be explained, besides what the node explains itself. */
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

  /** Whether each works, by name; those that do not say are left out. */
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
    const limit = requires.length > 0 ? left / 2 : left;
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

  #try({ name }: NodeExtension, hook: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#runtime.logger.log("error", "cluster", "an extension failed", { name, hook, error });
    }
  }

  #contextOf({ remoting, nodeId, roles, view }: ExtendedNode): ExtensionContext {
    const internals = internalsOf(this.#system);
    const { network: _, stallProbe: _probe, resolver: _resolver, inbound: _inbound, ...runtime } =
      this.#runtime;
    return {
      address: remoting.address,
      nodeId,
      roles,
      runtime,
      system: this.#system,
      get view() {
        return view();
      },
      handleNodes: (path, handler) => remoting.handleNodes(freePath(remoting, path), handler),
      handlePeers: (path, handler) => remoting.handlePeers(freePath(remoting, path), handler),
      reserve: (path) => remoting.reserve(checkPath(path)),
      send: (to, path, message) => remoting.send(to, path, 0, message),
      registerKind: (kind, spawn) => {
        if (this.#kinds.has(kind)) throw taken("duplicateKind", "spawns", kind);
        this.#kinds.set(kind, spawn);
      },
      spawnSystem: (behavior, name) => internals.spawnSystem(behavior, name),
      deadLetter: (reason, target, message) => internals.deadLetter(reason, target, message),
      expose: ({ name }, api) => {
        if (this.#exposed.has(name)) throw taken("duplicateExtension", "exposes", name);
        this.#exposed.set(name, api);
      },
      extension: (key) => this.get(key),
    };
  }
}

function freePath(remoting: Remoting, path: string): string {
  if (!remoting.isHandled(checkPath(path))) return path;
  throw new ClusterError("pathTaken", `something takes messages at ${path} already`, {
    value: path,
    remedy: "use a path with the extension's own name in it",
  });
}

function checkPath(path: string): string {
  if (/^\/_[\x21-\x7e]{1,300}$/.test(path)) return path;
  throw new ClusterError("badPath", `${path} is not a reserved path`, {
    value: path,
    remedy: 'use a path that begins with "/_"',
  });
}

function taken(code: string, does: string, name: string): ClusterError {
  return new ClusterError(code, `another extension ${does} "${name}"`, {
    value: name,
    remedy: "use another name",
  });
}
