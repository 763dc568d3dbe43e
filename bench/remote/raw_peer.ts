/** The far end of `raw.ts`: counts frames, sends a frame back that begins with 2. */
import tls from "node:tls";
import { Buffer } from "node:buffer";
import { givenTls, inputEnd } from "./peer.ts";

const server = tls.createServer(
  { ...givenTls(), requestCert: true, rejectUnauthorized: true, noDelay: true },
  (socket) => {
    let rest: Buffer = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      while (bytes.length - at >= 4) {
        const end = at + 4 + bytes.readUInt32BE(at);
        if (end > bytes.length) break;
        if (bytes[at + 4] === 2) socket.write(bytes.subarray(at, end));
        at = end;
      }
      rest = bytes.subarray(at);
    });
  },
);
server.listen(0, "127.0.0.1", () => {
  const address = server.address() as { port: number };
  console.log(`127.0.0.1:${address.port}`);
});
await inputEnd();
Deno.exit(0);
