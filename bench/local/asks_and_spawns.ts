/**
 * Asks, spawns and stops per second, and the heap of an idle actor.
 *
 * @module
 */
import { Countdown, moment, perSecond } from "./counting.ts";
import { one, type Subject, theAnswer } from "./subject.ts";

/** Sequential asks per second. Undefined if the library has no ask. */
export async function askInTurn(subject: Subject, asks: number): Promise<number | undefined> {
  const ask = subject.asker?.();
  if (ask === undefined) return undefined;
  const begin = performance.now();
  for (let i = 0; i < asks; i++) check(await ask());
  return perSecond(asks, begin);
}

/** Asks per second, 64 at a time. Undefined if the library has no ask. */
export async function askTogether(
  subject: Subject,
  asks: number,
): Promise<number | undefined> {
  const ask = subject.asker?.();
  if (ask === undefined) return undefined;
  const together = 64;
  const rounds = Math.ceil(asks / together);
  const begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    const answers: Promise<number>[] = [];
    for (let i = 0; i < together; i++) answers.push(ask());
    for (const answer of await Promise.all(answers)) check(answer);
  }
  return perSecond(rounds * together, begin);
}

function check(answer: number): void {
  if (answer !== theAnswer) throw new Error(`the reply to an ask was ${answer}`);
}

/** Actors spawned and started per second. */
export async function spawning(subject: Subject, actors: number): Promise<number> {
  const idle = makeRoom(actors);
  const begin = performance.now();
  for (let i = 0; i < actors; i++) idle[i] = subject.idle(i);
  await settled(subject);
  const rate = perSecond(actors, begin);
  keepAlive(idle);
  return rate;
}

/** Actors stopped per second, all at once with their system. Closes the subject. */
export async function stopping(subject: Subject, actors: number): Promise<number> {
  for (let i = 0; i < actors; i++) subject.idle(i);
  await settled(subject);
  const begin = performance.now();
  await subject.close();
  return perSecond(actors, begin);
}

/** Bytes of heap of a started actor without a message. */
export async function idleHeap(subject: Subject, actors: number): Promise<number> {
  const idle = makeRoom(actors);
  const before = await heapUsed();
  for (let i = 0; i < actors; i++) idle[i] = subject.idle(i);
  await settled(subject);
  const bytes = (await heapUsed() - before) / actors;
  keepAlive(idle);
  return bytes;
}

/** The same after the first message. */
export async function touchedHeap(subject: Subject, actors: number): Promise<number> {
  const idle = makeRoom(actors);
  const before = await heapUsed();
  for (let i = 0; i < actors; i++) idle[i] = subject.idle(i);
  for (const actor of idle) subject.touch(actor);
  await settled(subject);
  const bytes = (await heapUsed() - before) / actors;
  keepAlive(idle);
  return bytes;
}

/** Waits until all actors have started and handled their messages: the last one has. */
async function settled(subject: Subject): Promise<void> {
  const countdown = new Countdown();
  const handled = countdown.expect(1);
  subject.actor(countdown.count).tell(one);
  await handled;
}

/** An array that is allocated outside of the measurement. */
function makeRoom(size: number): unknown[] {
  return new Array<unknown>(size).fill(undefined);
}

/** Keeps the actors reachable until here: the engine may collect unused values earlier. */
function keepAlive(idle: readonly unknown[]): void {
  if (idle.includes(undefined)) throw new Error("an actor is missing");
}

async function heapUsed(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("memory needs --v8-flags=--expose-gc");
  // Finalizers of the first collection may release more in a later turn.
  for (let i = 0; i < 2; i++) {
    gc();
    await moment();
  }
  gc();
  return Deno.memoryUsage().heapUsed;
}
