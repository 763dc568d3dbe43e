/**
 * How late timers fire while actors are busy.
 *
 * @module
 */
import { moment } from "./counting.ts";
import type { Add, Subject, Target } from "./subject.ts";

/** Messages that wait all the time. */
const waiting = 1_000;
/** Milliseconds that a flood lasts. */
const lasts = 1_500;

/** Microseconds that a timer is late, p99, while one actor floods itself. */
export function latenessBySelf(subject: Subject): Promise<number> {
  return lateness((flood) => {
    const flooded: Target<Add> = subject.actor<Add>((message) => {
      if (flood.goesOn()) flooded.tell(message);
    });
    for (let i = 0; i < waiting; i++) flooded.tell({ type: "add", amount: i });
  });
}

/** The same while ten others flood one actor. */
export function latenessByOthers(subject: Subject): Promise<number> {
  return lateness((flood) => floodByOthers(subject, flood, () => {}));
}

/** The same while each message takes the flooded actor 50 microseconds. */
export function latenessWithWork(subject: Subject): Promise<number> {
  return lateness((flood) => floodByOthers(subject, flood, () => work(0.05)));
}

function floodByOthers(subject: Subject, flood: Flood, work: () => void): void {
  const others: Target<Add>[] = [];
  // Gives each message back to the one of the others that it came from.
  const flooded = subject.actor<Add>((message) => {
    work();
    if (flood.goesOn()) others[message.amount]!.tell(message);
  });
  for (let i = 0; i < 10; i++) others.push(subject.actor<Add>((message) => flooded.tell(message)));
  for (let i = 0; i < waiting; i++) flooded.tell({ type: "add", amount: i % others.length });
}

/** Tells the actors of a flood when to end it. */
class Flood {
  handled = 0;
  over = false;
  ended = 0;
  readonly #end = performance.now() + lasts;

  /** Whether the message that is handled is to be sent on. */
  goesOn(): boolean {
    // A library may let no timer fire in all that time, so the actors look at the clock.
    if ((this.handled++ & 63) === 0 && performance.now() > this.#end) this.over = true;
    if (this.over) this.ended++;
    return !this.over;
  }
}

async function lateness(start: (flood: Flood) => void): Promise<number> {
  const flood = new Flood();
  const measured = watchTimers(flood);
  start(flood);
  const late = await measured;
  while (flood.ended < waiting) await moment();
  if (flood.handled < 2 * waiting) throw new Error(`not flooded: ${flood.handled} messages`);
  return late.toSorted((a, b) => a - b)[Math.floor(late.length * 0.99)]!;
}

/** Microseconds that timers of 1 to 10 milliseconds are late until the flood is over. */
async function watchTimers(flood: Flood): Promise<number[]> {
  const late: number[] = [];
  for (let delay = 1; !flood.over; delay = delay % 10 + 1) {
    const begin = performance.now();
    await new Promise((resolve) => setTimeout(resolve, delay));
    late.push(Math.max(0, performance.now() - begin - delay) * 1_000);
  }
  return late;
}

function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
