import { assertEquals, assertRejects } from "@std/assert";
import { createCa, issueNode } from "../../cert.ts";
import { AskError, Behaviors } from "../../mod.ts";
import type { ActorRef } from "../../mod.ts";
import { openSystem } from "./slow_reader_child.ts";

interface Echo {
  readonly text: string;
  readonly replyTo: ActorRef<string>;
}

Deno.test("10 MB cross mutual TLS and come back; what is beyond maxMessage is a dead letter", async () => {
  const ca = await createCa();
  const { cert, key } = await issueNode(ca, { hosts: ["127.0.0.1"] });
  const tls = { cert, key, ca: ca.cert };
  const near = await openSystem("near", tls);
  const far = await openSystem("far", tls);
  far.system.spawn(
    Behaviors.receive<Echo>((_context, { text, replyTo }) => {
      replyTo.tell(text);
      return Behaviors.same();
    }),
    "echo",
  );
  const address = { node: far.remoting.address, path: "/echo", uid: 0 };
  const echo = near.remoting.refTo(address) as ActorRef<Echo>;
  const ask = (text: string) =>
    near.system.ask(echo, (replyTo: ActorRef<string>) => ({ text, replyTo }), { timeout: 20_000 });
  const reasons: string[] = [];
  near.system.eventStream.subscribe("deadLetter", ({ reason }) => reasons.push(reason));
  for (const size of [10, 2_000_000, 10_000_000, 3]) {
    const text = `${size}`.repeat(size / `${size}`.length);
    assertEquals((await ask(text)) === text, true);
  }
  assertEquals(reasons, []);
  await assertRejects(() => ask("x".repeat(16_777_217)), AskError, "tooLarge");
  assertEquals(reasons, ["tooLarge"]);
  for (const { system, remoting } of [near, far]) {
    await system.shutdown();
    await remoting.close();
  }
});
