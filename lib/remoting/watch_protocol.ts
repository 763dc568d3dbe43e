/**
 * The messages between two systems for death watch, at {@linkcode watchPath}. All are checked on
 * arrival, and any may arrive late, twice or not at all.
 *
 * @module
 */
import type { TerminationReason } from "../actor/ref/terminated.ts";

/** Where systems exchange these messages. On the user lane: in order with messages of users. */
export const watchPath = "/_watch";

/** The most items of one message. More are sent in several messages. */
export const maxItems = 64;

/** The longest path in a message, in UTF-16 code units; no actor has a longer one on the wire. */
const maxPath = 2_048;

/** One actor that is to be watched. */
export interface WatchItem {
  /** Given by the watcher's system, unique in its incarnation. */
  readonly id: number;
  /** Path of the actor. */
  readonly path: string;
  /** Incarnation of the actor; 0 means the current one. */
  readonly uid: number;
}

/** The end of one actor that was watched. */
export interface GoneItem {
  /** The id of the watch. */
  readonly id: number;
  /** Why the actor has terminated. */
  readonly reason: ReportedReason;
}

/** Termination reasons that the actor's node can report. */
export type ReportedReason = Exclude<TerminationReason, "nodeDown">;

/**
 * - `watch`: requests a `gone` for each of these. Repeated until each is confirmed or has
 *   terminated.
 * - `watching`: confirms `watch`, with its session number. The watcher increments `session` for
 *   each connection; it ignores a confirmation of an earlier connection.
 * - `gone`: these actors have terminated. Repeated until each is forgotten.
 * - `forget`: ends these watches. After `gone`, or because they were cancelled; then it is repeated
 *   until it is confirmed.
 * - `forgotten`: confirms `forget`.
 */
export type WatchMessage =
  | { readonly type: "watch"; readonly session: number; readonly items: readonly WatchItem[] }
  | { readonly type: "watching"; readonly session: number; readonly ids: readonly number[] }
  | { readonly type: "gone"; readonly items: readonly GoneItem[] }
  | { readonly type: "forget"; readonly ids: readonly number[] }
  | { readonly type: "forgotten"; readonly ids: readonly number[] };

/** The message, or `undefined` if the value is none. */
export function parseWatchMessage(value: unknown): WatchMessage | undefined {
  if (!isRecord(value)) return undefined;
  switch (value.type) {
    case "watch": {
      const { session } = value;
      const items = parseList(value.items, parseWatchItem);
      return items && isWhole(session) ? { type: "watch", session, items } : undefined;
    }
    case "gone": {
      const items = parseList(value.items, parseGoneItem);
      return items && { type: "gone", items };
    }
    case "watching": {
      const { session } = value;
      const ids = parseList(value.ids, parseId);
      return ids && isWhole(session) ? { type: "watching", session, ids } : undefined;
    }
    case "forget":
    case "forgotten": {
      const ids = parseList(value.ids, parseId);
      return ids && { type: value.type, ids };
    }
    default:
      return undefined;
  }
}

function parseWatchItem(value: unknown): WatchItem | undefined {
  if (!isRecord(value)) return undefined;
  const { id, path, uid } = value;
  return isWhole(id) && isPath(path) && isWhole(uid) ? { id, path, uid } : undefined;
}

function parseGoneItem(value: unknown): GoneItem | undefined {
  if (!isRecord(value)) return undefined;
  const { id, reason } = value;
  if (reason !== "stopped" && reason !== "failed" && reason !== "noSuchActor") return undefined;
  return isWhole(id) ? { id, reason } : undefined;
}

function parseId(value: unknown): number | undefined {
  return isWhole(value) ? value : undefined;
}

function parseList<T>(
  value: unknown,
  parse: (item: unknown) => T | undefined,
): readonly T[] | undefined {
  if (!Array.isArray(value) || value.length > maxItems) return undefined;
  const items: T[] = [];
  for (const each of value) {
    const item = parse(each);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

/** Whether the value can be a path of an actor. */
export function isPath(value: unknown): value is string {
  return typeof value === "string" && value.startsWith("/") && value.length <= maxPath;
}

/** Whether the value can be an id, a uid or a count. */
export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether the value has fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
