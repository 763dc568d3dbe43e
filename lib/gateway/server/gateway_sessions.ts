import { type Random, randomId } from "../../runtime/random.ts";
import type { TopicSubscription } from "../../topics/topic_subscription.ts";
import type { GatewayPrincipal } from "../api/gateway_api.ts";
import type { SessionTicket } from "../protocol/frames.ts";
import { ServerSession, type ServerSessionLimits } from "../session/server_session.ts";
import type { PrincipalAccount, Principals } from "./principals.ts";
import type { ClientConnection } from "./gateway_socket.ts";
import { sameSecret } from "./same_secret.ts";

/** A session with what belongs to it at a gateway. */
export interface HeldSession {
  readonly id: string;
  readonly secret: string;
  readonly principal: GatewayPrincipal;
  readonly account: PrincipalAccount;
  readonly session: ServerSession;
  readonly readers: Map<number, TopicSubscription<unknown>>;
  /** Of one that is a stream of events: its topic. */
  readonly topic: string | undefined;
  /** Its connection. */
  socket: ClientConnection | undefined;
  /** What of its link was counted. */
  bytes: number;
}

/** Bounds of all sessions. */
export interface SessionsLimits extends ServerSessionLimits {
  readonly maxSessions: number;
  readonly maxSessionsPerPrincipal: number;
  readonly maxBufferedBytes: number;
}

/** The sessions of a gateway. */
export class GatewaySessions {
  readonly #limits: SessionsLimits;
  readonly #principals: Principals;
  readonly #random: Random;
  readonly #sessions = new Map<string, HeldSession>();
  /** Those without a connection, the longest first. */
  readonly #waiting = new Set<HeldSession>();
  /** By principal. */
  readonly #of = new Map<string, Set<HeldSession>>();
  #bytes = 0;

  constructor(limits: SessionsLimits, principals: Principals, random: Random) {
    this.#limits = limits;
    this.#principals = principals;
    this.#random = random;
  }

  /** How many there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Those without a connection. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** UTF-16 code units that wait for clients. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether more may wait for clients. */
  get mayBuffer(): boolean {
    return this.#bytes < this.#limits.maxBufferedBytes;
  }

  /** All of them. */
  values(): IterableIterator<HeldSession> {
    return this.#sessions.values();
  }

  /** The session of a ticket, if it is the principal's, and one of that topic, if it is a stream. */
  find(
    { session, secret }: SessionTicket,
    principal: GatewayPrincipal,
    topic?: string,
  ): HeldSession | undefined {
    const held = this.#sessions.get(session);
    if (held === undefined || held.principal.id !== principal.id) return undefined;
    if (held.topic !== topic) return undefined;
    return sameSecret(held.secret, secret) ? held : undefined;
  }

  /**
   * Makes a session. The oldest one that waits for its client makes room, if there is no other; `end` is
   * to end it. Undefined: all have a connection.
   */
  open(
    principal: GatewayPrincipal,
    account: PrincipalAccount,
    now: number,
    end: (session: HeldSession) => void,
    topic?: string,
  ): HeldSession | undefined {
    if (!this.#principals.mayOpenSession(account)) {
      const oldest = [...this.#of.get(principal.id) ?? []].filter(({ socket }) => !socket)
        .sort((a, b) => a.session.disconnectedAt - b.session.disconnectedAt)[0];
      if (oldest !== undefined) end(oldest);
      if (!this.#principals.mayOpenSession(account)) return undefined;
    }
    if (this.#sessions.size >= this.#limits.maxSessions) {
      for (const oldest of this.#waiting) {
        end(oldest);
        break;
      }
      if (this.#sessions.size >= this.#limits.maxSessions) return undefined;
    }
    const held = this.#make(principal, account, now, topic);
    this.#sessions.set(held.id, held);
    const own = this.#of.get(principal.id);
    if (own === undefined) this.#of.set(principal.id, new Set([held]));
    else own.add(held);
    account.sessions++;
    return held;
  }

  /** The session has a connection, or none any more. */
  setSocket(held: HeldSession, socket: ClientConnection | undefined): void {
    held.socket = socket;
    this.#waiting.delete(held);
    if (socket === undefined && this.#sessions.has(held.id)) this.#waiting.add(held);
  }

  /** Counts what waits in a session. */
  count(held: HeldSession, bytes: number): void {
    this.#bytes += bytes - held.bytes;
    held.bytes = bytes;
  }

  /** Forgets a session that has ended. */
  delete(held: HeldSession): void {
    if (!this.#sessions.delete(held.id)) return;
    this.#waiting.delete(held);
    this.count(held, 0);
    held.account.sessions--;
    const own = this.#of.get(held.principal.id);
    own?.delete(held);
    if (own?.size === 0) this.#of.delete(held.principal.id);
  }

  #make(
    principal: GatewayPrincipal,
    account: PrincipalAccount,
    now: number,
    topic: string | undefined,
  ): HeldSession {
    const principals = this.#principals;
    // A stream keeps what was written, and looks itself whether its client is slow.
    const slowAfter = topic === undefined ? this.#limits.slowAfter : Infinity;
    const session = new ServerSession({ ...this.#limits, slowAfter }, {
      takeMessage: (bytes, at) => principals.take(account, bytes, at),
      mayCall: () => principals.mayCall(account),
      startCall: () => void account.calls++,
      mayBuffer: () => this.mayBuffer,
    }, now);
    return {
      id: randomId(this.#random),
      secret: randomId(this.#random),
      principal,
      account,
      session,
      readers: new Map(),
      topic,
      socket: undefined,
      bytes: 0,
    };
  }
}
