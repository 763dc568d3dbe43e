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

/** Throughput and round trip of a framed TLS socket with nothing else on it. */
export async function measureRaw(address: string, material: TlsMaterial): Promise<Row[]> {
  const socket = await connect(address, material);
  try {
    return [
      { name: "raw: framed TLS socket, 100 B one way", value: await oneWay(socket), unit: "/s" },
      { name: "raw: TLS echo of 100 B, p50", value: await echo(socket), unit: "us" },
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
    const done = answer(socket);
    socket.write(question);
    await done;
    times.push((performance.now() - begin) * 1_000);
  }
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

function answer(socket: tls.TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    let got = 0;
    const onData = (chunk: Uint8Array) => {
      got += chunk.byteLength;
      if (got < frame) return;
      socket.off("data", onData);
      resolve();
    };
    socket.on("data", onData);
  });
}
