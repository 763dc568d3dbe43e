/** The peer process of `lanes.ts`: replies to heartbeats and requests, and counts messages. */
import { ActorSystem } from "@casty/casty";
import { Remoting } from "../../lib/remoting/remoting.ts";
import { counter } from "./counter.ts";
import { echoPath, heartbeatPath, lanesOptions } from "./lanes.ts";
import { givenTls, inputEnd } from "./peer.ts";

const system = new ActorSystem();
const remoting = await Remoting.start(system, lanesOptions(givenTls()));
remoting.handleNodes(heartbeatPath, ({ address }, message) => {
  remoting.send(address, heartbeatPath, 0, message);
});
remoting.handlePeers(echoPath, ({ address }, message) => {
  remoting.send(address, echoPath, 0, message);
});
system.spawn(counter(), "counter");
console.log(remoting.address);
await inputEnd();
await remoting.close();
await system.shutdown();
Deno.exit(0);
