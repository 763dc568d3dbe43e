/**
 * Starts a stall responder, stands still, and prints what the responder told of that as one line of
 * JSON. Its first argument is TLS material as JSON.
 */
import process from "node:process";
import type { TlsMaterial } from "@casty/casty/runtime";
import { systemStallProbe } from "../../../lib/cluster/stall/system_stall_probe.ts";

const tls = JSON.parse(process.argv[2]!) as TlsMaterial;
const ended: string[] = [];
const responder = await systemStallProbe.serve({
  host: "127.0.0.1",
  port: 0,
  tls,
  incarnation: 7,
  onEnd: (reason) => void ended.push(reason),
});

async function ask(incarnation = 7): Promise<string> {
  const target = { host: "127.0.0.1", port: responder.port, serverName: "127.0.0.1" };
  return (await systemStallProbe.ask({ ...target, tls, incarnation, timeout: 30_000 })).outcome;
}

// As a node does, so that a slow machine does not look like a stall.
const beats = setInterval(() => responder.beat(), 100);
responder.beat();
const alive = await ask();
const otherIncarnation = await ask(8);
clearInterval(beats);
const end = performance.now() + 1_500;
while (performance.now() < end);
const stalled = await ask();
await responder.close();
console.log(JSON.stringify({ alive, otherIncarnation, stalled, closed: await ask(), ended }));
process.exit(0);
