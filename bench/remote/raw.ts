import net from "node:net";
import tls from "node:tls";
import { Buffer } from "node:buffer";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { quantile } from "./measures.ts";

/** Bytes that one write of a flood has at least. */
const batchBytes = 65_536;
const questionSize = 100;
const frame = 4 + questionSize;

/** A framed TLS socket with nothing else on it. */
export class RawSocket implements AsyncDisposable {
  readonly #socket: tls.TLSSocket;

  private constructor(socket: tls.TLSSocket) {
    this.#socket = socket;
  }

  static async connect(address: string, material: TlsMaterial): Promise<RawSocket> {
    return new RawSocket(await connect(address, material));
  }

  /** Frames a second, one way, with so many bytes each. */
  oneWay(size: number, frames: number): Promise<number> {
    return oneWay(this.#socket, size, frames);
  }

  /** Round trips, one after another. */
  echo(times: number): Promise<{ p50: number; p99: number }> {
    return echo(this.#socket, times);
  }

  /** Round trips a second, `width` under way. */
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

/** Connections a second: each is made, has one frame answered, and is closed. */
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

/** The peer answers the frame that begins with 2, which is the last. */
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
  end.writeUInt32BE(questionSize, 0);
  end[4] = 2;
  socket.write(end);
  await done;
  return sent / ((performance.now() - begin) / 1_000);
}

/** The peer answers a frame that begins with 2 with itself. */
async function echo(
  socket: tls.TLSSocket,
  asks: number,
): Promise<{ p50: number; p99: number }> {
  const question = Buffer.alloc(frame);
  question.writeUInt32BE(questionSize, 0);
  question[4] = 2;
  const times: number[] = [];
  for (let i = 0; i < asks; i++) {
    const begin = performance.now();
    question.writeUInt32BE(i, 5);
    const done = answer(socket);
    socket.write(question);
    const answered = (await done).readUInt32BE(5);
    if (answered !== i) throw new Error(`question ${i} got the answer to ${answered}`);
    times.push((performance.now() - begin) * 1_000);
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** Answers that arrive together are followed by as many questions in one write. */
function echoRate(socket: tls.TLSSocket, total: number, width: number): Promise<number> {
  const questions = Buffer.alloc(frame * width);
  for (let at = 0; at < questions.length; at += frame) {
    questions.writeUInt32BE(questionSize, at);
    questions[at + 4] = 2;
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
    if (answered > sent) throw new Error(`${answered} answers to ${sent} questions`);
    const more = Math.min(whole, total - sent);
    sent += more;
    if (more > 0) socket.write(questions.subarray(0, more * frame));
    if (answered < total) return;
    socket.off("data", onData);
    resolve(total / ((performance.now() - begin) / 1_000));
  };
  socket.on("data", onData);
  socket.write(questions);
  return promise;
}

/** The next frame. There is only one under way. */
function answer(socket: tls.TLSSocket): Promise<Buffer> {
  return new Promise((resolve) => {
    let got: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      got = got.length === 0 ? chunk : Buffer.concat([got, chunk]);
      if (got.length < frame) return;
      socket.off("data", onData);
      if (got.length !== frame) throw new Error(`${got.length} bytes of answer to one question`);
      resolve(got);
    };
    socket.on("data", onData);
  });
}
