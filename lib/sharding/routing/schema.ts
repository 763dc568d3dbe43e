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
  | { readonly issues: readonly { readonly message: string }[] };

/** A validated value to deliver, or why it was rejected. */
export type Checked =
  | { readonly valid: true; readonly value: unknown }
  | { readonly valid: false; readonly why: string };

/** Validates a value. A validator that throws or is asynchronous rejects it. */
export function checkMessage(schema: MessageSchema<unknown>, value: unknown): Checked {
  try {
    const result = schema["~standard"].validate(value);
    if (result instanceof Promise) {
      result.catch(() => {});
      return { valid: false, why: "the schema is asynchronous; messages need a synchronous one" };
    }
    if (result.issues === undefined) return { valid: true, value: result.value };
    return {
      valid: false,
      why: result.issues.slice(0, 5).map(({ message }) => message).join("; "),
    };
  } catch (error) {
    return { valid: false, why: `the schema has thrown: ${error}` };
  }
}
