/**
 * A validator as https://standardschema.dev specifies it, such as schemas of zod, valibot and arktype.
 * Only the part that is used here.
 */
export interface MessageSchema<out M> {
  /** The standard's property. */
  readonly "~standard": {
    /** Version of the standard. */
    readonly version: 1;
    /** Name of the library. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (value: unknown) => SchemaResult<M> | Promise<SchemaResult<M>>;
  };
}

/** The outcome of a validation. */
export type SchemaResult<M> =
  | { readonly value: M; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** Why a value does not fit. */
export interface SchemaIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where: the keys that lead there, or objects with such a key. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A validated value to deliver, or why it was rejected. */
export type Checked =
  | { readonly valid: true; readonly value: unknown }
  | {
    readonly valid: false;
    readonly why: string;
    /** What its sender is told, if that is not all. */
    readonly told?: string;
  };

/**
 * Validates a value. A validator that throws or is asynchronous rejects it.
 *
 * @param what names the value in the places of issues.
 */
export function checkMessage(
  schema: MessageSchema<unknown>,
  value: unknown,
  what = "message",
): Checked {
  try {
    const result = schema["~standard"].validate(value);
    if (result instanceof Promise) {
      result.catch(() => {});
      return { valid: false, why: "the schema is asynchronous; a synchronous one is needed" };
    }
    if (result.issues === undefined) return { valid: true, value: result.value };
    return {
      valid: false,
      why: result.issues.slice(0, 5).map((issue) => textOf(issue, what)).join("; "),
    };
  } catch (error) {
    return {
      valid: false,
      why: `the schema has thrown: ${error}`,
      told: "it cannot be checked against its schema",
    };
  }
}

/** An issue with its place, such as `message.items[0].price: expected a number`. */
function textOf({ message, path }: SchemaIssue, what: string): string {
  if (!Array.isArray(path) || path.length === 0) return String(message);
  return `${path.slice(0, maxPathShown).reduce(stepTo, what)}: ${message}`;
}

function stepTo(place: string, step: PropertyKey | { readonly key: PropertyKey }): string {
  const key = typeof step === "object" ? step.key : step;
  return typeof key === "number" ? `${place}[${key}]` : `${place}.${String(key)}`;
}

/** Steps of the path of an issue that are shown. */
const maxPathShown = 16;
