import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeControl, parseControl } from "../../lib/replication/control_form.ts";
import type { ControlMessage } from "../../lib/replication/control_form.ts";
import {
  decodeOperation,
  decodeParts,
  encodeOperation,
  encodeParts,
} from "../../lib/replication/log_form.ts";
import type { LogOperation } from "../../lib/replication/log_operation.ts";
import { MessageBatch, parseMessages } from "../../lib/replication/message_form.ts";
import type { ReplicationMessage } from "../../lib/replication/replication_protocol.ts";

const bytes = (...values: number[]) => new Uint8Array(values);
const at = 1_790_000_000_000.5;
const event = { payload: bytes(1, 2, 3), version: 2, at, checksum: 0xffff_ffff };
const rich = { ...event, metadata: bytes(), tags: ["a", "é"] };
const snapshot = { ...event, seq: 7, epoch: 2 ** 52, metadata: bytes(9) };

const operations: readonly LogOperation[] = [
  { type: "open", id: "cart|ä", epoch: 1_280_974_006_517_773 },
  {
    type: "append",
    entries: [
      { id: "a", expectedSeq: 0, epoch: 1, events: [event] },
      { id: "b", expectedSeq: 300, epoch: 2, events: [rich, event], wake: null },
      { id: "c", expectedSeq: 1, epoch: 2, events: [rich], wake: at },
    ],
  },
  { type: "saveSnapshot", id: "a", snapshot, keep: 2, lastSeq: 9 },
  { type: "deleteEvents", id: "a", upTo: 5, epoch: 3 },
  { type: "delete", id: "a", epoch: 3, lastSeq: 300 },
];

Deno.test("the writes of a log are the same after their form in bytes", () => {
  for (const operation of operations) {
    assertEquals(decodeOperation(encodeOperation(operation)), operation);
  }
});

Deno.test("bytes that are no write are refused, whole or in part", () => {
  for (const operation of operations) {
    const whole = encodeOperation(operation);
    for (let end = 0; end < whole.length; end++) {
      assertThrows(() => decodeOperation(whole.subarray(0, end)), RangeError);
    }
    assertThrows(() => decodeOperation(bytes(...whole, 0)), RangeError);
  }
  // A list that says it is longer than all bytes.
  assertThrows(() => decodeOperation(bytes(1, 0xff, 0xff, 0xff, 0xff, 0x7f)), RangeError);
});

Deno.test("parts of a back-fill are the same after their form in bytes", () => {
  const stored = { ...rich, seq: 4, epoch: 9 };
  const parts = [
    { id: "a", after: 0, events: [stored], rest: undefined },
    {
      id: "a",
      after: 4,
      events: [],
      rest: { epoch: 9, lastSeq: 8, wake: undefined, snapshots: [snapshot] },
    },
    { id: "b", after: 0, events: [], rest: { epoch: 1, lastSeq: 0, wake: at, snapshots: [] } },
  ];
  assertEquals(decodeParts(encodeParts(parts)), parts);
});

const store = { address: "node-1:25520", store: 1_790_000_000_000 };
const other = { address: "[::1]:25520", store: 2 };
const position = { epoch: 5, index: 17, chain: 0xdead_beef };
const point = { at: position, cursor: "cart|b\0" + "12" };
const config = {
  version: [5, 2] as const,
  inSync: [store, other],
  minAcks: 1,
  previous: [{ inSync: [store], minAcks: 0 }],
};
const bootstrap = { stores: [store, other], closed: false };
const entries = [
  { epoch: 5, index: 18, chain: 1, payload: bytes() },
  { epoch: 6, index: 19, chain: 2, payload: bytes(7, 8) },
];
const messages: readonly ReplicationMessage[] = [
  { type: "promiseEpoch", epoch: 6, bootstrap },
  {
    type: "epochPromised",
    epoch: 6,
    store,
    copy: { config, last: position, acked: 3, generation: 1, filling: point },
    bootstrap: { stores: [], closed: true },
  },
  {
    type: "epochPromised",
    epoch: 6,
    store,
    copy: { last: position, acked: 3, generation: 0 },
    bootstrap,
  },
  { type: "epochRefused", epoch: 6, promised: 9 },
  { type: "appendLog", epoch: 6, previous: position, entries, acked: 17, trim: 2 },
  { type: "logAppended", epoch: 6, store, generation: 3, through: 19 },
  { type: "logGap", epoch: 6, store, last: position },
  { type: "logGap", epoch: 6, store, last: position, filling: point },
  { type: "storeConfig", epoch: 6, config },
  { type: "configStored", epoch: 6, store, version: [5, 2] },
  {
    type: "fillCopy",
    epoch: 6,
    generation: 4,
    point,
    bytes: bytes(1, 2),
    next: "cart|c",
    done: false,
  },
  { type: "copyFilled", epoch: 6, store, generation: 4, point, done: true },
  { type: "releaseCopy", epoch: 6, generation: 4 },
  { type: "copyReleased", epoch: 6, store, generation: 5 },
];

