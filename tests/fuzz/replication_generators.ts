import { type ControlMessage, encodeControl } from "../../lib/replication/control_form.ts";
import { MessageBatch } from "../../lib/replication/message_form.ts";
import type { ReplicationMessage } from "../../lib/replication/replication_protocol.ts";
import { FeedBatch, feedBytes } from "../../lib/replication/standby/standby_form.ts";
import { atPath, type Generators } from "./at_path.ts";
import type { Draws } from "./draws.ts";
import { mutated } from "./mutation.ts";

const section = "Replicated types";
const phases = ["fencing", "opening", "open", "closed"] as const;

const store = (d: Draws) => ({ address: d.address(), store: d.count(d.int(9)) });
const stores = (d: Draws) => [store(d), ...d.list(2, () => store(d))];
const config = (d: Draws) => ({
  version: [d.epoch(), d.count(d.int(9))] as const,
  inSync: stores(d),
  minAcks: d.int(3),
  ...d.maybe("previous", () => [{ inSync: stores(d), minAcks: d.int(3) }]),
});
const bootstrap = (d: Draws) => ({ stores: d.list(4, () => store(d)), closed: d.chance(0.2) });
const position = (d: Draws) => ({
  epoch: d.epoch(),
  index: d.count(d.int(20)),
  chain: d.count(d.int(9)),
});
const point = (d: Draws) => ({ at: position(d), cursor: d.text() });
const copy = (d: Draws) => ({
  last: position(d),
  acked: d.count(d.int(20)),
  generation: d.count(d.int(4)),
  ...d.maybe("config", () => config(d)),
  ...d.maybe("filling", () => point(d)),
});

/** A message between copies. */
function message(d: Draws): ReplicationMessage {
  const epoch = d.epoch();
  const generation = d.count(d.int(4));
  const previous = position(d);
  return d.one<() => ReplicationMessage>([
    () => ({ type: "promiseEpoch", epoch, bootstrap: bootstrap(d) }),
    () => ({
      type: "epochPromised",
      epoch,
      store: store(d),
      copy: copy(d),
      bootstrap: bootstrap(d),
    }),
    () => ({ type: "epochRefused", epoch, promised: d.epoch() }),
    () => ({
      type: "appendLog",
      epoch,
      previous,
      entries: d.list(3, () => ({
        epoch: Math.max(previous.epoch, epoch),
        index: previous.index + 1,
        chain: d.count(d.int(9)),
        payload: d.bytes(d.int(30)) as Uint8Array<ArrayBuffer>,
      })),
      acked: d.count(d.int(20)),
      trim: d.count(d.int(20)),
    }),
    () => ({
      type: "logAppended",
      epoch,
      store: store(d),
      generation,
      through: d.count(d.int(20)),
    }),
    () => ({ type: "logGap", epoch, store: store(d), last: previous }),
    () => ({ type: "storeConfig", epoch, config: config(d) }),
    () => ({ type: "configStored", epoch, store: store(d), version: [d.epoch(), d.count(3)] }),
    () => ({
      type: "fillCopy",
      epoch,
      generation,
      point: point(d),
      bytes: d.bytes(d.int(60)) as Uint8Array<ArrayBuffer>,
      next: d.text(),
      done: d.chance(0.5),
    }),
    () => ({
      type: "copyFilled",
      epoch,
      store: store(d),
      generation,
      point: point(d),
      done: d.chance(0.5),
    }),
    () => ({ type: "releaseCopy", epoch, generation }),
    () => ({ type: "copyReleased", epoch, store: store(d), generation }),
  ])();
}

/** Bytes of messages as they are sent, whole, cut or changed, or any. */
function batch(d: Draws): unknown {
  if (d.chance(0.1)) return d.value();
  if (d.chance(0.1)) return d.bytes(d.int(60));
  const messages = new MessageBatch();
  for (let left = 1 + d.int(4); left > 0; left--) messages.add(d.shard(), message(d));
  const bytes = messages.take(d.type()).slice();
  if (d.chance(0.2)) return bytes.subarray(0, d.int(bytes.length));
  if (d.chance(0.2)) bytes[d.int(bytes.length)] = d.int(256);
  return bytes;
}

