/**
 * How late timers fire while actors are busy.
 *
 * @module
 */
import { moment } from "./counting.ts";
import type { Add, Subject, Target } from "./subject.ts";

/** Messages that are always queued. */
const waiting = 1_000;
/** Milliseconds that a flood lasts. */
const lasts = 1_500;

/** The p99 lateness of a timer in microseconds, while one actor floods itself. */
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
  // Returns each message to its sender.
  const flooded = subject.actor<Add>((message) => {
    work();
    if (flood.goesOn()) others[message.amount]!.tell(message);
  });
  for (let i = 0; i < 10; i++) others.push(subject.actor<Add>((message) => flooded.tell(message)));
  for (let i = 0; i < waiting; i++) flooded.tell({ type: "add", amount: i % others.length });
}

/** Ends a flood after its time. */
class Flood {
  handled = 0;
  over = false;
  ended = 0;
  readonly #end = performance.now() + lasts;

  /** Whether the handler must send the message again. */
  goesOn(): boolean {
    // A library may block timers during the flood, so the handlers read the clock.
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

/** The lateness in microseconds of timers of 1 to 10 milliseconds during a flood. */
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
