import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { Timer } from "../runtime/clock.ts";
import { refusedBy } from "./errors.ts";
import type { LeaseLost } from "./structure_protocol.ts";

/** A lease that is held: how it is renewed, and who is told when it has ended. */
export interface HeldLease {
  /** The request of its acquisition. */
  readonly request: string;
  /** Names the structure in errors. */
  readonly structure: string;
  /** Milliseconds. */
  readonly ttl: number;
  /** When it ends, on the clock of the system, unless it is renewed. */
  readonly expiresAt: number;
  /** The actor that has given it. */
  readonly keeper: ActorRef<never> | undefined;
  /** Whether it is held still. */
  renew(timeout: number): Promise<boolean>;
}

interface Lease {
  readonly held: HeldLease;
  readonly controller: AbortController;
  expiresAt: number;
  timer: Timer | undefined;
  renewing: boolean;
  watched: boolean;
}

type SessionMessage =
  | LeaseLost
  | { readonly type: "watch" | "unwatch"; readonly keeper: ActorRef<never> };

/** What starts actors. */
export type Spawner = Pick<ActorSystem, "spawn">;

/** Requests that were given up and are not confirmed as such: more are told once only. */
const maxGivenUp = 1_000;
/** Milliseconds after which the actor that has given a lease is watched: most are released before. */
const watchAfter = 1_000;

/**
 * The leases of one program in one group: renews them, and ends them when they are not renewed in time,
 * when the structure says so, and when its actor has ended. It has an actor, which the structures watch.
 */
export class LeaseSession {
  readonly #spawner: Spawner;
  readonly #system: ActorSystem;
  readonly #name: string;
  readonly #leases = new Map<string, Lease>();
  /** Leases of each keeper that is watched. */
  readonly #watched = new Map<string, number>();
  #ref: ActorRef<SessionMessage> | undefined;
  #givenUp = 0;

  /** `name`: of its actor. A client spawns it itself, so that all nodes can reach it. */
  constructor(system: ActorSystem, name: string, spawner: Spawner = system) {
    this.#spawner = spawner;
    this.#system = system;
    this.#name = name;
  }

  /** Its actor. */
  get ref(): ActorRef<LeaseLost> {
    return this.#ref ??= this.#spawner.spawn(this.#behavior(), this.#name);
  }

  /** Keeps a lease; the signal is aborted when it has ended before it was released. */
  hold(held: HeldLease): AbortSignal {
    const lease: Lease = {
      held,
      controller: new AbortController(),
      expiresAt: held.expiresAt,
      timer: undefined,
      renewing: false,
      watched: false,
    };
    this.#leases.set(held.request, lease);
    const { ttl } = held;
    const renewAt = lease.expiresAt - ttl * 2 / 3;
    this.#schedule(lease, Math.min(this.#now + watchAfter, renewAt), () => {
      this.#watch(lease);
      this.#plan(lease, renewAt);
    });
    return lease.controller.signal;
  }

  /** Its holder has released it. Whether it was held still. */
  drop(request: string): boolean {
    const lease = this.#leases.get(request);
    if (lease === undefined) return false;
    this.#leases.delete(request);
    lease.timer?.cancel();
    this.#unwatch(lease);
    return true;
  }

  /** Has the structure told that a request was given up. False: too many are not confirmed yet. */
  giveUp(tell: () => Promise<unknown>): boolean {
    if (this.#givenUp >= maxGivenUp) return false;
    this.#givenUp++;
    // If it cannot be told, the lease ends by itself.
    tell().catch(() => {}).finally(() => this.#givenUp--);
    return true;
  }

  get #now(): number {
    return this.#system.runtime.clock.now();
  }

  #behavior() {
    return Behaviors.receive<SessionMessage>((context, message) => {
      if (message.type === "leaseLost") this.#lose(message.request, "it was lost with its node");
      else if (message.type === "watch") context.watch(message.keeper);
      else context.unwatch(message.keeper);
      return Behaviors.same();
    }, (_context, signal) => {
      if (signal.type === "terminated") this.#onKeeperEnded(signal.ref.key);
      if (signal.type === "postStop") this.#onStopped();
      return Behaviors.same();
    });
  }

  #onKeeperEnded(key: string): void {
    this.#watched.delete(key);
    for (const lease of this.#leases.values()) {
      if (lease.held.keeper?.key !== key) continue;
      lease.watched = false;
      this.#renew(lease);
    }
  }

  #onStopped(): void {
    this.#ref = undefined;
    this.#watched.clear();
    for (const request of this.#leases.keys()) this.#lose(request, "this system stops");
  }

  #schedule(lease: Lease, at: number, task: () => void): void {
    lease.timer?.cancel();
    const { clock } = this.#system.runtime;
    lease.timer = clock.schedule(Math.max(0, at - clock.now()), task);
  }

  /** Renews it at a time, unless it has ended before. */
  #plan(lease: Lease, renewAt: number): void {
    if (!this.#leases.has(lease.held.request)) return;
    const at = Math.min(renewAt, lease.expiresAt);
    this.#schedule(lease, at, () => {
      if (this.#now >= lease.expiresAt) return this.#lose(lease.held.request, "it was not renewed");
      this.#renew(lease);
    });
  }

  async #renew(lease: Lease): Promise<void> {
    if (lease.renewing) return;
    lease.renewing = true;
    const { request, ttl, renew } = lease.held;
    const sentAt = this.#now;
    // Whatever becomes of the renewal, it ends in time.
    this.#plan(lease, lease.expiresAt);
    let isHeld: boolean | undefined;
    try {
      isHeld = await renew(ttl / 3);
    } catch {
      // Nobody knows: it is tried again until the lease has ended.
    }
    lease.renewing = false;
    if (!this.#leases.has(request)) return;
    if (isHeld === false) return this.#lose(request, "the structure does not know it any more");
    if (isHeld) lease.expiresAt = sentAt + ttl;
    this.#plan(lease, isHeld ? sentAt + ttl / 3 : this.#now + ttl / 30);
  }

  #lose(request: string, why: string): void {
    const lease = this.#leases.get(request);
    if (!this.drop(request)) return;
    lease!.controller.abort(refusedBy(lease!.held.structure, "leaseLost", why));
  }

  #watch(lease: Lease): void {
    const { keeper } = lease.held;
    if (keeper === undefined) return;
    lease.watched = true;
    const count = this.#watched.get(keeper.key) ?? 0;
    this.#watched.set(keeper.key, count + 1);
    if (count === 0) this.#ref?.tell({ type: "watch", keeper });
  }

  #unwatch(lease: Lease): void {
    const { keeper } = lease.held;
    if (keeper === undefined || !lease.watched) return;
    const count = this.#watched.get(keeper.key) ?? 0;
    if (count > 1) return void this.#watched.set(keeper.key, count - 1);
    this.#watched.delete(keeper.key);
    if (count === 1) this.#ref?.tell({ type: "unwatch", keeper });
  }
}