/** The same of items for standbys. */
function feed(d: Draws): unknown {
  const items = new FeedBatch();
  const id = () => d.chance(0.8) ? `${d.type()}|${d.int(9)}` : d.text();
  for (let left = 1 + d.int(6); left > 0; left--) {
    const event = {
      payload: d.bytes(d.int(30)) as Uint8Array<ArrayBuffer>,
      version: d.int(2),
      at: d.int(9),
      checksum: d.count(9),
    };
    const expectedSeq = d.count(d.int(4));
    d.one([
      () => items.add({ type: "follow", shard: d.shard(), epoch: d.epoch() }),
      () => items.add({ type: "following", shard: d.shard(), epoch: d.epoch() }),
      () => items.add({ type: "release", shard: d.shard() }),
      () => items.add({ type: "running", id: id(), seq: d.count(d.int(20)) }),
      () => items.add({ type: "saved", id: id(), seq: d.count(d.int(20)) }),
      () => items.add({ type: "forget", id: id() }),
      () =>
        items.addAppend(feedBytes({ id: id(), expectedSeq, epoch: d.epoch(), events: [event] })),
    ])();
  }
  const bytes = items.take(d.type()).slice();
  if (d.chance(0.2)) return bytes.subarray(0, d.int(bytes.length));
  if (d.chance(0.2)) bytes[1 + d.int(bytes.length - 1)] = d.int(256);
  return bytes;
}

/** The form that is sent. */
const control = (made: ControlMessage): Record<string, unknown> =>
  encodeControl(made) as Record<string, unknown>;

const about = (d: Draws) => ({ shardType: d.type(), shard: d.shard(), epoch: d.epoch() });

/** To nodes with replicated types. */
export const replication: Generators = {
  ...atPath(section, "/_cluster/replicas", {
    announceType: (d) =>
      control({
        type: "announceType",
        shardType: d.type(),
        runs: d.chance(0.7),
        retiring: d.chance(0.3),
        record: bootstrap(d),
        isAnswer: d.chance(0.5),
      }),
    shardStatuses: (d) =>
      control({
        type: "shardStatuses",
        shardType: d.type(),
        shards: d.list(4, () => ({
          shard: d.shard(),
          epoch: d.epoch(),
          phase: d.one(phases),
          ...d.maybe("config", () => config(d)),
          replicas: d.list(3, () => d.address()),
          lagging: d.list(3, () => d.address()),
        })),
      }),
    copyConfigs: (d) =>
      control({
        type: "copyConfigs",
        shardType: d.type(),
        copies: d.list(4, () => ({ shard: d.shard(), config: config(d) })),
      }),
    orderReplicas: (d) => ({ ...about(d), addresses: d.list(4, () => d.address()) }),
    moveOwner: (d) => ({ ...about(d), to: d.chance(0.3) ? "" : d.address(), above: d.epoch() }),
    closeBootstrap: (d) => ({ shardType: d.type() }),
    askOwners: (d) => ({ shardType: d.type(), shards: d.list(9, () => d.shard()) }),
    tellOwners: (d) => ({
      shardType: d.type(),
      grants: d.list(9, () => [d.shard(), d.epoch(), d.address()]),
    }),
    announceStandby: (d) => ({
      shardType: d.type(),
      runs: d.chance(0.7),
      retiring: d.chance(0.3),
      isAnswer: d.chance(0.5),
    }),
    standbyShards: (d) => ({
      shardType: d.type(),
      shards: d.list(9, () => [d.shard(), d.epoch(), d.count(d.int(9))]),
    }),
  }),
  "Copies of shards/messages": {
    path: "/_cluster/replication",
    make: (d) => d.chance(0.1) ? mutated(d, batch(d)) : batch(d),
  },
  "Copies of shards/feed": {
    path: "/_cluster/replication",
    make: (d) => d.chance(0.1) ? mutated(d, feed(d)) : feed(d),
  },
};
