/**
 * To which nodes a client subscribes, and when it changes to others. Pure: `step` takes an event
 * and the time, and returns effects.
 *
 * The client subscribes to two members, if there are two, so that the loss of one leaves no gap. It
 * knows its contact points and the members of the latest topology. A node that fails is tried again
 * after a back-off with full jitter (Brooker, AWS 2015); retries never end.
 *
 * @module
 */
import type { ClientState } from "./client_state.ts";
import { type Contact, pauseAfter } from "./contact.ts";
import { type ContactTiming, defaultContactTiming } from "./contact_timing.ts";

/** Input of {@linkcode Contacts}. `random` is in [0, 1). */
export type ContactEvent =
  /** The contact points are these, from now on. */
  | { readonly type: "points"; readonly addresses: readonly string[]; readonly random: number }
  /** A node has answered; `asked` is the address to which the request was sent. */
  | {
    readonly type: "answer";
    readonly from: string;
    readonly asked: string;
    readonly draining: boolean;
    /** The members, if no topology has come before. */
    readonly members?: readonly string[];
  }
  /** Members that are up and can be reached, as a topology says. */
  | { readonly type: "members"; readonly members: readonly string[] }
  /** The address cannot be reached. */
  | { readonly type: "lost"; readonly address: string; readonly random: number }
  /** This client stood still for so many milliseconds: no node was silent meanwhile. */
  | { readonly type: "lag"; readonly ms: number }
  | { readonly type: "tick"; readonly random: number }
  | { readonly type: "close" };

