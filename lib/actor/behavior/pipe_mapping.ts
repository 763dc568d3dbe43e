/** Makes the message of a value; may throw, which is a failure of the actor. */
export type Mapping = (value: unknown) => unknown;

/** A mapping for `pipeToSelf`: one that fails counts as a rejection, if the actor takes those. */
export function pipeMapping<T>(
  onFulfilled: (value: T) => unknown,
  onRejected: Mapping | undefined,
): Mapping {
  if (onRejected === undefined) return onFulfilled as Mapping;
  return (value) => {
    try {
      return onFulfilled(value as T);
    } catch (error) {
      return onRejected(error);
    }
  };
}
