import { isAlive, isLeaving } from "../membership/state/member.ts";
import { withDefaults } from "../options/check_options.ts";
import { entityMailboxDefaults, shardedDefaults } from "../options/tables/sharding_tables.ts";
import { findReply } from "../actor/ask/reply_refs.ts";
import { holdAsk, releaseAsk } from "../actor/ref/held_ask.ts";
import { LocalRef } from "../actor/ref/local_ref.ts";
import { passedOn } from "../actor/ref/passed_on.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import type { MessageSender } from "../actor/ref/message_sender.ts";
import { deadlineOfKept, messageOf } from "../actor/ref/sent_message.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import type { ExtensionContext } from "../cluster/node/node_extension.ts";
import { type DeliveryPeer, deliverySenderOf } from "./region/delivery_sender.ts";
import type { DueEntities } from "./due_entities.ts";
import type { DeliveryIntake } from "./region/delivery_intake.ts";
import type { Daemons } from "./region/daemons.ts";
import { Entities } from "./region/entities.ts";
import { locateUnowned } from "./region/unowned_shards.ts";
import { RememberEntities } from "./remember/remember_entities.ts";
import { checkRemember } from "./remember/remember_options.ts";
import { rememberedPath } from "./remember/remember_protocol.ts";
import { isEntityId, parseEntityDelivery, regionPath } from "./routing/protocol.ts";
import { AbsentRole } from "./absent_role.ts";
import { ClientAccess } from "./client_access.ts";
import { isShardEnvelope, type ShardEnvelope, shardEnvelope } from "./routing/shard_envelope.ts";
import { shardOf } from "./routing/shard_hash.ts";
import type { ShardRouter } from "./routing/shard_router.ts";
import { typeTitle } from "./routing/type_title.ts";
import type { EntityMailboxOptions, ShardedBehavior } from "./sharded_behavior.ts";
import type { AllocationStrategy } from "./coordinator/allocation.ts";
import { reportedOptions } from "./reported_options.ts";
import type { ShardReplicator, TypeReplication } from "./shard_replicator.ts";
import type { ShardingMachine } from "./sharding_machine.ts";

/** What helps if no member has the role of a type. */
const roleRemedy = "spell it as the option roles of the nodes, or start a node with it";

/**
 * One type of entities at one node: the router, and, if the node has the role, the parts that run and
 * remember the entities.
 */
export class ShardedType {
  readonly name: string;
  readonly router: ShardRouter;
  readonly #entities: Entities | undefined;
  readonly #memory: RememberEntities | undefined;
  readonly #absentRole: AbsentRole;
  readonly #access: ClientAccess;
  readonly #node: ExtensionContext;
  readonly #intake: DeliveryIntake;
  readonly #machine: ShardingMachine;
  readonly #daemons: Daemons | undefined;
  /** Undefined: it has no copies. */
  readonly #replication: TypeReplication | undefined;

  /**
   * Registers the type with the machine, and opens its path.
   *
   * @param dueEntities starts durable entities that have work to do.
   * @param daemons those of the type, if its entities always run.
   * @throws {ActorError} code `duplicateName`: another actor has the name.
   */
  constructor(
    node: ExtensionContext,
    machine: ShardingMachine,
    name: string,
    behavior: ShardedBehavior<never>,
    dueEntities: DueEntities,
    replicator: ShardReplicator | undefined,
    daemons?: Daemons,
  ) {
    const { numShards, options: { role, strategy, buffer }, entityType } = behavior;
    const schema = entityType?.schema;
    this.name = name;
    this.#node = node;
    this.#machine = machine;
    this.#daemons = daemons;
    this.#access = new ClientAccess(behavior.options);
    this.#absentRole = new AbsentRole(role);
    // The name is the user's: a second type under it fails here. `lookup` finds the actor, and peers of
    // earlier versions send to it. What a configuration sets for the name is for the entities.
    internalsOf(node.system).spawnUnconfigured<ShardEnvelope<never>>(
      Behaviors.setup((context) => {
        // Entities answer.
        if (context.self instanceof LocalRef) context.self.becomeForwarder();
        return this.#forwarding();
      }),
      daemons?.actorName ?? name,
    );
    const runs = role === undefined || node.roles.includes(role);
    this.#replication = replicate(name, behavior, runs, replicator);
    if (runs) {
      this.#memory = this.#makeMemory(node, machine, behavior);
      this.#entities = this.#makeEntities(node, behavior);
    }
    this.router = machine.add({
      shardType: name,
      spawned: true,
      numShards,
      ...(this.#entities && { runner: this.#entities }),
      ...strategyOf(this.#replication, strategy),
      ...(buffer && { limits: buffer }),
      ...(schema && { schema }),
      options: reportedOptions(behavior.options),
    });
    this.router.explain = () => {
      const absent = this.#absentRole.explain(node.view.members);
      return absent && `${absent}: ${roleRemedy}`;
    };
    if (this.#entities !== undefined) {
      const open = () => machine.open(name);
      const replication = this.#replication;
      node.spawnSystem(
        this.#entities.behavior(
          replication === undefined ? open : () => {
            replication.whenReady(open);
          },
        ),
        `_region-${name}`,
      );
      const store = replication?.store ?? behavior.options.journal ??
        internalsOf(node.system).persistence?.journal;
      if (store !== undefined) {
        dueEntities.add(store, role, replication === undefined || replication.sharesStore === true);
      }
    }
    this.#intake = machine.intake;
    const { maxStartsPerIdentity } = withDefaults(shardedDefaults, behavior.options);
    if (maxStartsPerIdentity !== Infinity) this.#intake.limitStarts(name, maxStartsPerIdentity);
    node.handlePeers(
      regionPath(name),
      (peer, value, deadline) => this.receive(peer, value, deadline),
    );
  }

  #forwarding(): Behavior<ShardEnvelope<never>> {
    return Behaviors.receive((context, received) => {
      const envelope = this.#addressed(received);
      if (envelope === undefined) this.#refuseUnaddressed(received);
      else {
        const { self, sender } = context;
        const message = passedOn(context, envelope.message);
        if (self instanceof LocalRef && self.heldAsks !== undefined) {
          this.#bringAsk(envelope.message, () => this.#route(sender, envelope.entityId, message));
        } else this.#route(sender, envelope.entityId, message);
      }
      return Behaviors.same();
    });
  }

