import {
  groupType,
  structureId,
  type StructureKind,
  structureKinds,
} from "../../lib/distributed/structure_kind.ts";
import type { Operation, Operations } from "../../lib/distributed/structure_protocol.ts";
import { atPath, type Generators } from "./at_path.ts";
import type { Draws } from "./draws.ts";

const section = "Distributed structures";

/** The type of the structures of the lab, and the name of one of each kind. */
export const structuresType = groupType("default");
export const structureName = "lab";

const key = (d: Draws) =>
  d.chance(0.8) ? d.one(["sa", "sb", "n1", "i5", "t", "0"]) : d.one(["", "x", "n01", "s\ud800"]);
const value = (d: Draws) => d.bytes(d.one([0, 8, 200])) as Uint8Array<ArrayBuffer>;
const maybeValue = (d: Draws) => d.chance(0.3) ? null : value(d);
const id = (d: Draws) => d.chance(0.8) ? `request-${d.int(30)}` : d.text();
const time = (d: Draws) => d.one([0, 1_000, 30_000, 86_400_000, d.number()]);
const lease = (d: Draws) => d.one([1_000, 5_000, 30_000, d.number()]);
const total = (d: Draws) => d.count(d.int(20));
const page = (d: Draws) => ({ type: "page", after: total(d), limit: 1 + d.int(1_000) }) as const;
const destroy = { type: "destroy" } as const;
const size = { type: "size" } as const;

type Makers = { readonly [K in StructureKind]: (d: Draws) => readonly Operations[K][] };

const permits = (d: Draws): readonly Operations["lock"][] => [
  {
    type: "acquire",
    request: id(d),
    owner: id(d),
    permits: 1 + d.int(3),
    exclusive: d.chance(0.5),
    ttl: lease(d),
    waits: d.chance(0.5),
  },
  { type: "renew", request: id(d), ttl: lease(d) },
  { type: "release", request: id(d) },
  { type: "status" },
  destroy,
];

/** All operations of each kind. */
const operations: Makers = {
  counter: (d) => [{ type: "add", amount: d.int(9) - 4 }, { type: "get" }, destroy],
  map: (d) => [
    { type: "get", key: key(d) },
    { type: "delete", key: key(d) },
    { type: "contains", key: key(d) },
    { type: "set", key: key(d), value: value(d), ...d.maybe("ttl", () => time(d)) },
    {
      type: "compareAndSet",
      key: key(d),
      expected: maybeValue(d),
      value: maybeValue(d),
      ...d.maybe("ttl", () => time(d)),
    },
    size,
    page(d),
    destroy,
  ],
  set: (d) => [
    { type: "add", key: key(d) },
    { type: "remove", key: key(d) },
    { type: "contains", key: key(d) },
    size,
    page(d),
    destroy,
  ],
  queue: (d) => [
    { type: "enqueue", value: value(d) },
    { type: "dequeue" },
    { type: "peek" },
    size,
    {
      type: "reserve",
      reservation: id(d),
      visibility: time(d),
      maxTries: 1 + d.int(5),
    },
    { type: "acknowledge", reservation: id(d) },
    { type: "extend", reservation: id(d), visibility: time(d) },
    { type: "reject", reservation: id(d), delay: time(d) },
    { type: "parked", after: total(d), limit: 1 + d.int(1_000) },
    { type: "unpark", number: total(d) },
    { type: "removeParked", number: total(d) },
    destroy,
  ],
  lock: permits,
  semaphore: permits,
  barrier: (d) => [
    { type: "arrive", request: id(d), expected: d.one([1, 2, 3, 10_000, 10_001]) },
    { type: "leave", request: id(d) },
    destroy,
  ],
};

/** To structures, and to what holds something of them. */
export const structures: Generators = {
  [`${section}/operation`]: {
    path: `/_region-${structuresType}`,
    make: (d) => {
      const kind = d.one(structureKinds);
      const name = d.chance(0.7) ? structureName : d.entity();
      // Sometimes to a structure of another kind.
      const to = d.chance(0.95) ? kind : d.one(structureKinds);
      const message = {
        type: "operation",
        operation: d.one<Operation>(operations[kind](d)),
        ...d.maybe("session", () => d.ref()),
        ...d.maybe("replyTo", () => d.ref()),
      };
      return [structureId(to, name), message, d.epoch()];
    },
  },
  ...atPath(section, (d) => d.path(), { leaseLost: (d) => ({ request: id(d) }) }),
};
