import { Peek, type PeekedState } from "../../actor/ref/internal_message.ts";
import type { LocalRef } from "../../actor/ref/local_ref.ts";
import { tellKept } from "../../actor/ref/passed_on.ts";
import type { Clock } from "../../runtime/clock.ts";
import { printed } from "../printed.ts";

/** The state of an entity that runs at a node. */
export interface EntityStateFacts {
  /** Why its state is not shown; absent: it is. */
  readonly hidden?: string;
  /** Persistence id. */
  readonly id?: string;
  /** Number of its last durable event. */
  readonly seq?: number;
  /** Whether it has applied events that are not durable yet. */
  readonly isWriting?: boolean;
  /** Bytes of its stored form. */
  readonly bytes?: number;
  readonly state?: string;
  /** The last events, the newest first. */
  readonly events?: readonly {
    readonly seq: number;
    readonly at: number;
    readonly event: string;
  }[];
}

/** A state is not shown if its stored form is larger, bytes. */
const maxState = 64 * 1024;
/** Characters of a state. */
const maxText = 8_000;
const eventCount = 12;
/** Milliseconds that an entity has to answer: it may have many messages. */
const timeout = 2_000;

/** Shows the state of an entity, in its turn, and what its journal has of it. */
export async function entityState(
  cell: LocalRef<unknown>,
  clock: Clock,
): Promise<EntityStateFacts> {
  const peeked = await peek(cell, clock);
  if (peeked instanceof Error) return { hidden: peeked.message };
  const { id, seq, isWriting, stored } = peeked;
  const facts = { id, seq, isWriting, bytes: stored.byteLength };
  if (stored.byteLength > maxState) {
    return { ...facts, hidden: `its state has ${stored.byteLength} bytes, above ${maxState}` };
  }
  const state = printed(peeked.read(stored), maxText);
  try {
    const events = (await peeked.events(eventCount)).toReversed().map(({ seq, at, event }) => ({
      seq,
      at,
      event: printed(event, 400),
    }));
    return { ...facts, state, events };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...facts, state, hidden: `its events cannot be read: ${why}` };
  }
}

function peek(cell: LocalRef<unknown>, clock: Clock): Promise<PeekedState | Error> {
  return new Promise((resolve) => {
    const timer = clock.schedule(timeout, () => {
      resolve(new Error(`it has not come to its turn within ${timeout} ms`));
    });
    const show = (peeked: PeekedState | Error) => {
      timer.cancel();
      resolve(peeked);
    };
    tellKept(cell, new Peek(show));
  });
}
