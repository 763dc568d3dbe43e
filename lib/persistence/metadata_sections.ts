import type { MetadataSections } from "./metadata.ts";
import { Inbox } from "./delivery/inbox.ts";
import { Outbox } from "./delivery/outbox.ts";
import { ReminderSet } from "./reminders/reminder_set.ts";

/** The kinds of entries that metadata can have. */
export const metadataSections: MetadataSections = {
  inbox: () => new Inbox(),
  outbox: () => new Outbox(),
  reminders: () => new ReminderSet(),
};
