import { assert, assertEquals } from "@std/assert";
import { createCa, issueNode } from "../../cert.ts";
import type { ActorRef } from "../../mod.ts";
import { defaultTransportLimits } from "../../lib/transport/base/limits.ts";
import { type CounterMessage, openSystem } from "./slow_reader_child.ts";

const script = new URL("slow_reader_child.ts", import.meta.url).pathname;
const messages = 500_000;
const text = "x".repeat(200);
/** All that the sender may keep for one peer: what waits, and what is not acknowledged. */
const bound = defaultTransportLimits.maxQueuedBytes + defaultTransportLimits.window;
/** What the garbage of the sending itself may take between two collections, bytes. */
const garbage = 64 * 2 ** 20;

async function firstLine(output: ReadableStream<Uint8Array>): Promise<string> {
  let line = "";
  for await (const chunk of output.pipeThrough(new TextDecoderStream())) {
    line += chunk;
    if (line.includes("\n")) break;
  }
  return line.trim();
}

function memory(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

Deno.test({
  name: "a reader that is stopped costs the sender bounded memory, and is served when it goes on",
  // Signals of this kind are not known there.
  ignore: Deno.build.os === "windows",
  async fn() {
    const ca = await createCa();
    const { cert, key } = await issueNode(ca, { hosts: ["127.0.0.1"] });
    const tls = { cert, key, ca: ca.cert };
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", script, JSON.stringify(tls)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const address = (await firstLine(child.stdout)).replace("READY ", "");
    const { system, remoting } = await openSystem("sender", tls);
    const reasons = new Map<string, number>();
    system.eventStream.subscribe("deadLetter", ({ reason }) => {
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    });
    const counter = remoting.refTo({ node: address, path: "/counter", uid: 0 }) as ActorRef<
      CounterMessage
    >;
    const get = (replyTo: ActorRef<number>) => ({ type: "get", replyTo }) as const;
    assertEquals(await system.ask(counter, get, { timeout: 20_000 }), 0);

    child.kill("SIGSTOP");
    const before = memory();
    let peak = 0;
    for (let i = 0; i < messages; i++) {
      counter.tell({ type: "count", text });
      if (i % 1_000 === 999) {
        peak = Math.max(peak, memory() - before);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const lost = reasons.get("queueFull") ?? 0;
    assertEquals([...reasons.keys()], ["queueFull"]);
    assert(lost > messages / 2, `${lost} messages were refused`);
    assert(peak < bound + garbage, `${peak} bytes at most`);

    assertEquals(remoting.endpoint.queued(address).messages > 50_000, true);
    let drained = false;
    const draining = remoting.endpoint.drained(address).then(() => drained = true);
    await new Promise((resolve) => setImmediate(resolve));
    assertEquals(drained, false);

    child.kill("SIGCONT");
    await draining;
    assert(remoting.endpoint.queued(address).messages < 50_000);
    // In order: what was taken arrives before the question does.
    assertEquals(await system.ask(counter, get, { timeout: 30_000 }), messages - lost);
    assertEquals([...reasons.keys()], ["queueFull"]);
    await system.shutdown();
    await remoting.close();
    await child.stdin.close();
    assertEquals((await child.status).code, 0);
  },
});
