/**
 * Stands in for `@std/assert` where JSR cannot be reached: the assertions that this project uses,
 * over Deno's own `node:assert`.
 *
 * @module
 */
import { AssertionError, deepStrictEqual, notDeepStrictEqual, strictEqual } from "node:assert";

export { AssertionError };

// deno-lint-ignore no-explicit-any -- the signature of @std/assert
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError({ message: msg || "assertion failed" });
}

/** Fails unless `condition` is false. */
export function assertFalse(condition: unknown, msg = ""): asserts condition is false {
  if (condition) throw new AssertionError({ message: msg || "expected a falsy value" });
}

/** Fails unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (msg === undefined) deepStrictEqual(actual, expected);
  else deepStrictEqual(actual, expected, msg);
}

/** Fails if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (msg === undefined) notDeepStrictEqual(actual, expected);
  else notDeepStrictEqual(actual, expected, msg);
}

/** Fails unless both are the same value. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (msg === undefined) strictEqual(actual, expected);
  else strictEqual(actual, expected, msg);
}

/** Fails if the value is null or undefined. */
export function assertExists<T>(actual: T, msg = ""): asserts actual is NonNullable<T> {
  if (actual === null || actual === undefined) {
    throw new AssertionError({ message: msg || "expected a value" });
  }
}

/** Fails unless the value is an instance of the class. */
export function assertInstanceOf<T>(
  actual: unknown,
  // deno-lint-ignore no-explicit-any -- the signature of @std/assert
  expectedType: abstract new (...args: any[]) => T,
  msg = "",
): asserts actual is T {
  if (!(actual instanceof expectedType)) {
    throw new AssertionError({ message: msg || `expected an instance of ${expectedType.name}` });
  }
}

/** Fails unless the text matches. */
export function assertMatch(actual: string, expected: RegExp, msg = ""): void {
  if (!expected.test(actual)) {
    throw new AssertionError({
      message: msg || `expected ${JSON.stringify(actual)} to match ${expected}`,
    });
  }
}

/** Fails unless the text contains the other. */
export function assertStringIncludes(actual: string, expected: string, msg = ""): void {
  if (!actual.includes(expected)) {
    throw new AssertionError({
      message: msg || `expected ${JSON.stringify(actual)} to contain ${JSON.stringify(expected)}`,
    });
  }
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg = ""): void {
  if (!(actual > expected)) {
    throw new AssertionError({ message: msg || `${actual} <= ${expected}` });
  }
}

/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg = ""): void {
  if (!(actual >= expected)) {
    throw new AssertionError({ message: msg || `${actual} < ${expected}` });
  }
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg = ""): void {
  if (!(actual < expected)) {
    throw new AssertionError({ message: msg || `${actual} >= ${expected}` });
  }
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg = ""): void {
  if (!(actual <= expected)) {
    throw new AssertionError({ message: msg || `${actual} > ${expected}` });
  }
}

/** Fails unless both numbers are within `tolerance`. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance = 1e-7,
  msg = "",
): void {
  if (!Object.is(actual, expected) && !(Math.abs(actual - expected) <= tolerance)) {
    throw new AssertionError({
      message: msg || `${actual} is not within ${tolerance} of ${expected}`,
    });
  }
}

/** Fails unless `fn` throws an error of the class, whose message contains the text. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E> = Error as unknown as ErrorClass<E>,
  msgIncludes = "",
): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, ErrorClass, msgIncludes);
  }
  throw new AssertionError({ message: "expected the function to throw" });
}

/** Fails unless `fn` rejects with an error of the class, whose message contains the text. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E> = Error as unknown as ErrorClass<E>,
  msgIncludes = "",
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return checkError(error, ErrorClass, msgIncludes);
  }
  throw new AssertionError({ message: "expected the promise to reject" });
}

/** Always fails. */
export function fail(msg = ""): never {
  throw new AssertionError({ message: msg || "failed" });
}

function checkError<E extends Error>(
  error: unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes: string,
): E {
  if (!(error instanceof ErrorClass)) {
    throw new AssertionError({ message: `expected ${ErrorClass.name}, got ${error}` });
  }
  if (!error.message.includes(msgIncludes)) {
    throw new AssertionError({
      message: `expected an error message with "${msgIncludes}", got "${error.message}"`,
    });
  }
  return error;
}