function batchOf(sent: readonly ReplicationMessage[]): Uint8Array {
  const batch = new MessageBatch();
  for (const [shard, message] of sent.entries()) batch.add(shard, message);
  return batch.take("carts");
}

Deno.test("the messages of copies are the same after their form in bytes", () => {
  const parsed = parseMessages(batchOf(messages));
  assertEquals(parsed?.shardType, "carts");
  assertEquals(parsed?.messages.map(({ message }) => message), messages);
  assertEquals(parsed?.messages.map(({ shard }) => shard), messages.map((_, index) => index));
});

Deno.test("what was parsed is no part of the bytes, which are used again", () => {
  const sent = batchOf(messages);
  const parsed = parseMessages(sent);
  sent.fill(0);
  assertEquals(parsed?.messages.map(({ message }) => message), messages);
});

Deno.test("bytes that are no messages are ignored, whole or in part", () => {
  assertEquals(parseMessages("text"), undefined);
  for (const message of messages) {
    const whole = batchOf([message]);
    for (let end = 0; end < whole.length; end++) {
      assertEquals(parseMessages(whole.slice(0, end)), undefined);
    }
    for (let index = 0; index < whole.length; index++) {
      const wrong = whole.slice();
      wrong[index] = 0xff;
      parseMessages(wrong);
    }
  }
});

Deno.test("a log whose epochs go back, and what is of a later epoch than its message, is refused", () => {
  const append = { type: "appendLog", epoch: 6, previous: position, acked: 17, trim: 2 } as const;
  for (const epochs of [[4], [6, 5], [7]]) {
    const wrong = epochs.map((epoch) => ({ ...entries[0]!, epoch }));
    assertEquals(parseMessages(batchOf([{ ...append, entries: wrong }])), undefined, `${epochs}`);
  }
  assertEquals(parseMessages(batchOf([{ type: "storeConfig", epoch: 4, config }])), undefined);
});

Deno.test("a list of stores that is too long is refused", () => {
  const stores = Array.from({ length: 1_001 }, (_, index) => ({ address: "a:1", store: index }));
  const long = { type: "promiseEpoch", epoch: 6, bootstrap: { stores, closed: false } } as const;
  assertEquals(parseMessages(batchOf([long])), undefined);
  const sets = { version: [1, 1] as const, inSync: stores.slice(0, 65), minAcks: 1 };
  assertEquals(
    parseMessages(batchOf([{ type: "storeConfig", epoch: 1, config: sets }])),
    undefined,
  );
});

const control: readonly ControlMessage[] = [
  {
    type: "announceType",
    shardType: "carts",
    runs: true,
    retiring: false,
    isAnswer: true,
    record: bootstrap,
  },
  {
    type: "shardStatuses",
    shardType: "carts",
    shards: [
      { shard: 3, epoch: 9, phase: "open", config, replicas: ["a:1"], lagging: [] },
      { shard: 4, epoch: 9, phase: "fencing", replicas: [], lagging: ["b:1"] },
    ],
  },
  { type: "copyConfigs", shardType: "carts", copies: [{ shard: 3, config }] },
  { type: "orderReplicas", shardType: "carts", shard: 3, epoch: 9, addresses: ["a:1", "b:1"] },
  { type: "moveOwner", shardType: "carts", shard: 3, epoch: 9, to: "", above: 12 },
  { type: "closeBootstrap", shardType: "carts" },
  { type: "askOwners", shardType: "carts", shards: [3, 4] },
  { type: "tellOwners", shardType: "carts", grants: [[3, 9, "a:1"]] },
];

Deno.test("the messages of nodes about a type are the same after they were sent", () => {
  for (const message of control) assertEquals(parseControl(encodeControl(message)), message);
});

Deno.test("a message about a type with a field of another form is ignored", () => {
  for (const message of control) {
    const sent = encodeControl(message) as Record<string, unknown>;
    for (const field of Object.keys(sent)) {
      for (const wrong of [undefined, null, -1, {}, [null], new Uint8Array(3), "x".repeat(300)]) {
        const parsed = parseControl({ ...sent, [field]: wrong });
        assert(parsed === undefined || parsed.type !== undefined, `${message.type}: ${field}`);
        if (wrong === null) assertEquals(parsed, undefined, `${message.type}: ${field}`);
      }
    }
  }
});
