import net from "node:net";
import tls from "node:tls";
import { Buffer } from "node:buffer";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import type { Row } from "../report.ts";

/** Frames of a raw measurement: 4 bytes of length, then the payload. */
const payload = 100;
const frame = 4 + payload;
const tells = 500_000;
const asks = 3_000;
const concurrentAsks = 60_000;

/** Throughput and round trip of a framed TLS socket with nothing else on it. */
export async function measureRaw(address: string, material: TlsMaterial): Promise<Row[]> {
  const socket = await connect(address, material);
  try {
    return [
      { name: "raw: framed TLS socket, 100 B one way", value: await oneWay(socket), unit: "/s" },
      { name: "raw: TLS echo of 100 B, sequential, p50", value: await echo(socket), unit: "us" },
      { name: "raw: TLS echo, 64 outstanding", value: await echoRate(socket, 64), unit: "/s" },
      { name: "raw: TLS echo, 256 outstanding", value: await echoRate(socket, 256), unit: "/s" },
    ];
  } finally {
    socket.destroy();
  }
}

function connect(address: string, material: TlsMaterial): Promise<tls.TLSSocket> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const plain = net.connect({ host, port: Number(port), noDelay: true });
    const socket = tls.connect({ socket: plain, ...material, host });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** The peer answers one frame when it has `tells` of them. */
async function oneWay(socket: tls.TLSSocket): Promise<number> {
  const batch = Buffer.alloc(frame * 640);
  for (let at = 0; at < batch.length; at += frame) {
    batch.writeUInt32BE(payload, at);
    batch[at + 4] = 1;
  }
  batch[4] = 1;
  const begin = performance.now();
  const done = answer(socket);
  for (let sent = 0; sent < tells; sent += 640) {
    if (!socket.write(batch)) await new Promise((resolve) => socket.once("drain", resolve));
  }
  const end = Buffer.alloc(frame);
  end.writeUInt32BE(payload, 0);
  end[4] = 2;
  socket.write(end);
  await done;
  return tells / ((performance.now() - begin) / 1_000);
}

/** The peer answers a frame that begins with 2 with itself. */
async function echo(socket: tls.TLSSocket): Promise<number> {
  const question = Buffer.alloc(frame);
  question.writeUInt32BE(payload, 0);
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
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

/** Answers that arrive together are followed by as many questions in one write. */
function echoRate(socket: tls.TLSSocket, width: number): Promise<number> {
  const questions = Buffer.alloc(frame * width);
  for (let at = 0; at < questions.length; at += frame) {
    questions.writeUInt32BE(payload, at);
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
    const more = Math.min(whole, concurrentAsks - sent);
    sent += more;
    if (more > 0) socket.write(questions.subarray(0, more * frame));
    if (answered < concurrentAsks) return;
    socket.off("data", onData);
    resolve(concurrentAsks / ((performance.now() - begin) / 1_000));
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
