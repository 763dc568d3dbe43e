/**
 * Questions per second, spawns and stops per second, and the heap that an idle actor takes.
 *
 * @module
 */
import { Countdown, moment, perSecond } from "./counting.ts";
import { one, type Subject, theAnswer } from "./subject.ts";

/** Questions one after another, per second. Undefined where a library has none. */
export async function askInTurn(subject: Subject, questions: number): Promise<number | undefined> {
  const ask = subject.asker?.();
  if (ask === undefined) return undefined;
  const begin = performance.now();
  for (let i = 0; i < questions; i++) check(await ask());
  return perSecond(questions, begin);
}

/** Questions 64 at a time, per second. Undefined where a library has none. */
export async function askTogether(
  subject: Subject,
  questions: number,
): Promise<number | undefined> {
  const ask = subject.asker?.();
  if (ask === undefined) return undefined;
  const together = 64;
  const rounds = Math.ceil(questions / together);
  const begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    const answers: Promise<number>[] = [];
    for (let i = 0; i < together; i++) answers.push(ask());
    for (const answer of await Promise.all(answers)) check(answer);
  }
  return perSecond(rounds * together, begin);
}

function check(answer: number): void {
  if (answer !== theAnswer) throw new Error(`a question was answered with ${answer}`);
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

/** Bytes of heap of an actor that has started and had no message. */
export async function idleHeap(subject: Subject, actors: number): Promise<number> {
  const idle = makeRoom(actors);
  const before = await heapUsed();
  for (let i = 0; i < actors; i++) idle[i] = subject.idle(i);
  await settled(subject);
  const bytes = (await heapUsed() - before) / actors;
  keepAlive(idle);
  return bytes;
}

/** The same of one that has had its first message. */
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

/** All actors have started and handled what they have: one that came last has. */
async function settled(subject: Subject): Promise<void> {
  const countdown = new Countdown();
  const handled = countdown.expect(1);
  subject.actor(countdown.count).tell(one);
  await handled;
}

/** An array that is no part of what is measured. */
function makeRoom(size: number): unknown[] {
  return new Array<unknown>(size).fill(undefined);
}

/** The collector may take what is not looked at again. */
function keepAlive(idle: readonly unknown[]): void {
  if (idle.includes(undefined)) throw new Error("an actor is missing");
}

async function heapUsed(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("memory needs --v8-flags=--expose-gc");
  // What is collected first may free what only a later turn lets go.
  for (let i = 0; i < 2; i++) {
    gc();
    await moment();
  }
  gc();
  return Deno.memoryUsage().heapUsed;
}
