/**
 * Makes `console.assert` throw: otherwise an example in the documentation whose assertion is wrong
 * would only print that, and pass. The test task loads it before each test file.
 *
 * @module
 */
console.assert = (condition?: boolean, ...data: unknown[]): void => {
  if (!condition) throw new Error(["an assertion of an example is wrong", ...data].join(": "));
};
