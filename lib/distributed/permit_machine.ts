import { rules } from "../runtime/rules.ts";
import { Tally } from "../transport/base/tally.ts";
import { DueHeap } from "./due_heap.ts";
import { done, moved, refused, type StructureReply } from "./structure_reply.ts";
import {
  type Answers,
  type Caller,
  type CoordinationMachine,
  type LostRequest,
  noAnswers,
  type WaiterReply,
} from "./coordination_machine.ts";
import type { StructureLimits } from "./structure_limits.ts";

/** An operation of a lock or a semaphore. Times are milliseconds. */
export type PermitOperation =
  | {
    readonly type: "acquire";
    /** Made up by the acquirer, once for each permit: a repeated one is the same acquisition. */
    readonly request: string;
    /** The handle. */
    readonly owner: string;
    /** How many there are; 1 for a lock. */
    readonly permits: number;
    /** Whether an owner that holds one, or waits for one, is refused another. */
    readonly exclusive: boolean;
    readonly ttl: number;
    readonly waits: boolean;
  }
  | { readonly type: "renew"; readonly request: string; readonly ttl: number }
  | { readonly type: "release"; readonly request: string }
  | { readonly type: "status" }
  | { readonly type: "destroy" };

/** What an acquirer is given. */
export interface Grant {
  /** See `HeldPermit.token`. */
  readonly token: bigint;
  /**
   * Milliseconds between the arrival of the request, of which this is the answer, and the beginning of the
   * lease. Negative if it was sent again, and the answer before was lost.
   */
  readonly waited: number;
}

/** How a lock or semaphore is. */
export interface PermitStatus {
  /** Permits that are held. */
  readonly held: number;
  /** Acquirers that wait. */
  readonly waiting: number;
}

interface Holder {
  readonly owner: string;
  readonly account: string | undefined;
  readonly session: string;
  readonly token: bigint;
  readonly grantedAt: number;
  expiresAt: number;
}

interface Waiter {
  readonly owner: string;
  readonly account: string | undefined;
  readonly session: string;
  readonly ttl: number;
  /** When it was sent last. */
  since: number;
  readonly deadline: number;
}

/** Clocks are right to 1 %: a lease lasts that much longer here than at its holder. */
const drift = 1.02;
/** And so much for the resolution of clocks, milliseconds. */
const margin = 100;

/**
 * One lock or semaphore: who holds its permits, and until when, and who waits, in the order of arrival.
 *
 * - Invariant: there are at most `permits` holders.
 * - Invariant: nobody waits while a permit is free.
 * - Tokens grow with each grant.
 * - A waiter whose deadline has passed gets no grant.
 */
export class PermitMachine implements CoordinationMachine<PermitOperation> {
  readonly #limits: StructureLimits;
  readonly #nextToken: () => bigint;
  readonly #holders = new Map<string, Holder>();
  readonly #waiters = new Map<string, Waiter>();
  /** When leases end and waiters give up, by request; some that do not then any more. */
  readonly #due = new DueHeap<string>();
  /** Holders and waiters of each account. */
  readonly #ofAccount = new Tally();
  #permits = 0;

  /** `nextToken` gives a higher number with each call. */
  constructor(limits: StructureLimits, nextToken: () => bigint) {
    this.#limits = limits;
    this.#nextToken = nextToken;
  }

  get isIdle(): boolean {
    return this.#holders.size === 0 && this.#waiters.size === 0;
  }

