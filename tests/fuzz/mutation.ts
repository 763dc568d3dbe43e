import type { Draws } from "./draws.ts";

type Container = Record<string | number, unknown>;

/** A copy of a message with one part changed: another value, none, one more, or very many. */
export function mutated(draws: Draws, message: unknown): unknown {
  const places: [holder: Container, key: string | number][] = [];
  const root: Container = { message: copyOf(message, (holder, key) => places.push([holder, key])) };
  places.push([root, "message"]);
  const [holder, key] = draws.one(places);
  change(draws, holder, key);
  return root.message;
}

function change(draws: Draws, holder: Container, key: string | number): void {
  const old = holder[key];
  switch (draws.int(8)) {
    case 0:
      delete holder[key];
      return;
    case 1:
      if (!Array.isArray(holder)) holder[`more${draws.int(3)}`] = draws.value();
      return;
    case 2:
      holder[key] = new Array(draws.one([2, 70, 2_000])).fill(old);
      return;
    case 3:
      holder[key] = draws.value();
      return;
    case 4:
      holder[key] = draws.address();
      return;
    default:
      if (typeof old === "number") {
        holder[key] = draws.chance(0.7) ? draws.count(old) : draws.number();
      } else if (typeof old === "string") {
        holder[key] = draws.chance(0.5) ? draws.text() : draws.address();
      } else if (typeof old === "boolean") holder[key] = !old;
      else holder[key] = draws.value();
  }
}

/** Copies plain objects and arrays; other values, such as references, are shared. */
function copyOf(
  value: unknown,
  visit: (holder: Container, key: string | number) => void,
): unknown {
  if (!Array.isArray(value) && !isPlain(value)) return value;
  const copy = (Array.isArray(value) ? [] : {}) as Container;
  for (const [key, item] of Object.entries(value)) {
    copy[key] = copyOf(item, visit);
    // A long list is not mutated more often than a short one.
    if (!Array.isArray(value) || Number(key) < 8) visit(copy, key);
  }
  return copy;
}

/** Whether a value is an object with fields and nothing else. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}
