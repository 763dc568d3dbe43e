import { constants, deflateRawSync } from "node:zlib";
import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { transportLimits } from "../../lib/transport/base/limits.ts";
import { Connection } from "../../lib/transport/connection/connection.ts";
import type {
  LongRead,
  ReadTurns,
  WaitingReader,
} from "../../lib/transport/connection/read_turns.ts";
import { FrameType, HEADER_BYTES } from "../../lib/wire/frame.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
import { chunkedSize, writeChunks } from "../../lib/wire/chunks.ts";
import { compress } from "../../lib/wire/compression.ts";
import { FakeLink } from "./fake_link.ts";

/** A link that shows whether it is read. */
class PausedLink extends FakeLink {
  paused = false;
  override pause(): void {
    this.paused = true;
  }
  override resume(): void {
    this.paused = false;
  }
}

/** Turns of one message each. */
class OneByOne implements ReadTurns {
  readonly waiting: WaitingReader[] = [];
  inflated = 0;
  begin = () => this.waiting.length === 0;
  spend(_values: number, inflated: number): boolean {
    this.inflated += inflated;
    return false;
  }
  wait(reader: WaitingReader): void {
    this.waiting.push(reader);
  }
  leave(reader: WaitingReader): void {
    this.waiting.splice(this.waiting.indexOf(reader) >>> 0, 1);
  }
  next(): void {
    this.waiting.shift()!.proceed();
  }
}

class Scene {
  readonly clock = new ManualClock();
  readonly link = new PausedLink();
  readonly turns = new OneByOne();
  readonly received: number[] = [];
  readonly closed: string[] = [];
  /** Steps that a message takes whose first byte is 9. */
  steps = 0;
  readonly connection: Connection;

  constructor(acceptCompressed = true) {
    const limits = transportLimits({ acceptCompressed });
    this.connection = new Connection(this.link, this.clock, limits, {
      onFrame: () => {},
      onMessage: (bytes, start) => {
        if (bytes[start] !== 9) return void this.received.push(bytes[start]!);
        return this.#long();
      },
      onClosed: ({ reason }) => this.closed.push(reason),
      onSignOfLife: () => {},
      onUnsent: () => {},
    });
    this.connection.open(limits, this.turns);
  }

  #long(): LongRead {
    let left = this.steps;
    const received = this.received;
    return {
      get done() {
        return left === 0;
      },
      step: () => {
        if (--left === 0) received.push(9);
        return 100;
      },
    };
  }

  /** Messages of one byte each, in one chunk. */
  send(...messages: number[]): void {
    const writer = new FrameWriter(2 ** 20);
    for (const message of messages) writer.append(FrameType.message, Uint8Array.of(message));
    this.link.onData(writer.take());
  }

  /** Bytes that were acknowledged. */
  async credit(): Promise<number> {
    await this.clock.advance(100);
    const last = this.link.frames.filter(({ type }) => type === FrameType.credit).at(-1);
    if (last === undefined) return 0;
    const { buffer, byteOffset } = last.payload;
    return new DataView(buffer, byteOffset).getFloat64(0);
  }
}

const size = HEADER_BYTES + 1;

Deno.test("a connection does not blame the peer for the time in which it reads nothing itself", async () => {
  const { idleTimeout } = transportLimits({});
  const it = new Scene();
  const { turns, clock, closed, received } = it;
  it.connection.send(Uint8Array.of(7));
  it.send(1, 2);
  await clock.advance(2 * idleTimeout);
  assertEquals([received, closed], [[1], []]);
  turns.next();
  await clock.advance(2 * idleTimeout);
  assertEquals([received, closed], [[1, 2], []]);
  turns.next();
  await clock.advance(idleTimeout);
  assertEquals(closed, [`silent for idleTimeout (${idleTimeout} ms)`]);
});

Deno.test("a peer whose turn is over is not read, and gets no credit for what waits", async () => {
  const it = new Scene();
  const { turns, link, received } = it;
  it.send(1, 2, 3);
  assertEquals([received, link.paused], [[1], true]);
  assertEquals(await it.credit(), size);
  // A link may deliver what it has decrypted already.
  it.send(4);
  turns.next();
  assertEquals([received, link.paused, await it.credit()], [[1, 2], true, 2 * size]);
  turns.next();
  turns.next();
  turns.next();
  assertEquals([received, link.paused, turns.waiting.length], [[1, 2, 3, 4], false, 0]);
  assertEquals(await it.credit(), 4 * size);
  it.send(5);
  assertEquals(received, [1, 2, 3, 4, 5]);
});

