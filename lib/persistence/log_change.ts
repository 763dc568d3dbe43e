import type { StoredSnapshot } from "./journal.ts";

/** A change of one log other than an append, as stores write it down or hand it to their thread. */
export type LogChange =
  | {
    readonly type: "saveSnapshot";
    readonly id: string;
    readonly snapshot: StoredSnapshot;
    readonly keep: number;
  }
  | {
    readonly type: "deleteEvents";
    readonly id: string;
    readonly upTo: number;
    readonly epoch: number;
  }
  | { readonly type: "delete"; readonly id: string; readonly epoch: number };
