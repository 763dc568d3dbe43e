import { casty } from "../local/casty.ts";
import { bare, type MakeSubject } from "../local/subject.ts";
import { nactIn } from "./nact.ts";
import { xstateIn } from "./xstate.ts";

/** The mailbox capacity of the bounded variant: more than any figure sends at once. */
const capacity = 10_000;

/** One column of the table. */
export interface Column {
  /** Short name for the command line. */
  readonly key: string;
  readonly title: string;
  /** The npm package of a rival, and the major version that its adapter supports. */
  readonly rival?: string;
  readonly major?: number;
  /** Creates its subjects, with the rivals installed in `folder`. */
  readonly make: (folder: string) => MakeSubject;
}

/** The limit, Casty in three ways, and its rivals. */
export const columns: readonly Column[] = [
  { key: "bare", title: "limit", make: () => bare },
  { key: "casty", title: "Casty", make: () => () => casty({ supervised: true }) },
  {
    key: "bounded",
    title: "Casty, bounded",
    make: () => () => casty({ supervised: true, capacity }),
  },
  { key: "plain", title: "Casty, plain", make: () => () => casty({ supervised: false }) },
  { key: "nact", title: "nact", rival: "nact", major: 7, make: nactIn },
  { key: "xstate", title: "xstate", rival: "xstate", major: 5, make: xstateIn },
];
