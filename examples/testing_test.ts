/**
 * How to test an actor: single messages with a `BehaviorTestKit`, interaction with other actors
 * with an `ActorTestKit`. Time is virtual: no test waits for the timeout of 15 minutes.
 *
 *     deno test examples/testing_test.ts
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type ActorRef, type Behavior, Behaviors } from "@casty/casty";
import { ActorTestKit, BehaviorTestKit, TestInbox } from "@casty/casty/testkit";

/** Milliseconds after which an unpaid order expires. */
const paymentTimeout = 15 * 60_000;

type OrderMessage =
  | { type: "pay"; amount: number; replyTo: ActorRef<OrderReply> }
  | { type: "charged"; replyTo: ActorRef<OrderReply> }
  | { type: "refused"; reason: string; replyTo: ActorRef<OrderReply> }
  | { type: "expired" };

type OrderReply = { type: "paid" } | { type: "notPaid"; reason: string };
type Charge = { type: "charge"; amount: number; replyTo: ActorRef<"ok"> };

/** An order that waits for its payment until it expires. */
function order(bank: ActorRef<Charge>, warehouse: ActorRef<string>): Behavior<OrderMessage> {
  const unpaid = Behaviors.receive<OrderMessage>((context, message) => {
    switch (message.type) {
      case "pay": {
        const { amount, replyTo } = message;
        const charged = context.ask(
          bank,
          (replyTo: ActorRef<"ok">): Charge => ({ type: "charge", amount, replyTo }),
        );
        context.pipeToSelf(
          charged,
          () => ({ type: "charged", replyTo }),
          (error) => ({ type: "refused", reason: (error as Error).message, replyTo }),
        );
        return Behaviors.same();
      }
      case "charged":
        context.timers.cancel("paymentTimeout");
        warehouse.tell("ship it");
        message.replyTo.tell({ type: "paid" });
        return Behaviors.stopped();
      case "refused":
        message.replyTo.tell({ type: "notPaid", reason: message.reason });
        return Behaviors.same();
      case "expired":
        context.log.info("payment timed out");
        warehouse.tell("put it back");
        return Behaviors.stopped();
    }
  });
  return Behaviors.setup((context) => {
    context.timers.startSingle("paymentTimeout", { type: "expired" }, paymentTimeout);
    return unpaid;
  });
}

Deno.test("an accepted payment ends the order", () => {
  const bank = new TestInbox<Charge>("bank");
  const warehouse = new TestInbox<string>("warehouse");
  const customer = new TestInbox<OrderReply>("customer");
  const kit = BehaviorTestKit.create(order(bank.ref, warehouse.ref));
  kit.expectEffect({ type: "timerStarted", key: "paymentTimeout", delay: paymentTimeout });

  kit.run({ type: "pay", amount: 30, replyTo: customer.ref });
  kit.expectEffect({ type: "asked", target: bank.ref }).reply("ok");
  kit.expectEffect({ type: "piped" });
  assertEquals(bank.receiveMessage().amount, 30);

  kit.runOne();
  kit.expectEffect({ type: "timerCancelled", key: "paymentTimeout" });
  customer.expectMessage({ type: "paid" });
  warehouse.expectMessage("ship it");
  assertEquals(kit.isAlive, false);
});

Deno.test("a rejected payment leaves the order open", () => {
  const customer = new TestInbox<OrderReply>("customer");
  const kit = BehaviorTestKit.create(order(new TestInbox<Charge>().ref, new TestInbox().ref));
  kit.retrieveEffects();

  kit.run({ type: "pay", amount: 30, replyTo: customer.ref });
  kit.expectEffect({ type: "asked" }).fail(new Error("not enough money"));
  kit.runOne();
  customer.expectMessage({ type: "notPaid", reason: "not enough money" });
  assertEquals(kit.isAlive, true);
});

Deno.test("an unpaid order expires after 15 minutes", async () => {
  await using kit = ActorTestKit.create();
  const bank = kit.createProbe<Charge>("bank");
  const warehouse = kit.createProbe<string>("warehouse");
  const ref = kit.spawn(order(bank.ref, warehouse.ref), "order");

  await warehouse.expectNoMessage({ duration: paymentTimeout - 1 });
  await warehouse.expectMessage("put it back", { timeout: 1 });
  await warehouse.expectTerminated(ref);
  await kit.expectLog({ level: "info", source: "/order", message: "payment timed out" });
});

Deno.test("a payment fails with the timeout of the ask if the bank does not reply", async () => {
  await using kit = ActorTestKit.create();
  const bank = kit.createProbe<Charge>("bank");
  const customer = kit.createProbe<OrderReply>("customer");
  const ref = kit.spawn(order(bank.ref, kit.createProbe<string>().ref));

  ref.tell({ type: "pay", amount: 30, replyTo: customer.ref });
  await bank.expectMessageType("charge");
  await customer.expectNoMessage({ duration: 4_999 });
  const { reason } = await customer.expectMessageType("notPaid");
  assertEquals(reason.includes("did not reply within 5000 ms"), true);
});
