import type { Logger } from "../../runtime/logger.ts";
import { checkOptions } from "../../options/check_options.ts";
import { registerTable } from "../../options/tables/actor_tables.ts";
import type { MessageSender } from "../ref/message_sender.ts";
import { type ClientPolicy, matchesClient } from "./client_policy.ts";
import { ActorError } from "../errors.ts";
import { localActorOf, type RefHost, whenLocalStopped } from "../ref/local_ref.ts";
import type { ActorRef } from "../ref/ref.ts";
import { serviceIdOf, type ServiceKey } from "./service_key.ts";

/** The actors that offer a service at one moment. */
export interface Listing<in M> {
  /** Names the message. */
  readonly type: "listing";
  /** The service. */
  readonly key: ServiceKey<M>;
  /** The actors, those of this node first; see {@linkcode Receptionist.find}. Never changes. */
  readonly refs: readonly ActorRef<M>[];
}

/** Options of a registration. */
export interface RegisterOptions {
  /**
   * Which clients may send to the actor, by the identity in their certificates; it is listed for all.
   * An actor that offers several services is open to the clients of each. A message of another is a
   * dead letter (`unauthorized`). Default: all clients.
   */
  readonly clients?: ClientPolicy;
}

const everyClient: ClientPolicy = () => true;

/** Is notified of the changes of a service: a function or an actor. */
export type ListingSubscriber<M> =
  | ((listing: readonly ActorRef<M>[]) => void)
  | ActorRef<Listing<M>>;

/** The actors that offer one service, by the id of its key. */
export interface ServiceListing {
  /** The id of the key. */
  readonly key: string;
  /** The actors, in the order of registration. */
  readonly refs: readonly ActorRef<never>[];
}

/** References of one key, and so of one type; the key carries it. */
type Refs = readonly ActorRef<unknown>[];

/** One subscription. */
interface Subscription {
  readonly notify: (refs: Refs) => void;
}

/** The state of one key. Forgotten when it has neither entries nor subscriptions. */
class Service {
  readonly id: string;
  /** Each actor with how to stop waiting for its end, in the order of registration. */
  readonly entries = new Map<ActorRef<never>, () => void>();
  readonly subscriptions = new Set<Subscription>();
  /** Counts the changes. */
  version = 0;
  /** Actors of other nodes. */
  #remote: Refs = none;
  #local: Refs | undefined = none;
  #refs: Refs | undefined = none;

  constructor(id: string) {
    this.id = id;
  }

  /** The entries of this node as they are now; made again only after a change. */
  get local(): Refs {
    return this.#local ??= Object.freeze([...this.entries.keys()] as ActorRef<unknown>[]);
  }