  #refuseUnaddressed(message: unknown): void {
    if (this.#daemons === undefined) return this.router.refuseMessage(message);
    const why = "it is for no worker; send it to worker(index)";
    this.#node.deadLetter("invalidMessage", `/${this.#daemons.actorName}`, message, why);
  }

  /** What the actor of the type has received, with the id of the entity for which it is. */
  #addressed(received: unknown): ShardEnvelope<unknown> | undefined {
    if (this.#daemons === undefined) return isShardEnvelope(received) ? received : undefined;
    const { recipient } = this.#daemons;
    return recipient === undefined ? undefined : shardEnvelope(recipient, received);
  }

  /** The entity has to answer an ask of the actor of the type, if it is one of this node. */
  #bringAsk(message: unknown, route: () => void): void {
    const internals = internalsOf(this.#node.system);
    internals.askAtHand = findReply(message)?.heldAsk;
    route();
    internals.askAtHand = undefined;
  }

  /** What was sent to the actor of the type: a client may have been given its reference. */
  #route(sender: MessageSender | undefined, entityId: string, kept: unknown): void {
    if (sender === undefined || !isEntityId(entityId)) return this.router.route(entityId, kept);
    const deadline = deadlineOfKept(kept, this.#node.runtime.clock);
    this.receive(sender, [entityId, messageOf(kept), 0], deadline);
  }

  /**
   * Whether an actor of this node may send a message to an entity that a client has named; if not, it is
   * a dead letter.
   */
  admits(client: MessageSender, entityId: string, message: unknown): boolean {
    const isPermitted = this.#access.permits(client, message);
    if (isPermitted && this.#intake.mayStart(this.router, entityId, deliverySenderOf(client))) {
      return true;
    }
    const target = `${regionPath(this.name)}/${entityId}`;
    if (isPermitted) this.#node.deadLetter("bufferFull", target, message);
    else this.#refuse(target, message);
    return false;
  }

