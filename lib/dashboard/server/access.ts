/**
 * Who may use the dashboard: a pure judge of requests.
 *
 * @module
 */
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";

/** Sent with each action: a page of another site cannot send it without asking first (CORS). */
export const actionHeader = "x-casty-dashboard";

/** How long a session lasts, milliseconds. */
export const sessionTime = 12 * 3_600_000;
/** Sessions that are kept; the oldest goes. */
const maxSessions = 64;
/** The token of a request is not longer. */
const maxTokenLength = 1_000;

/** Names under which a browser of this machine, or behind a tunnel, reaches it. */
const loopbackNames: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** What of a request matters. */
export interface AccessFacts {
  /** The `Host` header. */
  readonly host: string | null;
  /** `Authorization`. */
  readonly authorization: string | null;
  /** `Cookie`. */
  readonly cookie: string | null;
  /** The parameter `token` of the address. */
  readonly token: string | null;
}

/** Who sends a request. */
export type Verdict =
  /** `identity`: whom limits count for. */
  | { readonly type: "admitted"; readonly identity: string }
  /** The token was in the address: the answer sets a cookie instead. */
  | { readonly type: "login"; readonly cookie: string }
  /** `status`: of the answer. */
  | { readonly type: "refused"; readonly status: 401 | 403; readonly why: string };

/** See the module's text. */
export class Access {
  readonly #token: Uint8Array;
  readonly #hosts: ReadonlySet<string>;
  readonly #newSession: () => string;
  readonly #sessions = new Map<string, number>();
  readonly #cookieName: string;

  /** `newSession` returns a text that cannot be guessed; `name` tells the cookies of nodes apart. */
  constructor(
    token: string,
    hosts: readonly string[],
    newSession: () => string,
    name: string,
  ) {
    this.#token = encode(token);
    this.#hosts = new Set([...loopbackNames, ...hosts.map((host) => host.toLowerCase())]);
    this.#newSession = newSession;
    this.#cookieName = `casty_dashboard_${name}`;
  }

  /** Judges a request. `now`: milliseconds. */
  judge({ host, authorization, cookie, token }: AccessFacts, now: number): Verdict {
    const name = hostName(host);
    if (name === undefined || !this.#hosts.has(name)) {
      const why = `the host ${JSON.stringify(host)} is not one of this dashboard; add it to the ` +
        "option hosts";
      return { type: "refused", status: 403, why };
    }
    const bearer = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (bearer !== undefined && this.#isToken(bearer)) {
      return { type: "admitted", identity: "bearer" };
    }
    const session = this.#session(cookie, now);
    if (token !== null && this.#isToken(token)) {
      return { type: "login", cookie: this.#login(session, now) };
    }
    if (session !== undefined) return { type: "admitted", identity: session };
    const why = "open the address with the token that the node's log shows, or send it as " +
      "Authorization: Bearer";
    return { type: "refused", status: 401, why };
  }

  #isToken(text: string): boolean {
    // The length of a token is no secret.
    return text.length <= maxTokenLength && timingSafeEqual(encode(text), this.#token);
  }

  /** The session of a cookie. Ids are random and long: a look-up by one tells nothing of others. */
  #session(cookie: string | null, now: number): string | undefined {
    for (const part of (cookie ?? "").split(";").slice(0, 100)) {
      const [name, value] = part.trim().split("=", 2);
      if (name !== this.#cookieName || value === undefined) continue;
      const until = this.#sessions.get(value);
      if (until !== undefined && until > now) return value;
    }
    return undefined;
  }

  #login(known: string | undefined, now: number): string {
    const session = known ?? this.#newSession();
    for (const [id, until] of this.#sessions) if (until <= now) this.#sessions.delete(id);
    if (this.#sessions.size >= maxSessions) {
      this.#sessions.delete(this.#sessions.keys().next().value!);
    }
    this.#sessions.set(session, now + sessionTime);
    const seconds = sessionTime / 1_000;
    return `${this.#cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}`;
  }
}

/** What of an action matters besides its access. */
export interface OriginFacts {
  readonly host: string | null;
  readonly origin: string | null;
  /** `Sec-Fetch-Site`. */
  readonly site: string | null;
  /** {@linkcode actionHeader}. */
  readonly action: string | null;
}

/** Whether an action comes from the dashboard's own page, or from a program. */
export function isOwnOrigin({ host, origin, site, action }: OriginFacts): boolean {
  if (action === null) return false;
  if (site !== null && site !== "same-origin") return false;
  if (origin === null) return true;
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}

/** The name without the port, lower-case. */
function hostName(host: string | null): string | undefined {
  const name = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(host ?? "")?.[1];
  return name?.toLowerCase();
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
