import { isFarIndex, keepSparse } from "./index_keys.ts";
import { type KeyTimes, KeyWatch, unwatchedSize } from "./key_watch.ts";
import { reviveError } from "./revive.ts";
import type { Reviver } from "./serializer_registry.ts";

/** What a container becomes. */
export const ContainerKind = {
  array: 0,
  record: 1,
  map: 2,
  set: 3,
  error: 4,
  serialized: 5,
} as const;

/** One of {@linkcode ContainerKind}. */
export type ContainerKind = typeof ContainerKind[keyof typeof ContainerKind];

type Properties = Record<string, unknown>;
type Target = unknown[] | Properties | Map<unknown, unknown> | Set<unknown>;

/** A container of a message that is read in steps: its elements come one after another. */
export class OpenContainer {
  readonly kind: ContainerKind;
  /** Elements that were not put in; of an object, its values. */
  missing: number;
  /** The key of the next element: of an object, and of a Map while a value comes next. */
  key: unknown = "";
  readonly #target: Target;
  readonly #times: KeyTimes;
  readonly #watch: KeyWatch | undefined;
  /** Keys until the next one becomes a sample. */
  #untilSample: number;
  /** Of an object: its keys are indexes far from each other. */
  #sparse = false;
  #size = 0;
  /** Of a custom value: the number of its serializer. */
  readonly #number: number;

  /** `size`: elements; of a Map, keys and values. */
  constructor(kind: ContainerKind, size: number, times: KeyTimes, number: number) {
    this.kind = kind;
    this.missing = size;
    this.#number = number;
    this.#times = times;
    this.#target = targetOf(kind);
    this.#watch = watchOf(kind, size, times, this.#target);
    this.#untilSample = this.#watch?.interval ?? 0;
  }

  /**
   * Puts the next element in.
   *
   * @throws {WireError} code `malformed`, if keys collide.
   */
  put(value: unknown): void {
    this.missing--;
    switch (this.kind) {
      case ContainerKind.record:
        return this.#putProperty(this.#target as Properties, this.key as string, value);
      case ContainerKind.set:
        (this.#target as Set<unknown>).add(value);
        return this.#watched(value);
      case ContainerKind.map:
        if (this.missing % 2 !== 0) return void (this.key = value);
        (this.#target as Map<unknown, unknown>).set(this.key, value);
        return this.#watched(this.key);
      default:
        (this.#target as unknown[]).push(value);
    }
  }

  /**
   * The value, when nothing is missing.
   *
   * @throws {WireError} code `malformed`, also if keys collide, or `undecodable`.
   */
  close(reviver: Reviver): unknown {
    const target = this.#target;
    if (this.#watch === undefined && (target instanceof Map || target instanceof Set)) {
      this.#times.filled(target);
    }
    if (this.kind === ContainerKind.error) return reviveError(target as unknown[]);
    if (this.kind === ContainerKind.serialized) {
      return reviver.revive(this.#number, (target as unknown[])[0]);
    }
    return target;
  }

  #putProperty(record: Properties, key: string, value: unknown): void {
    if (!this.#sparse && isFarIndex(key, this.#size++)) {
      keepSparse(record);
      this.#sparse = true;
    }
    record[key] = value;
    const watch = this.#watch;
    if (watch !== undefined && --this.#untilSample === 0) this.#untilSample = watch.sample(key);
  }

  /** A key of a Map, or an element of a Set, was inserted. */
  #watched(key: unknown): void {
    const watch = this.#watch;
    if (watch === undefined) return;
    if (typeof key === "string") watch.text(key);
    if (--this.#untilSample === 0) this.#untilSample = watch.sample(key);
  }
}

function targetOf(kind: ContainerKind): Target {
  if (kind === ContainerKind.record) return {};
  if (kind === ContainerKind.map) return new Map();
  return kind === ContainerKind.set ? new Set() : [];
}

function watchOf(
  kind: ContainerKind,
  size: number,
  times: KeyTimes,
  target: Target,
): KeyWatch | undefined {
  const entries = kind === ContainerKind.map ? size / 2 : size;
  if (entries <= unwatchedSize) return undefined;
  if (target instanceof Map || target instanceof Set) return new KeyWatch(times, target);
  if (kind !== ContainerKind.record) return undefined;
  return new KeyWatch(times, { has: (key) => Object.hasOwn(target, key as string) });
}
