import { withDefaults } from "../options/check_options.ts";
import { entityMailboxDefaults, shardedDefaults } from "../options/tables/sharding_tables.ts";
import { type MessageSender, SentMessage } from "../actor/ref/message_sender.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import type { ExtensionContext } from "../cluster/node/node_extension.ts";
import { deliverySenderOf } from "./region/delivery_sender.ts";
import { Entities } from "./region/entities.ts";
import { RememberEntities } from "./remember/remember_entities.ts";
import { checkRemember } from "./remember/remember_options.ts";
import { rememberedPath } from "./remember/remember_protocol.ts";
import { parseEntityDelivery, regionPath } from "./routing/protocol.ts";
import { ClientAccess } from "./client_access.ts";
import type { ShardEnvelope } from "./routing/shard_envelope.ts";
import { ShardProxy } from "./routing/shard_proxy.ts";
import type { ShardRouter } from "./routing/shard_router.ts";
import type { EntityMailboxOptions, ShardedBehavior } from "./sharded_behavior.ts";
import type { ShardingMachine } from "./sharding_machine.ts";

/**
 * One type of entities at one node: the reference to which users send envelopes, the router behind
 * it, and, if the node has the role, the parts that run and remember the entities.
 */
export class ShardedType {
  readonly name: string;
  readonly ref: ActorRef<ShardEnvelope<never>>;
  readonly router: ShardRouter;
  readonly #entities: Entities | undefined;
  readonly #memory: RememberEntities | undefined;
  readonly #access: ClientAccess;

  /**
   * Registers the type with the machine, and opens its path.
   *
   * @throws {ActorError} code `duplicateName`: another actor has the name.
   */
  constructor(
    node: ExtensionContext,
    machine: ShardingMachine,
    name: string,
    behavior: ShardedBehavior<never>,
  ) {
    const { numShards, options: { role, strategy, buffer }, entityType } = behavior;
    const schema = entityType?.schema;
    this.name = name;
    this.#access = new ClientAccess(behavior.options);
    // The anchor's name is the user's: a second type under it fails here.
    const anchor = node.system.spawn<ShardEnvelope<never>>(
      Behaviors.receive(({ sender }, envelope) => {
        if (envelope?.type !== "shardEnvelope") return Behaviors.unhandled();
        this.#route(node, sender, envelope);
        return Behaviors.same();
      }),
      name,
    );
    if (role === undefined || node.roles.includes(role)) {
      this.#memory = this.#makeMemory(node, machine, behavior);
      this.#entities = this.#makeEntities(node, behavior);
    }
    const router = this.router = machine.add({
      shardType: name,
      numShards,
      ...(this.#entities && { runner: this.#entities }),
      ...(strategy && { strategy }),
      ...(buffer && { limits: buffer }),
      ...(schema && { schema }),
    });
    if (this.#entities !== undefined) {
      node.spawnSystem(this.#entities.behavior(() => machine.open(name)), `_region-${name}`);
    }
    const { intake } = machine;
    const { maxStartsPerIdentity } = withDefaults(shardedDefaults, behavior.options);
    if (maxStartsPerIdentity !== Infinity) intake.limitStarts(name, maxStartsPerIdentity);
    node.handlePeers(regionPath(name), (peer, value) => {
      const sender = deliverySenderOf(peer);
      const { client } = sender;
      if (client !== undefined) {
        const [entityId, message] = parseEntityDelivery(value) ?? [];
        if (entityId !== undefined && !this.#access.permits(client, message)) {
          return node.deadLetter("unauthorized", `${regionPath(name)}/${entityId}`, message);
        }
      }
      intake.receive(router, sender, value);
    });
    this.ref = new ShardProxy(this.router, anchor);
  }

  /** A client may have been given the reference of this node. */
  #route(
    node: ExtensionContext,
    sender: MessageSender | undefined,
    { entityId, message }: ShardEnvelope<unknown>,
  ): void {
    if (sender === undefined) return this.router.route(entityId, message);
    if (!this.#access.permits(sender, message)) {
      return node.deadLetter("unauthorized", `${regionPath(this.name)}/${entityId}`, message);
    }
    this.router.route(entityId, new SentMessage(sender, message));
  }

  /** The ids of the entities that run here. */
  running(): string[] {
    return Array.from(this.#entities?.running() ?? [], ([entityId]) => entityId);
  }

  /** The driver of remembered entities, if enabled. */
  get memory(): RememberEntities | undefined {
    return this.#memory;
  }

  /** Passivates entities, and repeats messages that may have been lost. */
  tick(): void {
    this.#entities?.tick();
    this.#memory?.tick();
  }

  #makeEntities(node: ExtensionContext, behavior: ShardedBehavior<never>): Entities {
    const { factory, numShards, passivation, options } = behavior;
    const { maxPendingPerEntity, stopTimeout } = withDefaults(shardedDefaults, options);
    const bounds: Required<Pick<EntityMailboxOptions, "capacity" | "maxBytes">> = withDefaults(
      entityMailboxDefaults,
      options.mailbox,
    );
    const { capacity, maxBytes, ...given } = bounds;
    const isUnbounded = capacity === Infinity && maxBytes === Infinity;
    const { clock } = node.runtime;
    const internals = internalsOf(node.system);
    return new Entities(this.name, factory as never, {
      ...(this.#memory && { memory: this.#memory }),
      clock,
      runningTime: () => internals.existingTurnGate?.openTime ?? clock.now(),
      numShards,
      limits: passivation,
      maxPending: maxPendingPerEntity,
      maxPendingBytes: maxBytes,
      mailbox: isUnbounded ? undefined : { ...given, ...finite({ capacity, maxBytes }) },
      stopTimeout,
      reroute: (entityId, message, first) => this.router.reroute(entityId, message, first),
      lose: (reason, target, message) => node.deadLetter(reason, target, message),
    });
  }

  #makeMemory(
    node: ExtensionContext,
    machine: ShardingMachine,
    { numShards, options }: ShardedBehavior<never>,
  ): RememberEntities | undefined {
    const checked = checkRemember(options.rememberEntities);
    if (checked === undefined) return undefined;
    const { store } = checked;
    const remember = { ...checked, store: store?.bind?.(node.runtime) ?? store };
    const { name: shardType } = this;
    const { clock, logger } = node.runtime;
    return new RememberEntities(shardType, remember, {
      clock,
      numShards,
      cluster: () => node.view.clusterId ?? "",
      others: () =>
        node.view.members.map(({ address }) => address)
          .filter((address) => address !== node.address),
      send: (to, message) => node.send(to, rememberedPath, message),
      wake: (shard, id) => this.#entities!.wake(shard, id),
      // Where this node takes itself for the owner and is not, the coordinator may have failed between
      // the hand-off and the next grant.
      isOwned: (shard) => (this.router.ownerOf(shard) ?? node.address) !== node.address,
      locate: (shard) => machine.locate({ type: "locate", shardType, numShards, shard }),
      log: (message, fields) => logger.log("warn", "sharding", message, { shardType, ...fields }),
    });
  }
}

/** Without what has no limit. */
function finite<K extends string>(limits: Readonly<Record<K, number>>): Partial<Record<K, number>> {
  const entries = Object.entries<number>(limits).filter(([, limit]) => limit !== Infinity);
  return Object.fromEntries(entries) as Partial<Record<K, number>>;
}
