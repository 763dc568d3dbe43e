import { assert, assertEquals, assertRejects } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { StatusReply } from "../../lib/actor/behavior/status_reply.ts";
import { AskError, AskTimeoutError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorTestKit } from "../../lib/testkit/actor_test_kit.ts";
import { BehaviorTestKit } from "../../lib/testkit/behavior_test_kit.ts";
import { VirtualSystem } from "./virtual_system.ts";

type Withdraw = { type: "withdraw"; amount: number; replyTo: ActorRef<StatusReply<number>> };

const account = (balance: number) =>
  Behaviors.receive<Withdraw>((_context, { amount, replyTo }) => {
    if (amount > balance) {
      replyTo.tell(
        StatusReply.error({ message: "not enough", code: "overdrawn", details: balance }),
      );
    } else if (amount >= 0) replyTo.tell(StatusReply.success(balance - amount));
    return Behaviors.same();
  });

Deno.test("askStatus resolves with the value of a success, whose type it infers", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const ref = system.spawn(account(100), "account");
  const rest: number = await clock.resolve(
    system.askStatus(ref, (replyTo) => ({ type: "withdraw", amount: 30, replyTo })),
  );
  assertEquals(rest, 70);
  const done = system.spawn(
    Behaviors.receive<ActorRef<StatusReply<void>>>((_context, replyTo) => {
      replyTo.tell(StatusReply.success());
      return Behaviors.same();
    }),
    "done",
  );
  const itself = (replyTo: ActorRef<StatusReply<void>>) => replyTo;
  assertEquals(await clock.resolve(system.askStatus(done, itself)), undefined);
});

Deno.test("askStatus rejects with the error of the actor", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const ref = system.spawn(account(100), "account");
  const ask = (amount: number) =>
    system.askStatus(ref, (replyTo) => ({ type: "withdraw", amount, replyTo }));
  const error = await clock.resolve(assertRejects(() => ask(1_000), AskError));
  assertEquals([error.code, error.reason], ["askRejected", "rejected"]);
  assertEquals(error.rejection, { message: "not enough", code: "overdrawn", details: 100 });
  assert(error.message.includes("/account has rejected the ask: not enough"), error.message);
  await clock.resolve(assertRejects(() => ask(-1), AskTimeoutError));
});

Deno.test("a status error has no stack and no more than its fields", () => {
  const error = Object.assign(new TypeError("broken"), { code: "x", secret: 1 });
  assertEquals(StatusReply.error(error), {
    type: "statusReply",
    ok: false,
    error: { message: "broken", code: "x" },
  });
  assertEquals(StatusReply.error("text"), {
    type: "statusReply",
    ok: false,
    error: { message: "text" },
  });
});

Deno.test("a reply that is no status reply rejects askStatus, and says so", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const replies: unknown[] = [1, null, undefined, { type: "statusReply" }, {
    type: "statusReply",
    ok: false,
    error: 3,
  }];
  const ref = system.spawn(
    Behaviors.receive<ActorRef<never>>((_context, replyTo) => {
      replyTo.tell(replies[0] as never);
      return Behaviors.same();
    }),
    "other",
  );
  for (; replies.length > 0; replies.shift()) {
    const error = await clock.resolve(
      assertRejects(() => system.askStatus(ref, (replyTo: ActorRef<never>) => replyTo), AskError),
    );
    assertEquals([error.code, error.reason], ["askRejected", "invalidMessage"]);
  }
});

Deno.test("an actor that pipes the status to itself does not wait for it", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const ref = system.spawn(account(100), "account");
  const heard: unknown[] = [];
  type Message = { go: number } | { heard: unknown };
  const asking = system.spawn(
    Behaviors.receive<Message>((context, message) => {
      if ("heard" in message) heard.push(message.heard);
      else {
        const { go: amount } = message;
        context.pipeToSelf(
          context.askStatus(ref, (replyTo) => ({ type: "withdraw", amount, replyTo })),
          (value) => ({ heard: value }),
          (error) => ({ heard: (error as AskError).rejection?.code }),
        );
      }
      return Behaviors.same();
    }),
    "asking",
  );
  asking.tell({ go: 1 });
  asking.tell({ go: 101 });
  await clock.advance(10);
  assertEquals(heard.toSorted(), [99, "overdrawn"]);
});

Deno.test("the test kits know askStatus", async () => {
  await using kit = ActorTestKit.create();
  const ref = kit.spawn(account(5));
  const ask = (replyTo: ActorRef<StatusReply<number>>): Withdraw => ({
    type: "withdraw",
    amount: 2,
    replyTo,
  });
  assertEquals(await kit.askStatus(ref, ask), 3);
  const heard: unknown[] = [];
  type Message = { go: ActorRef<Withdraw> } | { heard: unknown };
  const behavior = Behaviors.receive<Message>((context, message) => {
    if ("heard" in message) heard.push(message.heard);
    else {
      context.pipeToSelf(
        context.askStatus(message.go, ask),
        (value) => ({ heard: value }),
        (error) => ({ heard: (error as AskError).reason }),
      );
    }
    return Behaviors.same();
  });
  for (const reply of [StatusReply.success(1), StatusReply.error("no")]) {
    const test = BehaviorTestKit.create<Message>(behavior);
    test.run({ go: ref });
    for (const effect of test.effects) if (effect.type === "asked") effect.reply(reply);
    test.runOne();
  }
  assertEquals(heard, [1, "rejected"]);
});
