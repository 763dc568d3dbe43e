/**
 * Which nodes a client listens to, and when it turns to others. Pure: `step` takes an event and
 * the time, and gives effects.
 *
 * The client listens to two members, where there are two, so that the loss of one leaves no gap. It
 * knows the contact points that it was given and the members that it has heard of; what fails
 * rests, longer each time and with chance in it (full jitter: Brooker, AWS 2015), and nothing is
 * ever given up for good.
 *
 * @module
 */
import type { ClientState } from "./client_state.ts";
import { type Contact, pauseAfter } from "./contact.ts";
import { type ContactTiming, defaultContactTiming } from "./contact_timing.ts";

/** What happens to a client's contacts. `random` is in [0, 1). */
export type ContactEvent =
  /** The contact points are these, from now on. */
  | { readonly type: "points"; readonly addresses: readonly string[]; readonly random: number }
  /** A node has answered; `asked` is the name under which it was asked. */
  | {
    readonly type: "answer";
    readonly from: string;
    readonly asked: string;
    readonly draining: boolean;
  }
  /** Members that are up and can be reached, as one of the contacts says. */
  | { readonly type: "members"; readonly members: readonly string[] }
  /** Nothing leads to this address at present. */
  | { readonly type: "lost"; readonly address: string; readonly random: number }
  | { readonly type: "tick"; readonly random: number }
  | { readonly type: "close" };

/** What a client's contacts want done. */
export type ContactEffect =
  | { readonly type: "subscribe"; readonly to: string }
  | { readonly type: "unsubscribe"; readonly to: string }
  /** The node has been silent for too long: what leads to it is of no use. */
  | { readonly type: "disconnect"; readonly to: string }
  /** Find out anew what the contact points are. */
  | { readonly type: "resolve" }
  | { readonly type: "state"; readonly state: ClientState };

/** Members beyond these are not remembered as contacts. */
const maxLearned = 1_000;

/** See the module's text. */
export class Contacts {
  readonly #timing: ContactTiming;
  readonly #contacts = new Map<string, Contact>();
  #points: readonly string[] = [];
  #members: readonly string[] = [];
  #state: ClientState = "connecting";
  #cursor = -1;
  #resolvedAt = -Infinity;
  /** Something has failed since there were enough. */
  #hurt = false;
  #effects: ContactEffect[] = [];