  get wakeAt(): number | undefined {
    const due = this.#due;
    for (let next = due.next; next !== undefined; next = due.next) {
      if (this.#isDue(next.item, next.at)) return next.at;
      due.take();
    }
    return undefined;
  }

  handle(operation: PermitOperation, caller: Caller, now: number): Answers {
    const before = this.wake(now);
    switch (operation.type) {
      case "acquire":
        return { ...before, reply: this.#acquire(operation, caller, now) };
      case "renew": {
        const { request, ttl } = operation;
        const holder = this.#holders.get(request);
        if (holder !== undefined) {
          holder.expiresAt = leaseEnd(now, ttl);
          this.#comesDue(request, holder.expiresAt);
        }
        return { ...before, reply: done(holder !== undefined) };
      }
      case "release": {
        const { request } = operation;
        const held = this.#endHolder(request);
        const forgotten = this.#endWaiter(request) ? [request] : [];
        return { ...join(before, this.#grant(now, forgotten)), reply: done(held) };
      }
      case "status":
        return { ...before, reply: done(this.#status()) };
      case "destroy":
        return this.#end(refused("destroyed", "it was destroyed"), done(true));
    }
  }

  wake(now: number): Answers {
    const lost: LostRequest[] = [];
    const forgotten: string[] = [];
    const due = this.#due;
    for (let request = due.take(now); request !== undefined; request = due.take(now)) {
      const { expiresAt = Infinity, session = "" } = this.#holders.get(request) ?? {};
      if (expiresAt <= now && this.#endHolder(request)) lost.push([request, session]);
      const { deadline = Infinity } = this.#waiters.get(request) ?? {};
      // The one who waited knows: the deadline is its own.
      if (deadline > now || !rules.expiredWaitersGetNoGrant) continue;
      if (this.#endWaiter(request)) forgotten.push(request);
    }
    return { ...this.#grant(now, forgotten), lost };
  }

  sessionGone(session: string, now: number): Answers {
    for (const [request, holder] of this.#holders) {
      if (holder.session === session) this.#endHolder(request);
    }
    return this.sessionLost(session, now);
  }

  sessionLost(session: string, now: number): Answers {
    const forgotten: string[] = [];
    for (const [request, waiter] of this.#waiters) {
      if (waiter.session !== session) continue;
      this.#endWaiter(request);
      forgotten.push(request);
    }
    return join({ ...noAnswers, forgotten }, this.wake(now));
  }

  sessions(): ReadonlySet<string> {
    const sessions = new Set<string>();
    for (const { session } of this.#holders.values()) sessions.add(session);
    for (const { session } of this.#waiters.values()) sessions.add(session);
    return sessions;
  }

  close(): Answers {
    return this.#end(moved);
  }

  #acquire(
    operation: PermitOperation & { readonly type: "acquire" },
    { session, account, deadline }: Caller,
    now: number,
  ): StructureReply | undefined {
    const { request, owner, permits, exclusive, ttl, waits } = operation;
    const holder = this.#holders.get(request);
    if (holder !== undefined) {
      return done({ token: holder.token, waited: holder.grantedAt - now } satisfies Grant);
    }
    if (this.isIdle) this.#permits = permits;
    if (permits !== this.#permits) {
      const why = `it has ${this.#permits} permits, and not ${permits}`;
      return refused("permitsMismatch", why);
    }
    const waiter = this.#waiters.get(request);
    if (waiter !== undefined) {
      // Sent again: it keeps its place, and the host knows where the newer answer goes.
      waiter.since = now;
      return undefined;
    }
    if (exclusive && this.#isOwner(owner)) {
      return waits ? refused("alreadyHeld", "this handle holds it, or waits for it") : done();
    }
    const isFree = this.#holders.size < this.#permits;
    if (!isFree && !waits) return done();
    const why = this.#refuses(account, isFree);
    if (why !== undefined) return refused("structureFull", why);
    if (isFree) return done(this.#hold(request, { owner, account, session, ttl, since: now }, now));
    this.#waiters.set(request, { owner, account, session, ttl, since: now, deadline });
    this.#count(account, 1);
    this.#comesDue(request, deadline);
    return undefined;
  }

  #isOwner(owner: string): boolean {
    for (const holder of this.#holders.values()) if (holder.owner === owner) return true;
    for (const waiter of this.#waiters.values()) if (waiter.owner === owner) return true;
    return false;
  }

  #refuses(account: string | undefined, isFree: boolean): string | undefined {
    const { maxWaiters, maxWaitersPerIdentity } = this.#limits;
    if (!isFree && this.#waiters.size >= maxWaiters) return `maxWaiters (${maxWaiters}) wait`;
    if (account === undefined) return undefined;
    if (this.#ofAccount.of(account) < maxWaitersPerIdentity) return undefined;
    return `maxWaitersPerIdentity (${maxWaitersPerIdentity}) hold it or wait for this client`;
  }

  #hold(
    request: string,
    { owner, account, session, ttl, since }: Omit<Waiter, "deadline">,
    now: number,
  ): Grant {
    const token = this.#nextToken();
    const expiresAt = leaseEnd(now, ttl);
    this.#holders.set(request, { owner, account, session, token, grantedAt: now, expiresAt });
    this.#count(account, 1);
    this.#comesDue(request, expiresAt);
    return { token, waited: now - since };
  }

  /** Gives free permits to those who wait longest. */
  #grant(now: number, forgotten: readonly string[]): Answers {
    const replies: WaiterReply[] = [];
    for (const [request, waiter] of this.#waiters) {
      if (this.#holders.size >= this.#permits) break;
      this.#endWaiter(request);
      replies.push([request, done(this.#hold(request, waiter, now))]);
    }
    return { replies, lost: [], forgotten };
  }

  #endHolder(request: string): boolean {
    const holder = this.#holders.get(request);
    if (holder === undefined) return false;
    this.#count(holder.account, -1);
    return this.#holders.delete(request);
  }

  #endWaiter(request: string): boolean {
    const waiter = this.#waiters.get(request);
    if (waiter === undefined) return false;
    this.#count(waiter.account, -1);
    return this.#waiters.delete(request);
  }

  #count(account: string | undefined, change: 1 | -1): void {
    if (account !== undefined) this.#ofAccount.add(account, change);
  }

  #comesDue(request: string, at: number): void {
    this.#due.add(at, request);
    const live = this.#holders.size + this.#waiters.size;
    this.#due.compact(live, (request, at) => this.#isDue(request, at));
  }

  #isDue(request: string, at: number): boolean {
    return this.#holders.get(request)?.expiresAt === at ||
      this.#waiters.get(request)?.deadline === at;
  }

  #status(): PermitStatus {
    return { held: this.#holders.size, waiting: this.#waiters.size };
  }

  #end(reply: StructureReply, own?: StructureReply): Answers {
    const lost = Array.from(this.#holders, ([request, { session }]) => [request, session] as const);
    const replies = Array.from(this.#waiters.keys(), (request) => [request, reply] as const);
    for (const [request] of lost) this.#endHolder(request);
    for (const [request] of replies) this.#endWaiter(request);
    this.#due.clear();
    return { replies, lost, forgotten: [], reply: own };
  }
}

function join(one: Answers, other: Answers): Answers {
  return {
    replies: [...one.replies, ...other.replies],
    lost: [...one.lost, ...other.lost],
    forgotten: [...one.forgotten, ...other.forgotten],
  };
}

/** When a lease that begins now has ended for certain at its holder. */
function leaseEnd(now: number, ttl: number): number {
  return rules.leasesOutlastHolders ? now + ttl * drift + margin : now + ttl;
}
