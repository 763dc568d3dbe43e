import { assert, assertEquals } from "@std/assert";
import { parseReplicationMessage } from "../../lib/replication/parse_message.ts";
import type { ReplicationMessage } from "../../lib/replication/replication_protocol.ts";
import { runSeed } from "./replication_seeds.ts";
import { ReplicationWorld } from "./replication_world.ts";

const position = { epoch: 5, index: 3, chain: 9 };
const append = {
  type: "appendLog",
  epoch: 5,
  previous: position,
  entries: [{ epoch: 5, index: 4, chain: 1, payload: new Uint8Array(2) }],
  acked: 2,
  trim: 0,
};

Deno.test("every message of a run of the model is accepted as it was sent", () => {
  const seen = new Set<string>();
  const { send } = ReplicationWorld.prototype;
  try {
    ReplicationWorld.prototype.send = function (from, to, message) {
      const parsed = parseReplicationMessage(message);
      if (parsed === undefined) this.fail(`not accepted: ${JSON.stringify(message)}`);
      seen.add(message.type);
      send.call(this, from, to, message);
    };
    for (let seed = 0; seed < 12; seed++) runSeed(seed);
  } finally {
    ReplicationWorld.prototype.send = send;
  }
  const types: ReplicationMessage["type"][] = [
    "promiseEpoch",
    "epochPromised",
    "epochRefused",
    "appendLog",
    "logAppended",
    "logGap",
    "storeConfig",
    "configStored",
    "fillCopy",
    "copyFilled",
    "releaseCopy",
    "copyReleased",
  ];
  assertEquals([...seen].sort(), types.sort());
});

Deno.test("a message with a field that is missing or out of range is refused as a whole", () => {
  assert(parseReplicationMessage(append) !== undefined);
  const [entry] = append.entries;
  const many = Array.from({ length: 20_000 }, (_, i) => ({ ...entry, index: 4 + i }));
  const wrong: unknown[] = [
    undefined,
    [],
    { ...append, type: "other" },
    { ...append, epoch: -1 },
    { ...append, epoch: 0.5 },
    { ...append, previous: { ...position, chain: 2 ** 32 } },
    { ...append, entries: [{ ...entry, index: 5 }] },
    { ...append, entries: [{ ...entry, epoch: 4 }] },
    { ...append, entries: [{ ...entry, payload: "text" }] },
    { ...append, entries: many },
    { type: "logAppended", epoch: 5, store: { address: "", store: 1 }, generation: 0, through: 1 },
    { type: "storeConfig", epoch: 5, config: { version: [1, 0], inSync: [], minAcks: 1 } },
    { type: "promiseEpoch", epoch: 5, bootstrap: { stores: [], closed: 1 } },
    {
      type: "promiseEpoch",
      epoch: 5,
      bootstrap: { stores: Array(2_000).fill({ address: "a", store: 1 }), closed: false },
    },
  ];
  for (const value of wrong) {
    assertEquals(parseReplicationMessage(value), undefined, JSON.stringify(value)?.slice(0, 90));
  }
});