  /** Knows nobody yet. */
  constructor(timing: Partial<ContactTiming> = {}) {
    const { refreshInterval, answerTimeout, ...rest } = { ...defaultContactTiming, ...timing };
    // Who is asked less often than it may be silent would be given up while all is well.
    this.#timing = {
      ...rest,
      refreshInterval: Math.min(refreshInterval, rest.liveness / 3),
      answerTimeout: Math.min(answerTimeout, rest.liveness),
    };
  }

  /** How things stand. */
  get state(): ClientState {
    return this.#state;
  }

  /** Nodes that the client listens to, those first that are to stay. */
  get subscribed(): readonly string[] {
    const all = [...this.#contacts.values()].filter(({ phase }) => phase === "subscribed");
    return all.sort((a, b) => Number(a.draining) - Number(b.draining) || a.since - b.since)
      .map(({ address }) => address);
  }

  /** The node to turn to for anything else; undefined if none answers at present. */
  get current(): string | undefined {
    return this.subscribed[0];
  }

  /** Takes one event; answers what is to be done. */
  step(event: ContactEvent, now: number): readonly ContactEffect[] {
    this.#effects = [];
    if (this.#state === "closed") return this.#effects;
    this.#take(event, now);
    if (event.type === "close") return this.#effects;
    this.#fill(now);
    this.#dismiss();
    this.#judge();
    return this.#effects;
  }

  #take(event: ContactEvent, now: number): void {
    switch (event.type) {
      case "points":
        return this.#onPoints(event.addresses, event.random, now);
      case "answer":
        return this.#onAnswer(event.from, event.asked, event.draining, now);
      case "members":
        return this.#onMembers(event.members);
      case "lost": {
        const contact = this.#contacts.get(event.address);
        if (contact !== undefined) this.#fail(contact, event.random, now);
        return;
      }
      case "tick":
        return this.#onTick(event.random, now);
      case "close":
        for (const to of this.subscribed) this.#effects.push({ type: "unsubscribe", to });
        this.#become("closed");
    }
  }

  #onPoints(addresses: readonly string[], random: number, now: number): void {
    // Clients that were given the same list must not all begin with the same node.
    if (this.#cursor < 0) this.#cursor = Math.floor(random * addresses.length) - 1;
    this.#points = addresses;
    this.#resolvedAt = now;
    for (const address of addresses) this.#contact(address);
    this.#forgetStrangers();
  }

  #onAnswer(from: string, asked: string, draining: boolean, now: number): void {
    const point = this.#contacts.get(asked);
    if (point !== undefined && asked !== from) {
      // A contact point may be another name of a member: the member's own counts from here on.
      point.alias = from;
      point.phase = "idle";
      point.failures = 0;
    }
    const contact = this.#contact(from);
    if (contact.phase !== "subscribed") contact.since = now;
    contact.phase = "subscribed";
    contact.askedAt = Math.max(contact.askedAt, point?.askedAt ?? 0);
    contact.answeredAt = now;
    contact.failures = 0;
    contact.draining = draining;
  }

  #onMembers(members: readonly string[]): void {
    this.#members = members;
    for (const address of members.slice(0, maxLearned)) this.#contact(address);
    this.#forgetStrangers();
  }

  #onTick(random: number, now: number): void {
    const { answerTimeout, refreshInterval, liveness } = this.#timing;
    for (const contact of [...this.#contacts.values()]) {
      if (contact.phase === "asked" && now - contact.askedAt >= answerTimeout) {
        this.#fail(contact, random, now);
      } else if (contact.phase !== "subscribed") continue;
      else if (now - contact.answeredAt >= liveness) {
        this.#effects.push({ type: "disconnect", to: contact.address });
        this.#fail(contact, random, now);
      } else if (now - contact.askedAt >= refreshInterval) this.#ask(contact, now);
    }
  }

  #fail(contact: Contact, random: number, now: number): void {
    for (const other of this.#contacts.values()) {
      if (other.alias === contact.address) other.alias = undefined;
    }
    if (contact.phase === "idle" || contact.phase === "resting") return;
    this.#hurt = true;
    contact.failures++;
    contact.draining = false;
    contact.phase = "resting";
    contact.restUntil = now + pauseAfter(contact.failures, random, this.#timing);
  }

  /** Turns to as many nodes as it takes until enough listen or are asked. */
  #fill(now: number): void {
    const candidates = this.#candidates();
    let active = [...this.#contacts.values()].filter(isActive).length;
    for (let tried = 0; tried < candidates.length && active < this.#wanted; tried++) {
      const index = (this.#cursor + 1 + tried) % candidates.length;
      const contact = candidates[index]!;
      if (!this.#isFree(contact, now)) continue;
      this.#cursor = index;
      tried = -1;
      this.#ask(contact, now);
      active++;
    }
    const { refreshInterval } = this.#timing;
    if (active === 0 && now - this.#resolvedAt >= refreshInterval) {
      this.#resolvedAt = now;
      this.#effects.push({ type: "resolve" });
    }
  }

  /** Those who answer say who is there; only when nobody does, every name is worth a try. */
  #candidates(): readonly Contact[] {
    const listening = [...this.#contacts.values()].some(({ phase }) => phase === "subscribed");
    const addresses = listening ? this.#members : new Set([...this.#points, ...this.#members]);
    return [...addresses].flatMap((address) => this.#contacts.get(address) ?? []);
  }

  #isFree(contact: Contact, now: number): boolean {
    const { alias, phase, restUntil } = contact;
    const known = alias === undefined ? undefined : this.#contacts.get(alias);
    if (known !== undefined && (isActive(known) || known.draining)) return false;
    if (contact.draining) return false;
    return phase === "idle" || (phase === "resting" && now >= restUntil);
  }

  #ask(contact: Contact, now: number): void {
    contact.askedAt = now;
    if (contact.phase !== "subscribed") contact.phase = "asked";
    this.#effects.push({ type: "subscribe", to: contact.address });
  }

  /** Those who leave are let go when enough others listen; so are those too many. */
  #dismiss(): void {
    const all = this.subscribed;
    const staying = all.filter((address) => !this.#contacts.get(address)!.draining);
    if (staying.length < this.#wanted) return;
    for (const to of all) {
      if (staying.indexOf(to) >= 0 && staying.indexOf(to) < this.#wanted) continue;
      this.#contacts.get(to)!.phase = "idle";
      this.#effects.push({ type: "unsubscribe", to });
    }
  }

  get #wanted(): number {
    const { contacts } = this.#timing;
    return this.#members.length === 0 ? contacts : Math.min(contacts, this.#members.length);
  }

  #judge(): void {
    const listening = this.subscribed.length;
    if (listening >= this.#wanted) {
      this.#hurt = false;
      return this.#become("connected");
    }
    if (listening === 0) {
      return this.#become(this.#state === "connecting" ? "connecting" : "reconnecting");
    }
    // The second takes a moment after the first; that is nothing to worry about.
    const active = [...this.#contacts.values()].filter(isActive).length;
    this.#become(active >= this.#wanted && !this.#hurt ? "connected" : "degraded");
  }

  #become(state: ClientState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#effects.push({ type: "state", state });
  }

  #contact(address: string): Contact {
    let contact = this.#contacts.get(address);
    if (contact === undefined) {
      contact = {
        address,
        phase: "idle",
        since: 0,
        askedAt: 0,
        answeredAt: 0,
        failures: 0,
        restUntil: 0,
        draining: false,
        alias: undefined,
      };
      this.#contacts.set(address, contact);
    }
    return contact;
  }

  #forgetStrangers(): void {
    const known = new Set([...this.#points, ...this.#members]);
    for (const [address, { phase }] of this.#contacts) {
      if (!known.has(address) && phase !== "subscribed" && phase !== "asked") {
        this.#contacts.delete(address);
      }
    }
  }
}

function isActive({ phase, draining }: Contact): boolean {
  return phase === "asked" || (phase === "subscribed" && !draining);
}
