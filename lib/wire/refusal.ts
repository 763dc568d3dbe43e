import { WireError } from "./errors.ts";
import { formatPath } from "./refused_value.ts";

/**
 * Why a value inside a message is refused, on its way out to the codec. Each container that it
 * passes adds the step that leads to it, so that no path is kept while nothing is refused.
 */
export class Refusal {
  readonly #steps: (string | number)[] = [];
  readonly #make: (where: string) => WireError;

  /** `make` is given the place, as `message.items[3]`. */
  constructor(make: (where: string) => WireError) {
    this.#make = make;
  }

  /** The value is at `step` of the container around it. */
  within(step: string | number): this {
    this.#steps.push(step);
    return this;
  }

  /** The error, when no container is left. */
  toError(): WireError {
    return this.#make(formatPath(this.#steps.reverse()));
  }
}

/** What is thrown on when reading `step` of a container has thrown `cause`; no step: itself. */
export function placed(cause: unknown, step?: string | number): unknown {
  // Not about a place in this message: its size, a reference, or another message in a getter.
  if (cause instanceof WireError) return cause;
  const refusal = cause instanceof Refusal ? cause : unreadable(cause);
  return step === undefined ? refusal : refusal.within(step);
}

/** A getter or a proxy has thrown. */
function unreadable(cause: unknown): Refusal {
  return new Refusal((where) =>
    new WireError("notSerializable", `${where} cannot be read`, {
      remedy: "send plain data without getters that throw, and do not change it meanwhile",
      cause,
    })
  );
}
