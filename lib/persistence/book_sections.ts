import type { BookSections } from "./book.ts";
import { Inbox } from "./delivery/inbox.ts";
import { Outbox } from "./delivery/outbox.ts";
import { ReminderSet } from "./reminders/reminder_set.ts";

/** The kinds of entries that a book can have. */
export const bookSections: BookSections = {
  inbox: () => new Inbox(),
  outbox: () => new Outbox(),
  reminders: () => new ReminderSet(),
};
