/**
 * Which node a client listens to, and when it turns to another. Pure: `step` takes an event and
 * the time, and gives effects.
 *
 * @module
 */

/** What happens to a client's contact. */
export type ContactEvent =
  | { readonly type: "start" }
  | { readonly type: "topology"; readonly from: string; readonly members: readonly string[] }
  /** Something sent to this address was lost, or its connection has ended. */
  | { readonly type: "lost"; readonly address: string }
  | { readonly type: "tick" };

/** What a client's contact wants done. */
export type ContactEffect =
  | { readonly type: "subscribe"; readonly to: string }
  | { readonly type: "connected" }
  | { readonly type: "disconnected" };

/** Timing, milliseconds. */
export interface ContactTiming {
  /** Until a contact that does not answer is given up. Default 3 000. */
  readonly answerTimeout: number;
  /** Between two requests to the contact that answers. Default 3 000. */
  readonly refreshInterval: number;
  /** Silence after which the contact is given up. Default 10 000. */
  readonly liveness: number;
  /** Pause after all contacts have failed once; doubles up to ten times as much. Default 200. */
  readonly pause: number;
}

/** The defaults of {@linkcode ContactTiming}. */
export const defaultContactTiming: ContactTiming = {
  answerTimeout: 3_000,
  refreshInterval: 3_000,
  liveness: 10_000,
  pause: 200,
};

/** See the module's text. */
export class Contacts {
  readonly #static: readonly string[];
  readonly #timing: ContactTiming;
  #learned: readonly string[] = [];
  #index = -1;
  #failures = 0;
  #connected = false;
  /** When the current contact was first asked, and when it last answered. */
  #askedAt = 0;
  #heardAt = 0;
  #resumeAt: number | undefined;

  /** `contactPoints` are addresses, at least one. */
  constructor(contactPoints: readonly string[], timing: ContactTiming = defaultContactTiming) {
    this.#static = contactPoints;
    this.#timing = timing;
  }

  /** The address that the client listens to or tries. */
  get current(): string {
    return this.#known()[Math.max(0, this.#index)]!;
  }

  /** Whether the current contact has answered. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Takes one event; answers what is to be done. */
  step(event: ContactEvent, now: number): readonly ContactEffect[] {
    switch (event.type) {
      case "start":
        return this.#next(now);
      case "topology":
        return this.#onTopology(event.from, event.members, now);
      case "lost":
        return event.address === this.current && this.#resumeAt === undefined
          ? this.#fail(now)
          : [];
      case "tick":
        return this.#onTick(now);
    }
  }

  #onTopology(
    from: string,
    members: readonly string[],
    now: number,
  ): readonly ContactEffect[] {
    // The first answer names the contact as the cluster does; a contact point may be an alias.
    const contact = this.#connected ? this.current : from;
    this.#learned = members.filter((member) => !this.#static.includes(member));
    if (!this.#known().includes(contact)) this.#learned = [...this.#learned, contact];
    this.#index = this.#known().indexOf(contact);
    if (from === contact) this.#heardAt = now;
    this.#failures = 0;
    this.#resumeAt = undefined;
    if (this.#connected) return [];
    this.#connected = true;
    return [{ type: "connected" }];
  }

  #onTick(now: number): readonly ContactEffect[] {
    if (this.#resumeAt !== undefined) return now >= this.#resumeAt ? this.#next(now) : [];
    const { answerTimeout, refreshInterval, liveness } = this.#timing;
    if (!this.#connected) return now - this.#askedAt >= answerTimeout ? this.#fail(now) : [];
    if (now - this.#heardAt >= liveness) return this.#fail(now);
    if (now - this.#askedAt < refreshInterval) return [];
    this.#askedAt = now;
    return [{ type: "subscribe", to: this.current }];
  }

  #fail(now: number): readonly ContactEffect[] {
    const effects: ContactEffect[] = this.#connected ? [{ type: "disconnected" }] : [];
    this.#connected = false;
    this.#failures++;
    const rounds = Math.floor(this.#failures / this.#known().length);
    if (rounds === 0 || this.#failures % this.#known().length !== 0) {
      return [...effects, ...this.#next(now)];
    }
    this.#resumeAt = now + Math.min(10, 2 ** (rounds - 1)) * this.#timing.pause;
    return effects;
  }

  #next(now: number): readonly ContactEffect[] {
    this.#resumeAt = undefined;
    this.#index = (this.#index + 1) % this.#known().length;
    this.#askedAt = now;
    this.#heardAt = now;
    return [{ type: "subscribe", to: this.current }];
  }

  #known(): readonly string[] {
    return [...this.#static, ...this.#learned];
  }
}
