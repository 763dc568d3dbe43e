import { ActorError } from "../errors.ts";

/**
 * Names a service, and carries the type of its messages. Two keys with the same id are the same key,
 * wherever they were made, so a key can be made anew or sent in a message.
 *
 * `M` is contravariant, as in {@linkcode ActorRef}: a key for `Order` finds references that accept
 * `Order`.
 */
export interface ServiceKey<in M> {
  /** 1 to 256 printable characters. */
  readonly id: string;
  /** Carries the type; never set. */
  readonly accepts?: (message: M) => void;
}

/** No control, format or line separator characters: ids that look equal are equal. */
const printable = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,256}$/u;

/**
 * Creates a service key.
 *
 * @param id 1 to 256 printable characters.
 * @throws {ActorError} code `badServiceKey`.
 *
 * @example
 * ```ts
 * import { ServiceKey } from "@casty/casty";
 *
 * interface Payment {
 *   amount: number;
 * }
 * const payments = ServiceKey<Payment>("payment");
 * console.assert(payments.id === "payment");
 * ```
 */
export function ServiceKey<M = never>(id: string): ServiceKey<M> {
  return Object.freeze({ id: checkServiceId(id) });
}

/**
 * The id of a key, if it is one.
 *
 * @throws {ActorError} code `badServiceKey`.
 */
export function serviceIdOf(key: ServiceKey<never>): string {
  if (typeof key === "object" && key !== null) return checkServiceId(key.id);
  throw badServiceKey(key, `${describe(key)} is not a service key`);
}

function checkServiceId(id: string): string {
  if (typeof id === "string" && printable.test(id)) return id;
  throw badServiceKey(id, `${describe(id)} is not the id of a service`);
}

function badServiceKey(value: unknown, message: string): ActorError {
  return new ActorError("badServiceKey", message, {
    value,
    remedy: 'use ServiceKey("name") with 1 to 256 printable characters',
  });
}

function describe(value: unknown): string {
  if (typeof value !== "string") return typeof value;
  return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
}
