import type { ActorContext } from "../actor/behavior/context.ts";
import { accountOf } from "../transport/base/peer.ts";
import { Tally } from "../transport/base/tally.ts";
import { rules } from "../runtime/rules.ts";
import { refused, type StructureReply } from "./structure_reply.ts";
import type { StructureKind } from "./structure_kind.ts";
import type { StructureLimits } from "./structure_limits.ts";
import type { StructureMessage } from "./structure_protocol.ts";

/** Milliseconds without an operation after which a structure that has nothing to keep stops. */
export const idleTime = 120_000;

/** What all structures of a group have at one node. */
export class StructureHost {
  readonly limits: StructureLimits;
  readonly onOperation: (kind: StructureKind, operation: string) => void;
  readonly #byAccount = new Map<string, number>();
  readonly #memory = new Tally();
  #structures = 0;
  #grants = 0;

  /** `onOperation` is called for each operation of a structure. */
  constructor(
    limits: StructureLimits,
    onOperation: (kind: StructureKind, operation: string) => void = () => {},
  ) {
    this.limits = limits;
    this.onOperation = onOperation;
  }

  /** Structures that run here. */
  get structures(): number {
    return this.#structures;
  }

  /**
   * The next fencing token. Of one epoch only this node makes tokens, and counts them; of a later epoch
   * all are higher.
   */
  nextToken(epoch: number): bigint {
    const count = BigInt(++this.#grants);
    return rules.tokensGrowWithEpochs ? (BigInt(epoch) << 40n) | count : count;
  }

  /** One more structure for an account, undefined for that of members; or why there may be none. */
  add(account: string | undefined): StructureReply | undefined {
    const { maxStructures, maxStructuresPerIdentity } = this.limits;
    const own = account === undefined ? 0 : this.#byAccount.get(account) ?? 0;
    const why = this.#structures >= maxStructures
      ? `maxStructures (${maxStructures}) run at this node`
      : own >= maxStructuresPerIdentity
      ? `maxStructuresPerIdentity (${maxStructuresPerIdentity}) run for this client at this node`
      : undefined;
    if (why !== undefined) return refused("tooManyStructures", why);
    this.#structures++;
    if (account !== undefined) this.#byAccount.set(account, own + 1);
  }

  /** Structures of an account take more memory, or less. */
  charge(account: string, bytes: number): void {
    this.#memory.add(account, bytes);
  }

  /** Why structures of an account may not take more memory. */
  refusesMore(account: string): StructureReply | undefined {
    const { maxBytesPerIdentity } = this.limits;
    if (this.#memory.of(account) < maxBytesPerIdentity) return undefined;
    const why = `structures of this client have maxBytesPerIdentity (${maxBytesPerIdentity})`;
    return refused("structureFull", why);
  }

  /** One less. */
  remove(account: string | undefined): void {
    this.#structures--;
    if (account === undefined) return;
    const own = this.#byAccount.get(account)! - 1;
    if (own === 0) this.#byAccount.delete(account);
    else this.#byAccount.set(account, own);
  }
}

/** Counts one structure, from its first operation on. */
export class CountedStructure {
  readonly #host: StructureHost;
  #counted: { readonly account: string | undefined } | undefined;
  #memory = 0;

  constructor(host: StructureHost) {
    this.#host = host;
  }

  /** Whether it is counted: it has had an operation. */
  get isCounted(): boolean {
    return this.#counted !== undefined;
  }

  /** Why the structure may not be. */
  refuses(context: ActorContext<StructureMessage>): StructureReply | undefined {
    if (this.#counted !== undefined) return undefined;
    const account = accountOfSender(context);
    const reply = this.#host.add(account);
    if (reply === undefined) {
      this.#counted = { account };
      if (account !== undefined) this.#host.charge(account, this.#memory);
    }
    return reply;
  }

  /** Why it may not take more memory. */
  refusesMore(): StructureReply | undefined {
    const account = this.#counted?.account;
    return account === undefined ? undefined : this.#host.refusesMore(account);
  }

  /** Its content takes so many bytes now. */
  set memory(bytes: number) {
    const account = this.#counted?.account;
    if (account !== undefined) this.#host.charge(account, bytes - this.#memory);
    this.#memory = bytes;
  }

  /** It ends. */
  end(): void {
    this.memory = 0;
    if (this.#counted !== undefined) this.#host.remove(this.#counted.account);
    this.#counted = undefined;
  }
}

/** What the work of the sender of the message at hand is counted for. Undefined: a member. */
export function accountOfSender({ sender }: ActorContext<StructureMessage>): string | undefined {
  return sender === undefined ? undefined : accountOf(sender);
}
