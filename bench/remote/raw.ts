import net from "node:net";
import tls from "node:tls";
import { Buffer } from "node:buffer";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { quantile } from "./measures.ts";

/** The minimal size in bytes of one write of a flood. */
const batchBytes = 65_536;
const requestSize = 100;
const frame = 4 + requestSize;

/** A framed TLS socket without a codec. */
export class RawSocket implements AsyncDisposable {
  readonly #socket: tls.TLSSocket;

  private constructor(socket: tls.TLSSocket) {
    this.#socket = socket;
  }

  static async connect(address: string, material: TlsMaterial): Promise<RawSocket> {
    return new RawSocket(await connect(address, material));
  }

  /** Frames per second in one direction, with the given number of bytes each. */
  oneWay(size: number, frames: number): Promise<number> {
    return oneWay(this.#socket, size, frames);
  }

  /** Round trips, one after another. */
  echo(times: number): Promise<{ p50: number; p99: number }> {
    return echo(this.#socket, times);
  }

  /** Round trips per second, `width` in flight. */
  echoRate(total: number, width: number): Promise<number> {
    return echoRate(this.#socket, total, width);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}

/** Connects with a certificate. */
export function connect(address: string, material: TlsMaterial): Promise<tls.TLSSocket> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const plain = net.connect({ host, port: Number(port), noDelay: true });
    const socket = tls.connect({ socket: plain, ...material, host });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Connections per second: each is opened, used for one round trip, and closed. */
export async function rawConnectionRate(
  address: string,
  material: TlsMaterial,
  total: number,
  width: number,
): Promise<number> {
  let left = total;
  const worker = async () => {
    while (left-- > 0) {
      await using socket = await RawSocket.connect(address, material);
      await socket.echo(1);
    }
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: width }, worker));
  return total / ((performance.now() - begin) / 1_000);
}

/** The peer replies to the frame that starts with 2, which is the last. */
async function oneWay(socket: tls.TLSSocket, size: number, frames: number): Promise<number> {
  const whole = 4 + size;
  const perBatch = Math.ceil(batchBytes / whole);
  const batch = Buffer.alloc(whole * perBatch);
  for (let at = 0; at < batch.length; at += whole) {
    batch.writeUInt32BE(size, at);
    batch[at + 4] = 1;
  }
  const begin = performance.now();
  const done = answer(socket);
  let sent = 0;
  for (; sent < frames; sent += perBatch) {
    if (!socket.write(batch)) await new Promise((resolve) => socket.once("drain", resolve));
  }
  const end = Buffer.alloc(frame);
  end.writeUInt32BE(requestSize, 0);
  end[4] = 2;
  socket.write(end);
  await done;
  return sent / ((performance.now() - begin) / 1_000);
}

/** The peer returns frames that start with 2. */
async function echo(
  socket: tls.TLSSocket,
  asks: number,
): Promise<{ p50: number; p99: number }> {
  const request = Buffer.alloc(frame);
  request.writeUInt32BE(requestSize, 0);
  request[4] = 2;
  const times: number[] = [];
  for (let i = 0; i < asks; i++) {
    const begin = performance.now();
    request.writeUInt32BE(i, 5);
    const done = answer(socket);
    socket.write(request);
    const answered = (await done).readUInt32BE(5);
    if (answered !== i) throw new Error(`request ${i} got the reply to ${answered}`);
    times.push((performance.now() - begin) * 1_000);
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** Replies that arrive together are followed by as many requests in one write. */
function echoRate(socket: tls.TLSSocket, total: number, width: number): Promise<number> {
  const requests = Buffer.alloc(frame * width);
  for (let at = 0; at < requests.length; at += frame) {
    requests.writeUInt32BE(requestSize, at);
    requests[at + 4] = 2;
  }
  const { promise, resolve } = Promise.withResolvers<number>();
  const begin = performance.now();
  let sent = width;
  let answered = 0;
  let rest = 0;
  const onData = (chunk: Uint8Array) => {
    rest += chunk.byteLength;
    const whole = Math.floor(rest / frame);
    rest -= whole * frame;
    answered += whole;
    if (answered > sent) throw new Error(`${answered} replies to ${sent} requests`);
    const more = Math.min(whole, total - sent);
    sent += more;
    if (more > 0) socket.write(requests.subarray(0, more * frame));
    if (answered < total) return;
    socket.off("data", onData);
    resolve(total / ((performance.now() - begin) / 1_000));
  };
  socket.on("data", onData);
  socket.write(requests);
  return promise;
}

/** The next frame. Only one is in flight. */
function answer(socket: tls.TLSSocket): Promise<Buffer> {
  return new Promise((resolve) => {
    let got: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      got = got.length === 0 ? chunk : Buffer.concat([got, chunk]);
      if (got.length < frame) return;
      socket.off("data", onData);
      if (got.length !== frame) throw new Error(`${got.length} bytes of reply to one request`);
      resolve(got);
    };
    socket.on("data", onData);
  });
}