/** Output of {@linkcode Contacts}. */
export type ContactEffect =
  | { readonly type: "subscribe"; readonly to: string }
  | { readonly type: "unsubscribe"; readonly to: string }
  /**
   * The node was silent for too long. Its event loop may stand still, or its connection may be dead:
   * the connection is kept until another has opened or the transport ends it.
   */
  | { readonly type: "silent"; readonly to: string }
  /** Resolve the contact points again. */
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
  #effects: ContactEffect[] = [];

  constructor(timing: Partial<ContactTiming> = {}) {
    const { refreshInterval, answerTimeout, ...rest } = { ...defaultContactTiming, ...timing };
    // A refresh after the liveness timeout would end subscriptions that work.
    this.#timing = {
      ...rest,
      refreshInterval: Math.min(refreshInterval, rest.liveness / 3),
      answerTimeout: Math.min(answerTimeout, rest.liveness),
    };
  }

  /** The state of the client. */
  get state(): ClientState {
    return this.#state;
  }

  /** Nodes that the client is subscribed to, draining ones last. */
  get subscribed(): readonly string[] {
    const all = [...this.#contacts.values()].filter(({ phase }) => phase === "subscribed");
    return all.sort((a, b) => Number(a.draining) - Number(b.draining) || a.since - b.since)
      .map(({ address }) => address);
  }

  /** The node for relayed messages; undefined if none answers. */
  get current(): string | undefined {
    return this.subscribed[0];
  }

  /** Handles one event. */
  step(event: ContactEvent, now: number): readonly ContactEffect[] {
    this.#effects = [];
    if (this.#state === "closed") return this.#effects;
    this.#handle(event, now);
    if (event.type === "close") return this.#effects;
    this.#fill(now);
    this.#unsubscribe();
    this.#updateState();
    return this.#effects;
  }

  #handle(event: ContactEvent, now: number): void {
    switch (event.type) {
      case "points":
        return this.#onPoints(event.addresses, event.random, now);
      case "answer":
        this.#onAnswer(event.from, event.asked, event.draining, now);
        if (event.members !== undefined) this.#onMembers(event.members);
        return;
      case "members":
        return this.#onMembers(event.members);
      case "lost": {
        const contact = this.#contacts.get(event.address);
        if (contact !== undefined) this.#fail(contact, event.random, now);
        return;
      }
      case "lag":
        return this.#onLag(event.ms);
      case "tick":
        return this.#onTick(event.random, now);
      case "close":
        for (const to of this.subscribed) this.#effects.push({ type: "unsubscribe", to });
        this.#become("closed");
    }
  }

  #onPoints(addresses: readonly string[], random: number, now: number): void {
    // Clients with the same list must not all start with the same node.
    if (this.#cursor < 0) this.#cursor = Math.floor(random * addresses.length) - 1;
    this.#points = addresses;
    this.#resolvedAt = now;
    for (const address of addresses) this.#contact(address);
    this.#forgetUnknown();
  }

  #onAnswer(from: string, asked: string, draining: boolean, now: number): void {
    const point = this.#contacts.get(asked);
    if (point !== undefined && asked !== from) {
      // A contact point may be an alias of a member: use the member's own address from now on.
      point.alias = from;
      point.phase = "idle";
      point.failures = 0;
    }
    const contact = this.#contact(from);
    if (contact.phase !== "subscribed") contact.since = now;
    contact.phase = "subscribed";
    contact.requestedAt = Math.max(contact.requestedAt, point?.requestedAt ?? 0);
    contact.answeredAt = now;
    contact.failures = 0;
    contact.draining = draining;
  }

  #onMembers(members: readonly string[]): void {
    this.#members = members;
    for (const address of members.slice(0, maxLearned)) this.#contact(address);
    this.#forgetUnknown();
  }

  #onLag(ms: number): void {
    for (const contact of this.#contacts.values()) {
      contact.answeredAt += ms;
      contact.requestedAt += ms;
    }
  }

  #onTick(random: number, now: number): void {
    const { answerTimeout, refreshInterval, liveness } = this.#timing;
    for (const contact of [...this.#contacts.values()]) {
      if (contact.phase === "requested" && now - contact.requestedAt >= answerTimeout) {
        this.#fail(contact, random, now);
      } else if (contact.phase !== "subscribed") continue;
      else if (now - contact.answeredAt >= liveness) {
        this.#effects.push({ type: "silent", to: contact.address });
        this.#fail(contact, random, now);
      } else if (now - contact.requestedAt >= refreshInterval) this.#request(contact, now);
    }
  }

  #fail(contact: Contact, random: number, now: number): void {
    for (const other of this.#contacts.values()) {
      if (other.alias === contact.address) other.alias = undefined;
    }
    // It has left: what runs there next does not.
    contact.draining = false;
    if (contact.phase === "idle" || contact.phase === "backingOff") return;
    contact.failures++;
    contact.phase = "backingOff";
    contact.backOffUntil = now + pauseAfter(contact.failures, random, this.#timing);
  }

  /** Requests subscriptions until there are enough. */
  #fill(now: number): void {
    const candidates = this.#candidates();
    let active = [...this.#contacts.values()].filter(isActive).length;
    for (let tried = 0; tried < candidates.length && active < this.#wanted; tried++) {
      const index = (this.#cursor + 1 + tried) % candidates.length;
      const contact = candidates[index]!;
      if (!this.#isFree(contact, now)) continue;
      this.#cursor = index;
      tried = -1;
      this.#request(contact, now);
      active++;
    }
    const { refreshInterval } = this.#timing;
    if (active === 0 && now - this.#resolvedAt >= refreshInterval) {
      this.#resolvedAt = now;
      this.#effects.push({ type: "resolve" });
    }
  }

  /** The members of the topology while one is subscribed that stays; otherwise contact points, too. */
  #candidates(): readonly Contact[] {
    const isSubscribed = [...this.#contacts.values()]
      .some(({ phase, draining }) => phase === "subscribed" && !draining);
    const addresses = isSubscribed ? this.#members : new Set([...this.#points, ...this.#members]);
    return [...addresses].flatMap((address) => this.#contacts.get(address) ?? []);
  }

  #isFree(contact: Contact, now: number): boolean {
    const { alias, phase, backOffUntil } = contact;
    const known = alias === undefined ? undefined : this.#contacts.get(alias);
    if (known !== undefined && (isActive(known) || known.draining)) return false;
    if (contact.draining) return false;
    return phase === "idle" || (phase === "backingOff" && now >= backOffUntil);
  }

  #request(contact: Contact, now: number): void {
    contact.requestedAt = now;
    if (contact.phase !== "subscribed") contact.phase = "requested";
    this.#effects.push({ type: "subscribe", to: contact.address });
  }

  /** Ends subscriptions to leaving nodes when there are enough others, and superfluous ones. */
  #unsubscribe(): void {
    const all = this.subscribed;
    const lasting = all.filter((address) => !this.#contacts.get(address)!.draining);
    if (lasting.length < this.#wanted) return;
    for (const to of all) {
      if (lasting.indexOf(to) >= 0 && lasting.indexOf(to) < this.#wanted) continue;
      this.#contacts.get(to)!.phase = "idle";
      this.#effects.push({ type: "unsubscribe", to });
    }
  }

  get #wanted(): number {
    const { contacts } = this.#timing;
    return this.#members.length === 0 ? contacts : Math.min(contacts, this.#members.length);
  }

  #updateState(): void {
    const subscribed = this.subscribed.length;
    if (subscribed >= this.#wanted) return this.#become("connected");
    if (subscribed > 0) return this.#become("degraded");
    this.#become(this.#state === "connecting" ? "connecting" : "reconnecting");
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
        requestedAt: 0,
        answeredAt: 0,
        failures: 0,
        backOffUntil: 0,
        draining: false,
        alias: undefined,
      };
      this.#contacts.set(address, contact);
    }
    return contact;
  }

  #forgetUnknown(): void {
    const known = new Set([...this.#points, ...this.#members]);
    for (const [address, { phase }] of this.#contacts) {
      if (!known.has(address) && phase !== "subscribed" && phase !== "requested") {
        this.#contacts.delete(address);
      }
    }
  }
}

function isActive({ phase, draining }: Contact): boolean {
  return phase === "requested" || (phase === "subscribed" && !draining);
}
