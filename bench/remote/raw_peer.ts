/**
 * The peer process of `raw.ts`: reads frames, returns those that start with 2, one write per chunk.
 */
import tls from "node:tls";
import { Buffer } from "node:buffer";
import { givenTls, inputEnd } from "./peer.ts";

const server = tls.createServer(
  { ...givenTls(), requestCert: true, rejectUnauthorized: true, noDelay: true },
  (socket) => {
    let rest: Buffer = Buffer.alloc(0);
    /** Remaining bytes of a frame that needs no reply. */
    let skip = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = Math.min(skip, bytes.length);
      skip -= at;
      let answered = at;
      while (bytes.length - at >= 5) {
        const end = at + 4 + bytes.readUInt32BE(at);
        const asks = bytes[at + 4] === 2;
        if (end > bytes.length && asks) break;
        at = Math.min(end, bytes.length);
        skip = end - at;
        // Frames without a reply only precede the first request.
        if (!asks) answered = at;
      }
      if (answered < at) socket.write(bytes.subarray(answered, at));
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