  /** All entries as they are now, those of this node first. */
  get refs(): Refs {
    if (this.#refs !== undefined) return this.#refs;
    const { local } = this;
    return this.#refs = this.#remote.length === 0
      ? local
      : Object.freeze([...local, ...this.#remote]);
  }

  get isUnused(): boolean {
    return this.entries.size + this.#remote.length + this.subscriptions.size === 0;
  }

  changed(): void {
    this.version++;
    this.#local = undefined;
    this.#refs = undefined;
  }

  /**
   * Sets the actors of other nodes. Returns whether they have changed; an unchanged actor stays the
   * same object.
   */
  setRemote(refs: Refs): boolean {
    const kept = sameRefs(this.#remote, refs);
    if (kept === this.#remote) return false;
    this.#remote = kept;
    this.version++;
    this.#refs = undefined;
    return true;
  }
}

const none: Refs = Object.freeze([]);

/**
 * Finds actors by the service that they offer instead of by their path (Pekko's receptionist). An
 * actor that stops is forgotten; one that restarts stays, but its message adapters do not.
 *
 * All calls take effect at once, and subscribers are notified within the call that has made a change.
 * In a cluster, `find` and `subscribe` show the actors of all reachable members: a change here is sent
 * to the others at once, and again if that is lost. A change costs time in proportion to the number
 * of actors of that service if it has subscribers, and none of that otherwise.
 *
 * @example
 * ```ts
 * import { ActorSystem, Behaviors, ServiceKey } from "@casty/casty";
 *
 * const greeting = ServiceKey<string>("greeting");
 * const greeted: string[] = [];
 * const greeter = Behaviors.receive<string>((_context, name) => {
 *   greeted.push(name);
 *   return Behaviors.same();
 * });
 *
 * await using system = new ActorSystem();
 * const ref = system.spawn(greeter, "greeter");
 * system.receptionist.register(greeting, ref);
 * console.assert(system.receptionist.find(greeting)[0] === ref);
 * await system.stop(ref);
 * console.assert(system.receptionist.find(greeting).length === 0);
 * ```
 */
export class Receptionist {
  readonly #host: RefHost;
  readonly #logger: Logger;
  readonly #services = new Map<string, Service>();
  /** The policies of the services that the actor at each path offers. */
  readonly #offered = new Map<string, ClientPolicy[]>();
  readonly #observers = new Set<() => void>();
  #listings: readonly ServiceListing[] | undefined;

  /** @internal Made by the system; `host` is the owner of the actors that can be registered. */
  constructor(host: RefHost, logger: Logger) {
    this.#host = host;
    this.#logger = logger;
  }

  /**
   * Registers an actor for a service, until it stops. A second call changes nothing; an actor that
   * has stopped or is stopping is not registered. Returns a function that deregisters it. In a cluster
   * clients may send to it, unless `clients` closes it to them.
   *
   * @throws {OptionError}
   * @throws {ActorError} code `badServiceKey`; code `notLocal` for an actor of another system:
   * register it there.
   */
  register<M>(
    key: ServiceKey<M>,
    ref: ActorRef<NoInfer<M>>,
    options: RegisterOptions = {},
  ): () => void {
    checkOptions(registerTable, options);
    const id = serviceIdOf(key);
    const actor = localActorOf(ref);
    if (actor?.host !== this.#host) throw notLocal(ref);
    if (actor.ended) return () => {};
    const service = this.#service(id);
    let forget = service.entries.get(ref);
    if (forget === undefined) {
      forget = this.#enter(service, ref, options.clients ?? everyClient);
      this.#publish(service);
    }
    return forget;
  }

  /**
   * Deregisters an actor. Does nothing if it is not registered.
   *
   * @throws {ActorError} code `badServiceKey`.
   */
  deregister<M>(key: ServiceKey<M>, ref: ActorRef<NoInfer<M>>): void {
    this.#services.get(serviceIdOf(key))?.entries.get(ref)?.();
  }

  /**
   * The actors that offer a service now: those of this system in the order of registration; then, in a
   * cluster, those of other members by address, without members that cannot be reached or that leave.
   * At a client, those that `client.lookup` finds. The list does not change afterwards.
   *
   * @throws {ActorError} code `badServiceKey`.
   */
  find<M>(key: ServiceKey<M>): readonly ActorRef<M>[] {
    const id = serviceIdOf(key);
    return this.#services.get(id)?.refs ?? none;
  }

  /**
   * Subscribes to the actors that offer a service: notifies at once, and again after each change. A
   * function is called with the list; its errors are logged. An actor is sent a
   * {@linkcode Listing}, until it stops. Returns a function that ends the subscription.
   *
   * If a listener changes the same service itself, the listeners after it get the newest list only.
   *
   * @throws {ActorError} code `badServiceKey`; code `badSubscriber` for a value that is neither a
   * function nor a reference.
   */
  subscribe<M>(key: ServiceKey<M>, listener: ListingSubscriber<NoInfer<M>>): () => void {
    const id = serviceIdOf(key);
    const notify = notifying(key, listener);
    const ref = typeof listener === "function" ? undefined : listener;
    if (ref !== undefined && localActorOf(ref)?.ended) return () => {};
    const service = this.#service(id);
    const subscription: Subscription = { notify };
    service.subscriptions.add(subscription);
    const end = () => {
      if (service.subscriptions.delete(subscription)) this.#forgetIfUnused(service);
    };
    const keep = ref === undefined ? undefined : whenLocalStopped(ref, end);
    this.#tell(service, subscription);
    return () => {
      keep?.();
      end();
    };
  }

  /** @internal All services that actors of this system offer. The same array until one changes. */
  listings(): readonly ServiceListing[] {
    return this.#listings ??= [...this.#services.values()]
      .filter(({ entries }) => entries.size > 0)
      .map(({ id, local }) => ({ key: id, refs: local }));
  }

  /** @internal From now on, these actors of other nodes offer services, by the ids of the keys. */
  setRemote(listings: ReadonlyMap<string, readonly ActorRef<never>[]>): void {
    const changed: Service[] = [];
    for (const service of this.#services.values()) {
      if (!listings.has(service.id) && service.setRemote(none)) changed.push(service);
    }
    for (const [id, refs] of listings) {
      const service = this.#service(id);
      if (service.setRemote(refs as Refs)) changed.push(service);
    }
    // After all have changed: a listener of one service may call `find` for another.
    for (const service of changed) {
      this.#tellAll(service);
      this.#forgetIfUnused(service);
    }
  }

  /** @internal Whether the actor at a path offers a service to the client. */
  offersTo(client: MessageSender, path: string): boolean {
    const policies = this.#offered.get(path);
    return policies?.some((policy) => matchesClient(policy, client) === true) ?? false;
  }

  /**
   * @internal Calls `observer` after each change of `listings`. Returns a function that ends it.
   */
  observe(observer: () => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** @internal Ends all subscriptions: the system has stopped. */
  close(): void {
    this.#observers.clear();
    for (const service of this.#services.values()) {
      service.subscriptions.clear();
      service.setRemote(none);
      this.#forgetIfUnused(service);
    }
  }

  #service(id: string): Service {
    let service = this.#services.get(id);
    if (service === undefined) this.#services.set(id, service = new Service(id));
    return service;
  }

  /** Adds an entry; returns a function that removes this entry. */
  #enter(service: Service, ref: ActorRef<never>, policy: ClientPolicy): () => void {
    const forget = () => {
      if (service.entries.get(ref) !== forget) return;
      service.entries.delete(ref);
      this.#withdraw(ref.path, policy);
      keep?.();
      this.#publish(service);
      this.#forgetIfUnused(service);
    };
    service.entries.set(ref, forget);
    this.#offered.set(ref.path, [...this.#offered.get(ref.path) ?? [], policy]);
    const keep = whenLocalStopped(ref, forget);
    return forget;
  }

  #withdraw(path: string, policy: ClientPolicy): void {
    const policies = [...this.#offered.get(path) ?? []];
    policies.splice(policies.indexOf(policy), 1);
    if (policies.length > 0) this.#offered.set(path, policies);
    else this.#offered.delete(path);
  }

  #publish(service: Service): void {
    service.changed();
    this.#listings = undefined;
    for (const observer of [...this.#observers]) observer();
    this.#tellAll(service);
  }

  #tellAll(service: Service): void {
    const { version } = service;
    for (const subscription of [...service.subscriptions]) {
      // A listener has changed the service: all have got the newer listing already.
      if (service.version !== version) return;
      if (service.subscriptions.has(subscription)) this.#tell(service, subscription);
    }
  }

  #tell(service: Service, { notify }: Subscription): void {
    try {
      notify(service.refs);
    } catch (error) {
      this.#logger.log("error", "receptionist", "a listener threw", { key: service.id, error });
    }
  }

  #forgetIfUnused(service: Service): void {
    if (!service.isUnused) return;
    if (this.#services.get(service.id) === service) this.#services.delete(service.id);
  }
}

/** The old list if both mean the same actors; else the new one, with the objects of the old. */
function sameRefs(old: Refs, refs: Refs): Refs {
  if (old.length === 0 && refs.length === 0) return old;
  const known = new Map(old.map((ref) => [ref.key, ref]));
  const kept = refs.map((ref) => known.get(ref.key) ?? ref);
  const isSame = kept.length === old.length && kept.every((ref, index) => ref === old[index]);
  return isSame ? old : kept;
}

function notifying<M>(key: ServiceKey<M>, listener: ListingSubscriber<M>): (refs: Refs) => void {
  if (typeof listener === "function") return listener as (refs: Refs) => void;
  if (typeof listener?.tell !== "function") {
    throw new ActorError(
      "badSubscriber",
      "a subscriber of listings is neither a function nor a reference",
      {
        value: listener,
        remedy: "give a function or a reference",
      },
    );
  }
  return (refs) => listener.tell({ type: "listing", key, refs });
}

function notLocal(ref: ActorRef<never>): ActorError {
  return new ActorError("notLocal", `${String(ref)} is not an actor of this system`, {
    value: ref,
    remedy: "register an actor with its own system",
  });
}
