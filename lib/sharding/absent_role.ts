import { isAlive, type Member } from "../membership/state/member.ts";

/** Milliseconds for which a role may be absent before it is logged: clusters form, and nodes restart. */
const absentGrace = 10_000;

/**
 * The role of the nodes that run a type, while no member has it: none of its entities runs then, and
 * messages for them wait. The role may be misspelled, or its nodes are not there yet.
 */
export class AbsentRole {
  readonly #role: string | undefined;
  #since: number | undefined;
  #told = false;

  /** `undefined`: any node may run it. */
  constructor(role: string | undefined) {
    this.#role = role;
  }

  /** What is absent, as text; undefined: nothing. */
  explain(members: readonly Member[]): string | undefined {
    const role = this.#role;
    const isPresent = (member: Member) => isAlive(member) && member.roles.includes(role!);
    if (role === undefined || members.some(isPresent)) return undefined;
    return `no member has the role "${role}"`;
  }

  /** Whether the absence is to be logged now: once, when it has lasted for a while. */
  note(members: readonly Member[], now: number): boolean {
    if (this.explain(members) === undefined) {
      this.#since = undefined;
      this.#told = false;
      return false;
    }
    this.#since ??= now;
    if (this.#told || now - this.#since < absentGrace) return false;
    return this.#told = true;
  }
}
