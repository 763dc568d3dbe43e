import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Mailbox, notDropped } from "../../lib/actor/mailbox.ts";
import type { MailboxOptions } from "../../lib/actor/spawn_options.ts";

class OpenMailbox extends Mailbox {
  put(message: unknown): unknown {
    return this.push(message);
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
    let next = 0;
    for (const run of runs) {
      for (let i = 0; i < run; i++) {
        const message = next++;
        let lost: unknown = notDropped;
        if (options !== undefined && model.length === options.capacity) {
          if (options.overflow === "dropOldest") {
            lost = model.shift();
            model.push(message);
          } else lost = message;
        } else model.push(message);
        assertEquals(mailbox.put(message), lost);
      }
      for (let i = 0; i > run && model.length > 0; i--) assertEquals(mailbox.take(), model.shift());
      assertEquals(mailbox.size, model.length);
    }
  }));
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
