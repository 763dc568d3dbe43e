import type { Timer } from "../../runtime/clock.ts";
import type {
  AddressClaim,
  ClientAddressRegistry,
} from "../../transport/endpoint/client_address_registry.ts";

/** Path of claims of client addresses. */
export const clientAddressPath = "/_cluster/clients";

/** Claims of one message. */
const maxClaims = 1_000;
const maxText = 600;
/** Milliseconds in which new claims travel together. */
const batchTime = 50;
/** Milliseconds that a new member waits for the claims that others know. */
const patience = 5_000;

/** Claims of client addresses, with the age of each in milliseconds. */
interface ClaimsMessage {
  readonly claims: readonly (readonly [address: string, holder: string, age: number])[];
  /** Whether the sender requests the claims that the receiver knows. */
  readonly want: boolean;
  /** Whether it is the last of a list. */
  readonly last: boolean;
}

/** Dependencies of a {@linkcode ClientAddressExchange}. */
export interface ClientAddressExchangePort {
  readonly registry: ClientAddressRegistry;
  /** Milliseconds on a monotonic clock. */
  now(): number;
  schedule(delay: number, task: () => void): Timer;
  /** Best effort. */
  send(to: string, message: ClaimsMessage): void;
  /** Ends the connections of a client whose address belongs to another. */
  disconnect(address: string): void;
}

/**
 * Spreads which certificates client addresses belong to, so that an address that was used at one
 * node cannot be taken at another. A new member asks all others, and accepts no unclaimed address
 * before they have answered or 5 s have passed.
 */
export class ClientAddressExchange {
  readonly #port: ClientAddressExchangePort;
  /** The other members, with their incarnations. */
  #members: ReadonlyMap<string, number> = new Map();
  #unreachable: ReadonlySet<string> = new Set();
  /** Members whose claims were requested and have not arrived. */
  readonly #awaited = new Set<string>();
  /** When this node became a member. */
  #joinedAt: number | undefined;
  #fresh: AddressClaim[] = [];
  #timer: Timer | undefined;

  constructor(port: ClientAddressExchangePort) {
    this.#port = port;
    port.registry.onClaim = (claim) => this.#onClaim(claim);
    port.registry.isComplete = () => this.#isComplete();
  }

  /** The other members with their incarnations, and the unreachable ones. */
  onMembers(
    members: ReadonlyMap<string, number>,
    unreachable: ReadonlySet<string>,
    isMember: boolean,
  ): void {
    const [before, lost] = [this.#members, this.#unreachable];
    this.#members = members;
    this.#unreachable = unreachable;
    for (const address of this.#awaited) if (!members.has(address)) this.#awaited.delete(address);
    const joins = isMember && this.#joinedAt === undefined;
    if (joins) this.#joinedAt = this.#port.now();
    if (!isMember) this.#joinedAt = undefined;
    for (const [address, incarnation] of members) {
      // Claims may have been lost while it was unreachable.
      const returns = lost.has(address) && !unreachable.has(address);
      if (joins || returns || (before.has(address) && before.get(address) !== incarnation)) {
        if (joins) this.#awaited.add(address);
        this.#sendAll(address, true);
      }
    }
  }

  /** Handles a message of another member. */
  receive(from: string, value: unknown): void {
    const message = parseClaims(value);
    if (message === undefined) return;
    const { registry, now, disconnect } = this.#port;
    const at = now();
    for (const [address, holder, age] of message.claims) {
      if (registry.learn({ address, holder, since: at - age })) disconnect(address);
    }
    if (message.last) this.#awaited.delete(from);
    if (message.want) this.#sendAll(from, false);
  }

  /** Sends nothing more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #isComplete(): boolean {
    if (this.#joinedAt === undefined) return false;
    for (const address of this.#awaited) {
      if (!this.#unreachable.has(address)) return this.#port.now() - this.#joinedAt >= patience;
    }
    return true;
  }

  #onClaim(claim: AddressClaim): void {
    this.#fresh.push(claim);
    this.#timer ??= this.#port.schedule(batchTime, () => {
      this.#timer = undefined;
      const fresh = this.#fresh.splice(0);
      for (const to of this.#members.keys()) this.#send(to, fresh, false);
    });
  }

  #sendAll(to: string, want: boolean): void {
    this.#send(to, [...this.#port.registry.claims()], want);
  }

  #send(to: string, claims: readonly AddressClaim[], want: boolean): void {
    const now = this.#port.now();
    let first = 0;
    do {
      const part = claims.slice(first, first += maxClaims);
      const last = first >= claims.length;
      this.#port.send(to, {
        claims: part.map(({ address, holder, since }) => [address, holder, now - since]),
        want: want && last,
        last,
      });
    } while (first < claims.length);
  }
}

function parseClaims(value: unknown): ClaimsMessage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { claims, want, last } = value as Record<string, unknown>;
  if (typeof want !== "boolean" || typeof last !== "boolean") return undefined;
  if (!Array.isArray(claims) || claims.length > maxClaims || !claims.every(isClaim)) {
    return undefined;
  }
  return { claims, want, last };
}

function isClaim(value: unknown): value is ClaimsMessage["claims"][number] {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [address, holder, age] = value;
  return isText(address) && address.startsWith("client:") && isText(holder) &&
    typeof age === "number" && age >= 0 && age < Infinity;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxText;
}
