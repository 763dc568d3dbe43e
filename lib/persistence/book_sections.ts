import type { BookKind, BookSection, BookSections } from "./book.ts";
import { Inbox } from "./delivery/inbox.ts";
import { Outbox } from "./delivery/outbox.ts";

/** The kinds of entries that a book can have. */
export const bookSections: BookSections = {
  inbox: () => new Inbox(),
  outbox: () => new Outbox(),
  reminders: () => notYet("reminders"),
};

function notYet(kind: BookKind): BookSection {
  throw new TypeError(`${kind} are not built`);
}
