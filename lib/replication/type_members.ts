/**
 * Which members run a type, as far as a node knows. Each node that runs it tells all members, and owns no
 * shard before all of them have answered.
 *
 * Invariant: of two nodes that run a type, each knows the other, or will know what the other knows of how
 * shards began, before it decides about any: each answers what it is told, and counts its sender from then
 * on (I7 in `docs/replication_protocol.md`). Pure.
 *
 * @module
 */
import type { Member } from "../membership/state/member.ts";

/** What a node has said of a type. */
interface Said {
  readonly incarnation: number;
  readonly runs: boolean;
  readonly retiring: boolean;
  /** It has answered what this node has told. */
  readonly answered: boolean;
}

/** A member, as far as it matters here. */
export type TypeMember = Pick<Member, "address" | "incarnation" | "status" | "zone">;

/** See the module's text. */
export class TypeMembers {
  readonly #self: string;
  /** False: the node is of a version without replication. Undefined: not known. */
  readonly #replicates: (address: string) => boolean | undefined;
  readonly #said = new Map<string, Said>();
  #members: readonly TypeMember[] = [];

  constructor(self: string, replicates: (address: string) => boolean | undefined) {
    this.#self = self;
    this.#replicates = replicates;
  }

  /** The members have changed. */
  onView(members: readonly TypeMember[]): void {
    this.#members = members.filter(({ status }) => status !== "down" && status !== "removed");
    for (const [address, { incarnation }] of this.#said) {
      const member = this.#members.find((each) => each.address === address);
      if (member?.incarnation !== incarnation) this.#said.delete(address);
    }
  }

  /** A node has said whether it runs the type. True: that is news. */
  heard(
    address: string,
    incarnation: number,
    { runs, retiring, isAnswer }: {
      readonly runs: boolean;
      readonly retiring: boolean;
      readonly isAnswer: boolean;
    },
  ): boolean {
    const before = this.#said.get(address);
    if (before !== undefined && before.incarnation > incarnation) return false;
    const known = before?.incarnation === incarnation ? before : undefined;
    const answered = isAnswer || (known?.answered ?? false);
    this.#said.set(address, { incarnation, runs, retiring, answered });
    return known?.runs !== runs || known.retiring !== retiring || known.answered !== answered;
  }

  /** Whether a node is a member: not declared down, and not gone after it has left. */
  has(address: string): boolean {
    return this.#members.some((member) => member.address === address);
  }

  /** Whether a member has said that it runs the type, so that it can have copies. */
  runs(address: string): boolean {
    return this.#said.get(address)?.runs === true;
  }

  /** Members that have not answered yet. */
  get unanswered(): readonly string[] {
    return this.#others()
      .filter(({ address }) => this.#said.get(address)?.answered !== true)
      .map(({ address }) => address);
  }

  /** Members that run the type, or may run it. */
  get running(): readonly string[] {
    return this.#others()
      .filter(({ address }) => this.#said.get(address)?.runs !== false)
      .map(({ address }) => address);
  }

  /** Members that can be given copies. This node, if it runs the type, is `self`. */
  able(self: { readonly runs: boolean; readonly retiring: boolean }): readonly TypeMember[] {
    return this.#members.filter(({ address, status }) => {
      if (status !== "up") return false;
      const said = address === this.#self ? self : this.#said.get(address);
      return said?.runs === true && !said.retiring;
    });
  }

  #others(): TypeMember[] {
    return this.#members.filter(({ address }) =>
      address !== this.#self && this.#replicates(address) !== false
    );
  }
}
