/** Opens silent connections, 100 a second from each of some addresses, in a process of its own. */
import { connect, type Socket } from "node:net";

const { port, count } = JSON.parse(Deno.args[0]!) as { port: number; count: number };
const sockets: Socket[] = [];
const begun = performance.now();
let opened = 0;
setInterval(() => {
  const due = (performance.now() - begun) / 1_000 * 100 * count;
  // What the machine cannot do in time is not made up for in bursts.
  for (let burst = 0; opened < due; opened++) {
    if (++burst > 200) continue;
    const i = opened % count;
    const localAddress = `127.0.${1 + (i >> 7)}.${2 + (i & 127)}`;
    const socket = connect({ host: "127.0.0.1", port, localAddress } as never);
    socket.on("error", () => {});
    sockets.push(socket);
    if (sockets.length > 1_000) sockets.shift()!.destroy();
  }
}, 5);
console.log("flooding");
