import type { ActorSystem } from "../../actor/system/actor_system.ts";
import type { AskLimit } from "../../actor/ref/sent_message.ts";
import { internalsOf } from "../../actor/system/system_internals.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Remoting } from "../../remoting/remoting.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { ClusterError } from "../errors.ts";
import type { ExtensionKey } from "./extension_key.ts";
import type { MemberGate } from "./member_gate.ts";
import type { ExtensionContext, ExtensionHandler, KindSpawner } from "./node_extension.ts";

const handlerFailed = "a handler of an extension failed";

/** What the extensions of a node share. */
export interface ExtendedNode {
  readonly system: ActorSystem;
  readonly runtime: Runtime;
  readonly remoting: Remoting;
  readonly nodeId: string;
  readonly roles: readonly string[];
  view(): MembershipView;
  readonly memberGate: MemberGate;
}

/** Registrations of the extensions of a node. */
export interface ExtensionRegistry {
  /** By kind of behaviours. */
  readonly kinds: Map<string, KindSpawner>;
  /** By the names of keys. */
  readonly exposed: Map<string, unknown>;
}

/** The node as its extensions see it. No function needs its `this`. */
export function extensionContext(
  node: ExtendedNode,
  { kinds, exposed }: ExtensionRegistry,
): ExtensionContext {
  const { system, remoting, nodeId, roles } = node;
  const { network: _, stallProbe: _probe, resolver: _resolver, inbound: _inbound, ...runtime } =
    node.runtime;
  const { address } = remoting;
  const internals = internalsOf(system);
  const loopback = new Loopback(node);
  return {
    address,
    nodeId,
    roles,
    runtime,
    system,
    limits: remoting.endpoint.limits,
    get view() {
      return node.view();
    },
    handleNodes: (path, given) => {
      const handler = withoutRejections(path, given, system);
      remoting.handleNodes(freePath(remoting, path), (peer, message, deadline) => {
        node.memberGate.pass(peer.address, path, message, () => handler(peer, message, deadline));
      });
      loopback.handle(path, handler);
    },
    handlePeers: (path, given) => {
      const handler = withoutRejections(path, given, system);
      remoting.handlePeers(freePath(remoting, path), handler);
      loopback.handle(path, handler);
    },
    handleMissing: (prefix, handler) => remoting.handleMissing(checkPath(prefix), handler),
    handleUndelivered: (prefix, handler, contents) => {
      remoting.handleUndelivered(checkPath(prefix), handler, contents);
    },
    resolveRefs: (prefix, resolve) => remoting.resolveRefs(checkPath(prefix), resolve),
    reserve: (path, options) => remoting.reserve(checkPath(path), options),
    send: (to, path, message, deadline) => {
      if (to !== address) remoting.send(to, path, 0, message, deadline);
      else loopback.send(path, message, deadline);
    },
    registerKind: (kind, spawn) => {
      if (kinds.has(kind)) throw taken("duplicateKind", "spawns", kind);
      kinds.set(kind, spawn);
    },
    spawnSystem: (behavior, name) => internals.spawnSystem(behavior, name),
    deadLetter: (reason, target, message, details) =>
      internals.deadLetter(reason, target, message, { details }),
    expose: ({ name }, api) => {
      if (exposed.has(name)) throw taken("duplicateExtension", "exposes", name);
      exposed.set(name, api);
    },
    extension: (key) => exposedAt(exposed, key),
  };
}

/**
 * The value that an extension exposes under a key.
 *
 * @throws {ClusterError} code `unknownExtension`.
 */
export function exposedAt<T>(exposed: ReadonlyMap<string, unknown>, { name }: ExtensionKey<T>): T {
  if (exposed.has(name)) return exposed.get(name) as T;
  const known = [...exposed.keys()].join(", ") || "none";
  throw new ClusterError("unknownExtension", `no extension of this node exposes "${name}"`, {
    value: name,
    remedy: `add it to the option extensions; there are: ${known}`,
  });
}

/** Messages of a node to itself: they arrive in a later turn, when the sender has ended its step. */
class Loopback {
  readonly #node: ExtendedNode;
  readonly #handlers = new Map<string, ExtensionHandler>();

  constructor(node: ExtendedNode) {
    this.#node = node;
  }

  handle(path: string, handler: ExtensionHandler): void {
    this.#handlers.set(path, handler);
  }

  send(path: string, message: unknown, limit: AskLimit | undefined): void {
    const { system, runtime: { clock }, remoting: { address } } = this.#node;
    const deadline = typeof limit === "object" ? clock.now() + limit.remaining : limit;
    clock.defer(() => {
      const handler = this.#handlers.get(path);
      if (handler === undefined) {
        return internalsOf(system).deadLetter("noSuchActor", address + path, message);
      }
      try {
        handler(this.#self(), message, deadline);
      } catch (error) {
        logHandlerFailure(system, path, error);
      }
    });
  }

  #self(): Parameters<ExtensionHandler>[0] {
    const { remoting: { address }, nodeId } = this.#node;
    const { incarnation } = this.#node.view().self;
    return { role: "node", address, nodeId, incarnation, identity: undefined };
  }
}

/** A peer must not end the process through a handler that is asynchronous and fails. */
function withoutRejections(
  path: string,
  handler: ExtensionHandler,
  system: ActorSystem,
): ExtensionHandler {
  return (peer, message, deadline) => {
    const result: unknown = handler(peer, message, deadline);
    if (!(result instanceof Promise)) return;
    result.catch((error) => logHandlerFailure(system, path, error));
  };
}

function logHandlerFailure(system: ActorSystem, path: string, error: unknown): void {
  const cause = `${path} ${error}`;
  internalsOf(system).limitedLog.add("error", "cluster", handlerFailed, { path, error }, { cause });
}

function freePath(remoting: Remoting, path: string): string {
  if (!remoting.isHandled(checkPath(path))) return path;
  throw new ClusterError("pathTaken", `messages at ${path} are handled already`, {
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

function taken(
  code: "duplicateKind" | "duplicateExtension",
  does: string,
  name: string,
): ClusterError {
  return new ClusterError(code, `another extension ${does} "${name}"`, {
    value: name,
    remedy: "use another name",
  });
}
