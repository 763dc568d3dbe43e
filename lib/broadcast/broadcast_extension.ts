/**
 * Broadcast actors at a node: the instances that it has, and messages of others for them.
 *
 * @module
 */
import { type MessageSender, senderOf } from "../actor/ref/message_sender.ts";
import { findReply } from "../actor/ask/reply_refs.ts";
import { type HeldAsk, holdAsk } from "../actor/ref/held_ask.ts";
import { localActorOf, whenLocalStopped } from "../actor/ref/local_ref.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import { tellKept } from "../actor/ref/passed_on.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { limitOfKept, sentMessage } from "../actor/ref/sent_message.ts";
import { type ClientPolicy, matchesClient } from "../actor/services/client_policy.ts";
import type { ExtensionBehavior } from "../cluster/node/extension_behavior.ts";
import { ClusterError } from "../cluster/errors.ts";
import type {
  ExtensionContext,
  ExtensionPeer,
  NodeExtension,
} from "../cluster/node/node_extension.ts";
import { isAlive, isWorking } from "../membership/state/member.ts";
import type { MembershipView } from "../membership/state/view.ts";
import { checkValue } from "../options/check_options.ts";
import { topicName } from "../options/tables/topic_tables.ts";
import { rules } from "../runtime/rules.ts";
import type { Timer } from "../runtime/clock.ts";
import {
  announcementPath,
  BroadcastAgreement,
  type BroadcastDifference,
  parseAnnouncement,
} from "./broadcast_agreement.ts";
import { BroadcastBehavior, broadcastKind, type BroadcastOptions } from "./broadcast_behavior.ts";
import { broadcastPrefix, instancePath, parseBroadcastPath } from "./broadcast_address.ts";
import { type BroadcastHost, BroadcastProxy } from "./broadcast_ref.ts";
import { EarlyMessages, earlyTime } from "./early_messages.ts";

interface Instance {
  readonly ref: ActorRef<unknown>;
  readonly clients: ClientPolicy | undefined;
  /** What each client may do, asked once for each connection. */
  readonly known: WeakMap<MessageSender, boolean>;
}

interface EarlyMessage {
  readonly message: unknown;
  readonly deadline: number | undefined;
}

/** See the module's text. */
export class BroadcastExtension implements NodeExtension {
  readonly name = "broadcast";
  readonly #instances = new Map<string, Instance>();
  readonly #early = new EarlyMessages<EarlyMessage>();
  #node!: ExtensionContext;
  #host!: BroadcastHost;
  #timer: Timer | undefined;
  readonly #agreement = new BroadcastAgreement();
  /** The nodes that were told what this one has spawned, with their incarnations. */
  #told = new Map<string, number>();
  #announcing = false;

  /** Opens the paths of all instances. */
  install(node: ExtensionContext): void {
    this.#node = node;
    node.reserve(announcementPath, { own: true });
    node.handleNodes(announcementPath, ({ address }, value) => {
      const announcement = parseAnnouncement(value);
      const isMember = node.view.members.some((member) => member.address === address);
      if (announcement === undefined || !isMember) return;
      this.#tellDifferences(this.#agreement.announced(address, announcement));
    });
    this.#host = this.#makeHost(node);
    node.registerKind(broadcastKind, (behavior, name) => this.#spawn(behavior, name));
    node.handleMissing(broadcastPrefix, (peer, message, path, deadline) => {
      this.#receive(peer, message, path, deadline);
    });
    node.resolveRefs(broadcastPrefix, ({ path }, from) => {
      // A client must not make this node send to all others.
      if (from?.role === "client") return undefined;
      const address = parseBroadcastPath(path);
      return address && new BroadcastProxy(this.#host, address);
    });
  }

  /** From now on others send to this node. */
  onView(view: MembershipView): void {
    this.#agreement.retain(new Set(view.members.map(({ address }) => address)));
    this.#announce(view);
    const { self } = view;
    if (this.#timer !== undefined || !isWorking(self)) return;
    const { clock } = this.#node.runtime;
    this.#early.onUp(clock.now());
    this.#timer = clock.schedule(earlyTime, () => {
      for (const [name, waiting] of this.#early.expire(clock.now())) this.#lose(name, waiting);
    });
  }

  /** What waits is lost. */
  afterLeave(): void {
    this.#timer?.cancel();
    for (const [name, waiting] of this.#early.clear()) this.#lose(name, waiting);
  }

  /** The instances of this node. */
  explain(): readonly string[] {
    const names = [...this.#instances.keys()].slice(0, 100).join(", ") || "none";
    return [
      `broadcast actors with an instance here: ${names}`,
      ...this.#agreement.explain().slice(0, 100),
    ];
  }

  #makeHost(node: ExtensionContext): BroadcastHost {
    return {
      address: node.address,
      members: (role) =>
        node.view.members
          .filter((member) =>
            isWorking(member) && (role === undefined || member.roles.includes(role))
          )
          .map(({ address }) => address),
      isUnreachable: (address) => node.view.unreachable.has(address),
      instance: (name) => this.#instances.get(name)?.ref,
      send: (to, path, message, sent) => {
        node.send(to, path, message, limitOfKept(sent, node.runtime.clock));
      },
      missing: (name, message) => this.#lose(name, [{ message, deadline: undefined }]),
      ask: (ref, factory, options) => node.system.ask(ref, factory as never, options),
    };
  }

  #spawn(behavior: ExtensionBehavior<never>, name: string | undefined): ActorRef<never> {
    if (!(behavior instanceof BroadcastBehavior)) throw foreignBehavior(behavior);
    const { role, clients } = behavior.options;
    const address = { name: checkValue("name", topicName, name!), role };
    this.#compare(address.name, behavior.options);
    if (role === undefined || this.#node.roles.includes(role)) {
      this.#start(address.name, behavior as unknown as BroadcastBehavior<unknown>, clients);
    }
    return new BroadcastProxy(this.#host, address) as unknown as ActorRef<never>;
  }

  /** Compares it with what others have spawned under the name, and has them compare it. */
  #compare(name: string, { role, clients }: BroadcastOptions): void {
    const actor = { name, ...(role !== undefined && { role }), clients: clients !== undefined };
    this.#tellDifferences(this.#agreement.spawned(actor));
    if (this.#announcing) return;
    this.#announcing = true;
    // With others that are spawned at once.
    this.#node.runtime.clock.defer(() => {
      this.#announcing = false;
      this.#told.clear();
      this.#announce(this.#node.view);
    });
  }

  /** Sends it to those that have not got it: also to one that is reachable again, for which it was lost. */
  #announce({ members, unreachable }: MembershipView): void {
    const { announcement } = this.#agreement;
    if (announcement.actors.length === 0) return;
    const told = new Map<string, number>();
    for (const member of members) {
      const { address, incarnation } = member;
      const isOther = address !== this.#node.address && isAlive(member);
      if (!isOther || unreachable.has(address)) continue;
      told.set(address, incarnation);
      if (this.#told.get(address) === incarnation) continue;
      this.#node.send(address, announcementPath, announcement);
    }
    this.#told = told;
  }

  #tellDifferences(differences: readonly BroadcastDifference[]): void {
    const { logger } = this.#node.runtime;
    for (const difference of differences) {
      logger.log("warn", "broadcast", "nodes have spawned a broadcast actor differently", {
        ...difference,
        remedy: "give it the same options on all nodes, from a module that all import",
      });
    }
  }