Deno.test("a message that takes several turns is acknowledged when it is read, in order", async () => {
  const it = new Scene();
  const { turns, received } = it;
  it.steps = 3;
  it.send(9, 2);
  for (let i = 0; i < 2; i++) turns.next();
  assertEquals([received, await it.credit()], [[], 0]);
  turns.next();
  assertEquals([received, await it.credit()], [[9], size]);
  turns.next();
  assertEquals([received, await it.credit()], [[9, 2], 2 * size]);
});

Deno.test("a connection that ends in a turn delivers nothing more and leaves the queue", async () => {
  const it = new Scene();
  const { turns, received, connection, closed } = it;
  it.steps = 2;
  it.send(9, 2);
  connection.destroy("the end");
  await it.clock.advance(0);
  assertEquals([received, closed, turns.waiting.length], [[], ["the end"], 0]);
  connection.proceed();
  assertEquals(received, []);
});

Deno.test("a connection that is closed reads no message that waits, and gives no credit for it", async () => {
  const it = new Scene();
  const { turns, received, connection } = it;
  it.steps = 2;
  it.send(1, 9, 3);
  connection.close("done");
  await it.clock.advance(0);
  while (turns.waiting.length > 0) turns.next();
  assertEquals(received, [1]);
  assertEquals(await it.credit(), size);
});

Deno.test("inflated bytes are counted; without acceptCompressed they end the connection", () => {
  const payload = compress(new Uint8Array(1_000).fill(7), 1_000)!;
  const on = new Scene();
  on.link.receive(FrameType.compressed, payload);
  assertEquals(on.received, [7]);
  // The head of a block counts as well.
  assert(on.turns.inflated > 1_000 && on.turns.inflated < 2_000, `${on.turns.inflated}`);
  const off = new Scene(false);
  off.link.receive(FrameType.compressed, payload);
  assertEquals([off.received, off.turns.inflated, off.closed.length], [[], 0, 1]);
});

/** A message of zeros, deflated without a look for repetitions: many bytes to inflate. */
function slowToInflate(size: number): Uint8Array {
  const deflated = deflateRawSync(new Uint8Array(size), { strategy: constants.Z_HUFFMAN_ONLY });
  const bytes = new Uint8Array(4 + deflated.length);
  new DataView(bytes.buffer).setUint32(0, size);
  bytes.set(deflated, 4);
  return bytes;
}

Deno.test("a compressed message is inflated in several turns, and is read once it is whole", async () => {
  const it = new Scene();
  const payload = slowToInflate(1_000_000);
  it.link.receive(FrameType.compressed, payload);
  it.send(2);
  let turns = 1;
  for (; it.received.length === 0; turns++) {
    assertEquals([it.connection.inMessage, await it.credit()], [true, 0]);
    it.turns.next();
  }
  assert(turns > 10 && turns < 20, `${turns} turns`);
  assertEquals(it.received, [0]);
  assertEquals(await it.credit(), HEADER_BYTES + payload.length);
  it.turns.next();
  assertEquals([it.received, it.closed], [[0, 2], []]);
});

Deno.test("chunks of a large message are joined in several turns, and counted as values", async () => {
  const it = new Scene();
  const message = new Uint8Array(8_000_000).fill(7);
  const stream = new Uint8Array(chunkedSize(message.length, 200_000));
  writeChunks(stream, 0, FrameType.message, message, 200_000);
  let rest = Promise.resolve(0);
  for (let at = 0; at < stream.length; at += 65_536) {
    it.link.onData(stream.subarray(at, at + 65_536));
    rest = it.credit();
  }
  await rest;
  let turns = 1;
  for (; it.received.length === 0; turns++) it.turns.next();
  assert(turns > 14 && turns < 20, `${turns} turns`);
  assertEquals(it.received, [7]);
  assertEquals(await it.credit(), stream.length);
});
