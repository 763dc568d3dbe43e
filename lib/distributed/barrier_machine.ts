import {
  type Answers,
  type Caller,
  type CoordinationMachine,
  noAnswers,
} from "./coordination_machine.ts";
import { rules } from "../runtime/rules.ts";
import type { StructureLimits } from "./structure_limits.ts";
import { done, moved, refused, type StructureReply } from "./structure_reply.ts";

/** An operation of a barrier. */
export type BarrierOperation =
  | {
    readonly type: "arrive";
    /** Made up by the party: a repeated one is the same arrival. */
    readonly request: string;
    /** Parties of the round. */
    readonly expected: number;
  }
  | { readonly type: "leave"; readonly request: string }
  | { readonly type: "destroy" };

interface Party {
  readonly session: string;
  readonly account: string | undefined;
  readonly deadline: number;
}

/** Parties of earlier rounds that are remembered, so that an arrival that is sent again does not count twice. */
const keptReleases = 16_384;

/**
 * One barrier: the parties of one round wait until all have arrived. A party that gives up, or whose
 * session is gone, counts no more.
 */
export class BarrierMachine implements CoordinationMachine<BarrierOperation> {
  readonly #limits: StructureLimits;
  readonly #parties = new Map<string, Party>();
  /** Those of earlier rounds, the newest last. */
  readonly #released = new Set<string>();
  #expected = 0;

  constructor(limits: StructureLimits) {
    this.#limits = limits;
  }

  get isIdle(): boolean {
    return this.#parties.size === 0;
  }

  get wakeAt(): number | undefined {
    let at = Infinity;
    for (const { deadline } of this.#parties.values()) at = Math.min(at, deadline);
    return at === Infinity ? undefined : at;
  }

  handle(operation: BarrierOperation, caller: Caller, now: number): Answers {
    const { forgotten } = this.wake(now);
    switch (operation.type) {
      case "arrive":
        return { ...this.#arrive(operation.request, operation.expected, caller), forgotten };
      case "leave": {
        const { request } = operation;
        const reply = done(this.#parties.delete(request));
        return { ...noAnswers, forgotten: [...forgotten, request], reply };
      }
      case "destroy":
        return { ...this.#release(refused("destroyed", "it was destroyed")), reply: done(true) };
    }
  }

  wake(now: number): Answers {
    return this.#forget(({ deadline }) => deadline <= now && rules.expiredWaitersGetNoGrant);
  }

  sessionGone(session: string): Answers {
    return this.#forget((party) => party.session === session);
  }

  sessionLost(session: string): Answers {
    return this.sessionGone(session);
  }

  sessions(): ReadonlySet<string> {
    return new Set(Array.from(this.#parties.values(), ({ session }) => session));
  }

  close(): Answers {
    return this.#release(moved);
  }

  #arrive(request: string, expected: number, caller: Caller): Answers {
    if (this.#released.has(request)) return { ...noAnswers, reply: done() };
    if (this.#parties.size === 0) this.#expected = expected;
    if (expected !== this.#expected) {
      const why = `this round expects ${this.#expected} parties, and not ${expected}`;
      return { ...noAnswers, reply: refused("expectedMismatch", why) };
    }
    const why = this.#parties.has(request) ? undefined : this.#refuses(caller.account);
    if (why !== undefined) return { ...noAnswers, reply: refused("structureFull", why) };
    const { session, account, deadline } = caller;
    this.#parties.set(request, { session, account, deadline });
    if (this.#parties.size < this.#expected) return noAnswers;
    for (const request of this.#parties.keys()) this.#remember(request);
    const { replies } = this.#release(done());
    return { ...noAnswers, replies: replies.filter(([of]) => of !== request), reply: done() };
  }

  #forget(isGone: (party: Party) => boolean): Answers {
    const forgotten: string[] = [];
    for (const [request, party] of this.#parties) {
      if (!isGone(party)) continue;
      this.#parties.delete(request);
      forgotten.push(request);
    }
    return { ...noAnswers, forgotten };
  }

  #remember(request: string): void {
    const released = this.#released.add(request);
    if (released.size <= keptReleases) return;
    for (const oldest of released) return void released.delete(oldest);
  }

  #refuses(account: string | undefined): string | undefined {
    const { maxWaiters, maxWaitersPerIdentity } = this.#limits;
    if (this.#parties.size >= maxWaiters) return `maxWaiters (${maxWaiters}) wait`;
    if (account === undefined) return undefined;
    let own = 0;
    for (const { account: of } of this.#parties.values()) if (of === account) own++;
    if (own < maxWaitersPerIdentity) return undefined;
    return `maxWaitersPerIdentity (${maxWaitersPerIdentity}) wait for this client`;
  }

  #release(reply: StructureReply): Answers {
    const replies = Array.from(this.#parties.keys(), (request) => [request, reply] as const);
    this.#parties.clear();
    return { ...noAnswers, replies };
  }
}