  #refuse(target: string, message: unknown): void {
    const details = `the option clients of ${typeTitle(this.name)} does not permit it`;
    this.#node.deadLetter("unauthorized", target, message, details);
  }

  /** Takes what a node or client sends to entities. */
  receive(peer: DeliveryPeer, value: unknown, deadline?: number): void {
    const sender = deliverySenderOf(peer);
    const { client } = sender;
    if (client !== undefined) {
      const [entityId, message] = parseEntityDelivery(value) ?? [];
      if (entityId !== undefined && !this.#access.permits(client, message)) {
        const target = `${regionPath(this.name)}/${entityId}`;
        return this.#refuse(target, message);
      }
    }
    this.#intake.receive(this.router, sender, value, deadline);
  }

  /** The ids of the entities that run here. */
  running(): string[] {
    return Array.from(this.#entities?.running() ?? [], ([entityId]) => entityId);
  }

  /** The actor of an entity that runs here. */
  cellOf(entityId: string): LocalRef<unknown> | undefined {
    return this.#entities?.cellOf(shardOf(entityId, this.router.numShards), entityId);
  }

  /** Passivates an entity. Returns whether it runs here. */
  stop(entityId: string): boolean {
    const cell = this.cellOf(entityId);
    if (cell !== undefined) this.#entities!.passivate(cell);
    return cell !== undefined;
  }

  /** The driver of remembered entities, if enabled. */
  get memory(): RememberEntities | undefined {
    return this.#memory;
  }

  /** Why nothing of the type can run, as far as this node knows: no member has its role, for example. */
  get obstacle(): string | undefined {
    return this.#machine.rejection(this.name) ??
      this.#absentRole.explain(this.#node.view.members);
  }

  /** Passivates entities, locates shards of daemons, and repeats messages that may have been lost. */
  tick(): void {
    this.#tellAbsentRole();
    this.#entities?.tick();
    this.#memory?.tick();
    const { name, router: { numShards } } = this;
    const region = this.#machine.regions.of(name);
    // Other nodes than those that can run them need not ask for owners: messages do.
    if (this.#daemons === undefined || region === undefined) return;
    const shards = [...this.#daemons.ids.keys()];
    // A rejection is for all shards: one request finds out whether it is still so.
    locateUnowned(this.#machine.rejection(name) === undefined ? shards : shards.slice(0, 1), {
      owns: (shard) => region.epochOf(shard) > 0,
      isOwned: (shard) => this.#isElsewhere(shard),
      locate: (shard) =>
        this.#machine.locate({ type: "locate", shardType: name, numShards, shard }),
    });
  }

  #tellAbsentRole(): void {
    const { view: { members }, runtime: { clock, logger } } = this.#node;
    if (!this.#absentRole.note(members, clock.now())) return;
    const reason = this.#absentRole.explain(members);
    const message = "no node can run a shard type; messages for it wait";
    logger.log("warn", "sharding", message, { shardType: this.name, reason, remedy: roleRemedy });
  }

  /**
   * Whether another node is known to own a shard. Where this node takes itself for the owner and is not,
   * the coordinator may have failed between the hand-off and the next grant.
   */
  #isElsewhere(shard: number): boolean {
    const { address } = this.#node;
    return (this.router.ownerOf(shard) ?? address) !== address;
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
    const { clock, telemetry } = node.runtime;
    const internals = internalsOf(node.system);
    return new Entities(this.name, factory as never, {
      ...(this.#memory && { memory: this.#memory }),
      ...(this.#daemons && { daemons: this.#daemons.ids }),
      ...(this.#replication
        ? { replication: this.#replication }
        : options.journal && { store: options.journal }),
      clock,
      runningTime: () => internals.existingTurnGate?.openTime ?? clock.now(),
      numShards,
      limits: passivation,
      maxPending: maxPendingPerEntity,
      maxPendingBytes: maxBytes,
      mailbox: isUnbounded ? undefined : { ...given, ...finite({ capacity, maxBytes }) },
      stopTimeout,
      holdAsk: (cell, waited) => {
        const ask = waited === undefined
          ? internals.askAtHand
          : findReply(messageOf(waited))?.heldAsk;
        if (ask === undefined) return;
        if (waited === undefined) internals.askAtHand = undefined;
        // By the actor of the type.
        if (ask.heldBy?.forwards) releaseAsk(ask);
        if (ask.heldBy === undefined) holdAsk(cell, ask);
      },
      reroute: (entityId, message, first) => this.router.reroute(entityId, message, first),
      hasSuccessor: () =>
        node.view.members.some((member) =>
          member.address !== node.address && isAlive(member) && !isLeaving(member) &&
          (options.role === undefined || member.roles.includes(options.role))
        ),
      ...(telemetry?.enabled && telemetry.traces !== false && { traces: telemetry }),
      lose: (reason, target, message) => node.deadLetter(reason, target, message),
      refuse: ({ reason, details }, target, message) => {
        if (findReply(messageOf(message))?.heldAsk === undefined) return false;
        node.deadLetter(reason as DeadLetterReason, target, message, details);
        return true;
      },
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
      isOwned: (shard) => this.#isElsewhere(shard),
      locate: (shard) => machine.locate({ type: "locate", shardType, numShards, shard }),
      log: (message, fields) => logger.log("warn", "sharding", message, { shardType, ...fields }),
    });
  }
}

/** The copies of a type, if it has some. */
function replicate(
  shardType: string,
  { numShards, factory, options: { replication, journal, strategy } }: ShardedBehavior<never>,
  runs: boolean,
  replicator: ShardReplicator | undefined,
): TypeReplication | undefined {
  if (replication === undefined) return undefined;
  return replicator!.add({
    shardType,
    numShards,
    runs,
    replication,
    journal,
    strategy,
    factory,
  });
}

function strategyOf(
  replication: TypeReplication | undefined,
  given: AllocationStrategy | undefined,
): { readonly strategy?: AllocationStrategy } {
  const strategy = replication?.strategy ?? given;
  return strategy === undefined ? {} : { strategy };
}

/** Without what has no limit. */
function finite<K extends string>(limits: Readonly<Record<K, number>>): Partial<Record<K, number>> {
  const entries = Object.entries<number>(limits).filter(([, limit]) => limit !== Infinity);
  return Object.fromEntries(entries) as Partial<Record<K, number>>;
}
