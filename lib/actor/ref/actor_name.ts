import { ActorError } from "../errors.ts";

const allowed = /^[A-Za-z0-9$%*+@:&=,.!~'-][A-Za-z0-9$%*+@:&=,.!~'_-]{0,255}$/;

/**
 * The name, if a user may give it to an actor: 1 to 256 letters, digits or `$%*+@:&=,.!~'_-`, not
 * beginning with `_`.
 *
 * @throws {ActorError} code `badName`.
 */
export function checkActorName(name: string): string {
  if (typeof name === "string" && allowed.test(name)) return name;
  throw new ActorError("badName", `an actor cannot be called ${JSON.stringify(name)}`, {
    value: name,
    remedy: "use 1 to 256 letters, digits or $%*+@:&=,.!~'_- and do not begin with _",
  });
}

/**
 * The name, if the system may give it to a system actor: as {@linkcode checkActorName}, but
 * beginning with `_`.
 *
 * @throws {ActorError} code `badName`.
 */
export function checkSystemName(name: string): string {
  checkActorName(name.startsWith("_") ? name.slice(1) : `_${name}`);
  return name;
}

/** The error for a name that is taken. */
export function duplicateName(path: string): ActorError {
  return new ActorError("duplicateName", `there is an actor at ${path} already`, {
    value: path,
    remedy: "choose another name, or wait until it has stopped",
  });
}
