/**
 * A value as JSON; undefined for `undefined`. Unlike `JSON.stringify` it does not drop or change what
 * JSON does not have: what a client gets is what was sent, or an error.
 *
 * @throws {TypeError} the value has something that is not JSON.
 */
export function jsonText(value: unknown): string | undefined {
  return JSON.stringify(value, refuseOthers);
}

function refuseOthers(key: string, value: unknown): unknown {
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) throw notJson(key, String(value));
      return value;
    case "function":
    case "symbol":
    case "bigint":
      throw notJson(key, `a ${typeof value}`);
    case "object":
      if (value === null || Array.isArray(value)) return value;
      // A reference, a Map, a typed array: `toJSON` has had its turn already.
      if (!isPlain(value)) throw notJson(key, `an instance of ${value.constructor?.name}`);
  }
  return value;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function notJson(key: string, what: string): TypeError {
  return new TypeError(`${key === "" ? "the value" : JSON.stringify(key)} is ${what}, not JSON`);
}
