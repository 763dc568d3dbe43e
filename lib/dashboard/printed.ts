/**
 * Any value as a short text, for people: bounded in length, depth and width, so that it costs little
 * however large the value is. It calls no code of the value: accessors and `toJSON` are not run.
 *
 * @module
 */

interface Budget {
  left: number;
}

const maxDepth = 6;
const maxEntries = 50;
const maxText = 400;

/** The value as text, at most about `limit` characters. */
export function printed(value: unknown, limit = 400): string {
  const budget: Budget = { left: limit };
  let text: string;
  try {
    text = print(value, 0, budget);
  } catch {
    return "unreadable"; // A proxy may throw whatever is done with it.
  }
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

function print(value: unknown, depth: number, budget: Budget): string {
  if (budget.left <= 0) return "…";
  const text = typeof value === "object" && value !== null
    ? printObject(value, depth, budget)
    : printPlain(value);
  if (typeof value !== "object") budget.left -= text.length;
  return text;
}

function printPlain(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > maxText ? `${value.slice(0, maxText)}…` : value);
    case "bigint":
      return `${value}n`;
    case "function":
      return "function";
    default:
      return String(value);
  }
}

function printObject(value: object, depth: number, budget: Budget): string {
  budget.left -= 2;
  if (value instanceof Date) return Number.isNaN(+value) ? "invalid date" : value.toISOString();
  if (value instanceof Error) return printPlain(`${value.name}: ${value.message}`);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.byteLength} bytes)`;
  if (depth >= maxDepth) return "{…}";
  if (Array.isArray(value)) {
    return `[${listed(value.length, (at) => print(value[at], depth + 1, budget), budget)}]`;
  }
  if (value instanceof Map) {
    const entries = [...take(value)];
    return `Map {${
      listed(value.size, (at) => {
        const [key, item] = entries[at]!;
        return `${print(key, depth + 1, budget)} => ${print(item, depth + 1, budget)}`;
      }, budget)
    }}`;
  }
  if (value instanceof Set) {
    const items = [...take(value)];
    return `Set {${listed(value.size, (at) => print(items[at], depth + 1, budget), budget)}}`;
  }
  const { path, node } = value as { readonly path?: unknown; readonly node?: unknown };
  if (typeof (value as { readonly tell?: unknown }).tell === "function") {
    return `ref(${node ?? ""}${path ?? ""})`;
  }
  const keys = Object.keys(value);
  return `{${
    listed(keys.length, (at) => {
      const key = keys[at]!;
      budget.left -= key.length;
      const held = Object.getOwnPropertyDescriptor(value, key);
      const item = held !== undefined && "value" in held
        ? print(held.value, depth + 1, budget)
        : "accessor";
      return `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)}: ${item}`;
    }, budget)
  }}`;
}

function* take<T>(items: Iterable<T>): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (count++ >= maxEntries) return;
    yield item;
  }
}

function listed(count: number, item: (at: number) => string, budget: Budget): string {
  const parts: string[] = [];
  for (let at = 0; at < Math.min(count, maxEntries) && budget.left > 0; at++) parts.push(item(at));
  if (parts.length < count) parts.push(`… ${count - parts.length} more`);
  return parts.join(", ");
}
