/** The peer process of `bare.ts`: a counter. */
import tls from "node:tls";
import type { BenchMessage } from "./counter.ts";
import { BareLink } from "./bare.ts";
import { givenTls, inputEnd } from "./peer.ts";

const server = tls.createServer(
  { ...givenTls(), requestCert: true, rejectUnauthorized: true, noDelay: true },
  (socket) => {
    let count = 0;
    new BareLink(socket).handlers.set("/counter", (given) => {
      const message = given as BenchMessage;
      if (message.type === "count") count++;
      else message.replyTo.tell(count);
    });
  },
);
server.listen(0, "127.0.0.1", () => {
  const address = server.address() as { port: number };
  console.log(`127.0.0.1:${address.port}`);
});
await inputEnd();
Deno.exit(0);
