import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * An option, or an argument of a call, that cannot be used. Code: `badOption`. The message names the
 * option, the value and what is accepted; for an unknown name, the nearest known one.
 *
 * @example
 * ```ts
 * import { ActorSystem, OptionError } from "@casty/casty";
 *
 * try {
 *   new ActorSystem({ maxTask: 10 } as object);
 * } catch (error) {
 *   console.assert(error instanceof OptionError && error.option === "maxTask");
 * }
 * ```
 */
export class OptionError extends CastyError {
  /** Name of the class. */
  override name = "OptionError";
  /** Path of the option, such as `membership.heartbeatInterval` or `roles[0]`. */
  readonly option: string;

  /** `option` is the path of the option that `message` is about. */
  constructor(option: string, message: string, options: CastyErrorOptions = {}) {
    super("badOption", message, options);
    this.option = option;
  }
}
