/**
 * Who has told this node what about another member. Gossip is relayed and not signed, so a member can
 * put any word into the mouth of another; but the connection proves who speaks. So only speakers are
 * counted, each once.
 *
 * @module
 */

/** What one speaker claims: when it has said so first and last. */
interface Claim {
  readonly since: number;
  at: number;
}

/** What a claim is about. */
export type ClaimKind =
  /** This incarnation of the member has ended. */
  | "ended"
  /** It leaves by its own decision. */
  | "leaves"
  /** It has a vote. */
  | "votes"
  /** There is such a member. */
  | "exists";

/** How long a claim counts, milliseconds: it is repeated in each gossip round while states differ. */
const claimLifetime = 30_000;
/** Claims of one speaker that are kept. */
const maxClaimsPerSpeaker = 2_000;
/** Between two removals of expired claims, milliseconds. */
const sweepInterval = 1_000;

/** See the module's text. Times in milliseconds. */
export class Claims {
  readonly #claims = new Map<string, Map<string, Claim>>();
  /** How many claims of each speaker are kept. */
  readonly #counts = new Map<string, number>();
  #sweepAt = 0;

  /** Notes a claim. Returns how many speakers make it, and since when this one does. */
  tell(
    kind: ClaimKind,
    address: string,
    incarnation: number,
    speaker: string,
    now: number,
  ): { readonly speakers: number; readonly since: number } {
    this.#sweep(now);
    const key = keyOf(kind, address, incarnation);
    const claims = this.#claims.get(key) ?? new Map<string, Claim>();
    const known = claims.get(speaker);
    if (known !== undefined) {
      known.at = now;
      return { speakers: claims.size, since: known.since };
    }
    const count = this.#counts.get(speaker) ?? 0;
    if (count >= maxClaimsPerSpeaker) return { speakers: claims.size, since: now };
    this.#counts.set(speaker, count + 1);
    claims.set(speaker, { since: now, at: now });
    this.#claims.set(key, claims);
    return { speakers: claims.size, since: now };
  }

  /** Whether any speaker makes a claim. */
  has(kind: ClaimKind, address: string, incarnation: number): boolean {
    return this.#claims.has(keyOf(kind, address, incarnation));
  }

  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + sweepInterval;
    for (const [key, claims] of this.#claims) {
      for (const [speaker, { at }] of claims) {
        if (now - at < claimLifetime) continue;
        claims.delete(speaker);
        const rest = this.#counts.get(speaker)! - 1;
        if (rest > 0) this.#counts.set(speaker, rest);
        else this.#counts.delete(speaker);
      }
      if (claims.size === 0) this.#claims.delete(key);
    }
  }
}

function keyOf(kind: ClaimKind, address: string, incarnation: number): string {
  return `${kind} ${incarnation} ${address}`;
}
