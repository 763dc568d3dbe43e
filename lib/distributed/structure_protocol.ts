/**
 * What is sent to structures, and the check of what another process has sent.
 *
 * @module
 */
import type { MessageSchema } from "../actor/behavior/message_schema.ts";
import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import { EntityType } from "../sharding/routing/entity_type.ts";
import type { BarrierOperation } from "./barrier_machine.ts";
import type { CounterOperation } from "./counter_machine.ts";
import type { MapOperation } from "./map_machine.ts";
import type { PermitOperation } from "./permit_machine.ts";
import type { QueueOperation } from "./queue_machine.ts";
import type { SetOperation } from "./set_machine.ts";
import type { OwnMessage } from "./own_message.ts";
import { isKey } from "./structure_key.ts";
import { groupType, type StructureKind, structureShards } from "./structure_kind.ts";
import type { StructureReply } from "./structure_reply.ts";

/** The operations of each kind. */
export interface Operations {
  readonly counter: CounterOperation;
  readonly map: MapOperation;
  readonly set: SetOperation;
  readonly queue: QueueOperation;
  readonly lock: PermitOperation;
  readonly semaphore: PermitOperation;
  readonly barrier: BarrierOperation;
}

/** An operation of any kind. */
export type Operation = Operations[StructureKind];

/** What a session is told: the lease of one of its requests has ended. */
export interface LeaseLost {
  /** Names the message. */
  readonly type: "leaseLost";
  /** The request of its acquisition. */
  readonly request: string;
}

/** Asks a structure for an operation. */
export interface OperationMessage {
  /** Names the message. */
  readonly type: "operation";
  readonly operation: Operation;
  /** Of operations that hold or wait: an actor of the program, which lives as long as it does. */
  readonly session?: ActorRef<LeaseLost>;
  /** Undefined: nobody waits for the answer. */
  readonly replyTo?: ActorRef<StructureReply>;
}

/** What a structure receives. */
export type StructureMessage = OperationMessage | OwnMessage;

/** The entity type of the structures of a group, as nodes and clients share it. */
export function structureType(group: string): EntityType<StructureMessage> {
  return new EntityType(groupType(group), { numShards: structureShards, schema });
}

type Fields = Readonly<Record<string, unknown>>;
type Check = (fields: Fields) => boolean;

const maxTime = 0x7fff_ffff * 1_000;
const isTime = (value: unknown) => typeof value === "number" && value >= 0 && value <= maxTime;
const isOptionalTime = (value: unknown) => value === undefined || isTime(value) && value !== 0;
const isWhole = (value: unknown, least: number, most = Number.MAX_SAFE_INTEGER) =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
const isId = (value: unknown) =>
  typeof value === "string" && value.length >= 8 && value.length <= 64;
const isBytes = (value: unknown) => value instanceof Uint8Array;
const always: Check = () => true;
const withKey: Check = ({ key }) => isKey(key);
const withNumber: Check = ({ number }) => isWhole(number, 0);
const isPage: Check = ({ after, limit }) => isWhole(after, 0) && isWhole(limit, 1, maxPage);
const withReservation: Check = ({ reservation }) => isId(reservation);
const withRequest: Check = ({ request }) => isId(request);

/** The most entries of a page. */
export const maxPage = 1_000;

const permits: Readonly<Record<string, Check>> = {
  acquire: ({ request, owner, permits, exclusive, ttl, waits }) =>
    isId(request) && isId(owner) && isWhole(permits, 1, 100_000) &&
    typeof exclusive === "boolean" && isTtl(ttl) && typeof waits === "boolean",
  renew: ({ request, ttl }) => isId(request) && isTtl(ttl),
  release: withRequest,
  status: always,
  destroy: always,
};

function isTtl(value: unknown): boolean {
  return isTime(value) && (value as number) >= 1_000 && (value as number) <= 86_400_000;
}

const checks: Readonly<Record<StructureKind, Readonly<Record<string, Check>>>> = {
  counter: { add: ({ amount }) => Number.isSafeInteger(amount), get: always, destroy: always },
  map: {
    get: withKey,
    delete: withKey,
    contains: withKey,
    set: ({ key, value, ttl }) => isKey(key) && isBytes(value) && isOptionalTime(ttl),
    compareAndSet: ({ key, expected, value, ttl }) =>
      isKey(key) && (expected === null || isBytes(expected)) &&
      (value === null || isBytes(value)) && isOptionalTime(ttl),
    size: always,
    page: isPage,
    destroy: always,
  },
  set: {
    add: withKey,
    remove: withKey,
    contains: withKey,
    size: always,
    page: isPage,
    destroy: always,
  },
  queue: {
    enqueue: ({ value }) => isBytes(value),
    dequeue: always,
    peek: always,
    size: always,
    destroy: always,
    reserve: ({ reservation, visibility, maxTries }) =>
      isId(reservation) && isTime(visibility) && isWhole(maxTries, 1, 1_000_000),
    acknowledge: withReservation,
    extend: ({ reservation, visibility }) => isId(reservation) && isTime(visibility),
    reject: ({ reservation, delay }) => isId(reservation) && isTime(delay),
    parked: isPage,
    unpark: withNumber,
    removeParked: withNumber,
  },
  lock: permits,
  semaphore: permits,
  barrier: {
    arrive: ({ request, expected }) => isId(request) && isWhole(expected, 1, 10_000),
    leave: withRequest,
    destroy: always,
  },
};

/** Whether an operation is one of a kind. Operations of members and of clients are judged alike. */
export function isOperation<K extends StructureKind>(
  kind: K,
  operation: unknown,
): operation is Operations[K] {
  if (typeof operation !== "object" || operation === null) return false;
  const { type } = operation as Fields;
  const check = typeof type === "string" && Object.hasOwn(checks[kind], type)
    ? checks[kind][type]
    : undefined;
  return check !== undefined && check(operation as Fields);
}

const reading = new Set(["get", "contains", "size", "page", "peek", "parked", "status"]);

/** Whether a message changes nothing: for clients that may only read. */
export function isReading(message: unknown): boolean {
  const { operation } = message as { readonly operation?: { readonly type?: unknown } };
  return reading.has(operation?.type as string);
}

const growing = new Set(["set", "compareAndSet", "add", "enqueue"]);

/** Whether the content may need more memory after an operation of a map, set or queue. */
export function isGrowing(kind: StructureKind, { type }: Operation): boolean {
  return kind !== "counter" && growing.has(type);
}

/** What another process sends; which kind of structure it is for is known at the structure. */
const schema: MessageSchema<StructureMessage> = {
  "~standard": {
    version: 1,
    vendor: "casty",
    validate: (value) => {
      const { type, operation, session, replyTo } = (value ?? {}) as Fields;
      const fits = type === "operation" && typeof operation === "object" &&
        (session === undefined || session instanceof Ref) &&
        (replyTo === undefined || replyTo instanceof Ref);
      return fits
        ? { value: value as StructureMessage }
        : { issues: [{ message: "it is no operation of a structure" }] };
    },
  },
};
