/**
 * Asks a name server of its own through the resolver of Casty, and prints what that answers as one
 * line of JSON. For Node and Bun: Deno cannot be told to ask another server.
 */
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { setServers } from "node:dns";
import process from "node:process";
import { systemResolver } from "../../../lib/runtime/system_resolver.ts";

/** Data of records by their type (RFC 1035, 2782, 3596). */
const records: Readonly<Record<number, readonly Buffer[]>> = {
  1: [Buffer.from([10, 0, 0, 7]), Buffer.from([10, 0, 0, 8])],
  28: [Buffer.from("fd000000000000000000000000000009", "hex")],
  33: [Buffer.from("\x00\x01\x00\x02\x63\xb0\x05node3\x07example\x00", "latin1")],
};

function answer(query: Buffer): Buffer {
  let end = 12;
  while (query[end] !== 0) end += query[end]! + 1;
  end += 5;
  const type = query.readUInt16BE(end - 4);
  const found = query.includes("nothing") ? [] : records[type] ?? [];
  const head = Buffer.from(query.subarray(0, end));
  // A response, without additional records; 3: there is no such name.
  head.writeUInt16BE(found.length > 0 ? 0x8180 : 0x8183, 2);
  head.writeUInt16BE(found.length, 6);
  head.writeUInt32BE(0, 8);
  const all = found.map((data) => {
    const fields = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length]);
    return Buffer.concat([fields, data]);
  });
  return Buffer.concat([head, ...all]);
}

const server = createSocket("udp4");
server.on("message", (query: Buffer, { port, address }: { port: number; address: string }) => {
  server.send(answer(query), port, address);
});
await new Promise<void>((resolve) => void server.bind(0, "127.0.0.1", resolve));
setServers([`127.0.0.1:${server.address().port}`]);
console.log(JSON.stringify({
  a: await systemResolver.resolve("nodes.example", "A"),
  aaaa: await systemResolver.resolve("nodes.example", "AAAA"),
  srv: await systemResolver.resolve("_casty._tcp.example", "SRV"),
  unknown: await systemResolver.resolve("nothing.example", "A").then(() => "found", () => "fails"),
}));
process.exit(0);
