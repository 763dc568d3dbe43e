import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Mailbox } from "../../lib/actor/cell/mailbox.ts";
import { SentMessage } from "../../lib/actor/ref/sent_message.ts";
import type { MailboxOptions } from "../../lib/actor/behavior/spawn_options.ts";

class OpenMailbox extends Mailbox {
  readonly dropped: unknown[] = [];
  override readonly path = "/open";
  override readonly uid = 0;
  override readonly node = "";
  // A mailbox alone is no actor: none of this is there.
  declare readonly host: never;
  declare readonly parent: never;
  declare readonly ended: never;
  declare readonly isEnding: never;
  declare readonly stopped: never;
  declare readonly terminated: never;
  declare readonly waits: never;
  declare readonly step: never;
  declare readonly pendingAsks: never;
  declare readonly addPendingAsk: never;
  declare readonly stop: never;
  declare readonly stopReplaced: never;
  declare readonly stopInTurn: never;
  declare readonly whenStopped: never;
  declare readonly addWatcher: never;
  declare readonly removeWatcher: never;
  declare readonly watch: never;
  declare readonly onTerminated: never;
  declare readonly keepEntities: never;
  declare readonly adopt: never;
  declare readonly activity: never;
  declare readonly isBusy: never;
  declare heldAsks: never;
  declare readonly becomeForwarder: never;
  declare readonly runWhen: never;
  declare readonly takeInternalMessages: never;
  declare readonly entityPath: never;
  declare readonly entities: never;
  declare readonly failAsk: never;
  declare readonly failHandledAsks: never;
  declare readonly loseWaitingAsks: never;
  override tell(message: unknown): void {
    this.put(message);
  }
  stashed = 0;
  protected override drop(message: unknown): void {
    this.dropped.push(message);
  }
  put(message: unknown): boolean {
    return this.push(message);
  }
  unstash(message: unknown): void {
    this.unshift(message);
  }
  take(): unknown {
    return this.shift();
  }
}

/** Runs of pushes (positive) and shifts (negative). */
const steps = fc.array(fc.integer({ min: -40, max: 40 }), { maxLength: 60 });
const bounds = fc.option(
  fc.record<MailboxOptions>({
    capacity: fc.integer({ min: 1, max: 70 }),
    overflow: fc.constantFrom("dropNew", "dropOldest", "reject"),
  }),
  { nil: undefined },
);

Deno.test("a mailbox is a queue with bounds, whatever is put in and taken out", () => {
  fc.assert(fc.property(steps, bounds, (runs, options) => {
    const mailbox = new OpenMailbox(options);
    const model: number[] = [];
    const lost: number[] = [];
    let next = 0;
    for (const run of runs) {
      for (let i = 0; i < run; i++) {
        const message = next++;
        let kept = true;
        if (options !== undefined && model.length === options.capacity) {
          if (options.overflow === "dropOldest") {
            lost.push(model.shift()!);
            model.push(message);
          } else {
            lost.push(message);
            kept = false;
          }
        } else model.push(message);
        assertEquals(mailbox.put(message), kept);
      }
      for (let i = 0; i > run && model.length > 0; i--) assertEquals(mailbox.take(), model.shift());
      assertEquals(mailbox.size, model.length);
    }
    assertEquals(mailbox.dropped, lost);
  }));
});

Deno.test("unstashed messages come before all others, and the order stays", () => {
  fc.assert(fc.property(fc.array(fc.constantFrom("put", "back", "take")), (actions) => {
    const mailbox = new OpenMailbox(undefined);
    const model: number[] = [];
    actions.forEach((action, i) => {
      if (action === "put") {
        mailbox.put(i);
        model.push(i);
      } else if (action === "back") {
        mailbox.unstash(i);
        model.unshift(i);
      } else if (model.length > 0) assertEquals(mailbox.take(), model.shift());
    });
    while (model.length > 0) assertEquals(mailbox.take(), model.shift());
    assertEquals(mailbox.size, 0);
  }));
});

Deno.test("a mailbox that is bounded by bytes never holds more, and drops as few as it can", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 100 });
  fc.assert(
    fc.property(sizes, fc.constantFrom("dropNew", "dropOldest", "reject"), (all, overflow) => {
      const mailbox = new OpenMailbox({
        maxBytes: 25,
        overflow,
        sizeOf: ({ size }: { size: number }) => size,
      });
      const model: { size: number }[] = [];
      const lost: { size: number }[] = [];
      const sum = () => model.reduce((total, { size }) => total + size, 0);
      for (const size of all) {
        const message = { size };
        if (overflow === "dropOldest" && size <= 25) {
          while (sum() + size > 25) lost.push(model.shift()!);
        }
        const fits = sum() + size <= 25;
        (fits ? model : lost).push(message);
        assertEquals(mailbox.put(message), fits);
        if (size % 7 === 0 && model.length > 0) assertEquals(mailbox.take(), model.shift());
      }
      assertEquals(mailbox.dropped, lost);
      while (model.length > 0) assertEquals(mailbox.take(), model.shift());
    }),
  );
});

Deno.test("a message whose size cannot be measured does not fit", () => {
  const sizeOf = (message: number) => {
    if (message === 1) throw new Error("no size");
    return message === 2 ? NaN : 1;
  };
  const mailbox = new OpenMailbox({ maxBytes: 10, sizeOf, overflow: "dropOldest" });
  for (const message of [0, 1, 2, 3]) mailbox.put(message);
  assertEquals(mailbox.dropped, [1, 2]);
  assertEquals(mailbox.size, 2);
});

Deno.test("the message of a client is measured without its sender", () => {
  const sizeOf = ({ size }: { size: number }) => size;
  const mailbox = new OpenMailbox({ maxBytes: 10, sizeOf });
  const sender = { role: "client", address: "client:a", identity: { kind: "plain" } } as const;
  assertEquals(mailbox.put(new SentMessage(sender, { size: 6 })), true);
  assertEquals(mailbox.put(new SentMessage(sender, { size: 6 })), false);
});

Deno.test("what is set aside counts against the capacity", () => {
  const mailbox = new OpenMailbox({ capacity: 3 });
  mailbox.put("a");
  mailbox.stashed = 2;
  assertEquals(mailbox.put("b"), false);
  mailbox.stashed = 1;
  assertEquals(mailbox.put("c"), true);
});

Deno.test("a position has passed when all messages before it have left", () => {
  fc.assert(fc.property(steps, (runs) => {
    const mailbox = new OpenMailbox(undefined);
    for (const run of runs) {
      for (let i = 0; i < run; i++) mailbox.put(i);
      const position = mailbox.nextPosition;
      for (let i = 0; i > run && mailbox.size > 0; i--) mailbox.take();
      assertEquals(mailbox.hasPassed(position), mailbox.size === 0);
    }
  }));
});