  #start(
    name: string,
    { behavior }: BroadcastBehavior<unknown>,
    clients: ClientPolicy | undefined,
  ): void {
    const ref = this.#node.system.spawn(behavior, name);
    const instance: Instance = { ref, clients, known: new WeakMap() };
    this.#instances.set(name, instance);
    whenLocalStopped(ref, () => {
      if (this.#instances.get(name) === instance) this.#instances.delete(name);
    });
    for (const { message, deadline } of this.#early.take(name)) {
      this.#deliver(ref, message, undefined, deadline, findReply(message)?.heldAsk);
    }
  }

  #receive(
    peer: ExtensionPeer,
    message: unknown,
    path: string,
    deadline: number | undefined,
  ): void {
    const name = parseBroadcastPath(path)?.name;
    if (name === undefined) return this.#node.deadLetter("noSuchActor", path, message);
    const client = peer.role === "client" ? senderOf(peer) : undefined;
    const instance = this.#instances.get(name);
    if (instance === undefined) {
      const now = this.#node.runtime.clock.now();
      // A client could send to any name.
      const isKept = client === undefined && rules.earlyBroadcastsWait &&
        this.#early.keep(name, { message, deadline }, now);
      if (!isKept) this.#lose(name, [{ message, deadline }]);
      return;
    }
    if (client !== undefined && !permits(instance, client)) {
      return this.#node.deadLetter("unauthorized", path, message);
    }
    const { askAtHand } = internalsOf(this.#node.system);
    this.#deliver(instance.ref, message, client, deadline, askAtHand);
  }

  /** From now on the instance has to answer the ask. */
  #deliver(
    ref: ActorRef<unknown>,
    message: unknown,
    client: MessageSender | undefined,
    deadline: number | undefined,
    ask: HeldAsk | undefined,
  ): void {
    const actor = localActorOf(ref);
    if (ask !== undefined && actor !== undefined) holdAsk(actor, ask);
    tellKept(ref, sentMessage(message, client, deadline));
  }

  #lose(name: string, messages: readonly EarlyMessage[]): void {
    const why = `this node has not spawned the broadcast actor "${name}"`;
    for (const { message } of messages) {
      this.#node.deadLetter("noSuchActor", instancePath(name), message, why);
    }
  }
}

function permits({ clients, known }: Instance, client: MessageSender): boolean {
  if (clients === undefined) return true;
  let access = known.get(client);
  if (access === undefined) known.set(client, access = matchesClient(clients, client) === true);
  return access;
}

function foreignBehavior(behavior: unknown): ClusterError {
  return new ClusterError("unknownKind", "the behaviour was not made by Behaviors.broadcasted", {
    value: behavior,
    remedy: "use Behaviors.broadcasted of the same copy of the library",
  });
}
