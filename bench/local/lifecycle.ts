import { type ActorRef, ActorSystem, Behaviors } from "@casty/casty";
import type { Row } from "../report.ts";
import { BareActor, BareSystem } from "./ceiling.ts";

type Question = { readonly type: "get"; readonly replyTo: ActorRef<number> };

const answering = Behaviors.receive<Question>((_context, { replyTo }) => {
  replyTo.tell(42);
  return Behaviors.same();
});

const get = (replyTo: ActorRef<number>): Question => ({ type: "get", replyTo });

/** Questions one after another, and 64 at a time. */
export async function asks(): Promise<Row[]> {
  await using system = new ActorSystem();
  const ref = system.spawn(answering, "answering");
  const sequential = 200_000;
  let begin = performance.now();
  for (let i = 0; i < sequential; i++) await system.ask(ref, get);
  let took = performance.now() - begin;
  const rows: Row[] = [
    { name: "casty: ask, sequential", value: sequential / (took / 1_000), unit: "/s" },
    { name: "casty: ask, sequential, mean", value: took * 1_000 / sequential, unit: "us" },
  ];
  const rounds = 4_000;
  begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    const answers: Promise<number>[] = [];
    for (let i = 0; i < 64; i++) answers.push(system.ask(ref, get));
    await Promise.all(answers);
  }
  took = performance.now() - begin;
  rows.push({ name: "casty: ask, 64 at a time", value: rounds * 64 / (took / 1_000), unit: "/s" });
  return rows;
}

/** The least that a question can cost: a promise, and a message through a bare mailbox. */
export async function bareAsks(): Promise<Row[]> {
  const system = new BareSystem();
  const actor = new BareActor<(answer: number) => void>(system, (resolve) => resolve(42));
  const ask = () => new Promise<number>((resolve) => actor.tell(resolve));
  const sequential = 200_000;
  let begin = performance.now();
  for (let i = 0; i < sequential; i++) await ask();
  const rows: Row[] = [{
    name: "bare mailbox: ask, sequential",
    value: sequential / ((performance.now() - begin) / 1_000),
    unit: "/s",
  }];
  const rounds = 4_000;
  begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    const answers: Promise<number>[] = [];
    for (let i = 0; i < 64; i++) answers.push(ask());
    await Promise.all(answers);
  }
  const value = rounds * 64 / ((performance.now() - begin) / 1_000);
  rows.push({ name: "bare mailbox: ask, 64 at a time", value, unit: "/s" });
  return rows;
}

/** The least that an actor with a name can cost: a bare one, and an entry in a map. */
export function bareLives(): Row[] {
  const actors = 100_000;
  const system = new BareSystem();
  const byName = new Map<string, BareActor<unknown>>();
  const idle = () => {};
  const before = heapUsed();
  const begin = performance.now();
  for (let i = 0; i < actors; i++) byName.set(`/idle-${i}`, new BareActor(system, idle));
  const took = performance.now() - begin;
  const bytes = (heapUsed() - before) / actors;
  // Keeps the map alive until here.
  if (byName.size !== actors) throw new Error("an actor is missing");
  return [
    { name: "bare mailbox: spawn", value: actors / (took / 1_000), unit: "/s" },
    { name: "bare mailbox: heap of an idle actor, with its name", value: bytes, unit: "B" },
  ];
}

/** Spawn, first start and stop of 100,000 actors, and the heap that one takes while idle. */
export async function lives(): Promise<Row[]> {
  const actors = 100_000;
  await using system = new ActorSystem();
  const idle = Behaviors.ignore();
  const before = heapUsed();
  let begin = performance.now();
  const refs: ActorRef<unknown>[] = [];
  for (let i = 0; i < actors; i++) refs.push(system.spawn(idle, `idle-${i}`));
  await new Promise((resolve) => setImmediate(resolve));
  const spawning = performance.now() - begin;
  const bytes = (heapUsed() - before) / actors;
  for (const ref of refs) ref.tell("once");
  await new Promise((resolve) => setImmediate(resolve));
  const touched = (heapUsed() - before) / actors;
  begin = performance.now();
  await system.shutdown();
  const stopping = performance.now() - begin;
  return [
    { name: "casty: spawn", value: actors / (spawning / 1_000), unit: "/s" },
    { name: "casty: stop", value: actors / (stopping / 1_000), unit: "/s" },
    { name: "casty: heap of an idle actor, with its name", value: bytes, unit: "B" },
    { name: "casty: the same, after its first message", value: touched, unit: "B" },
  ];
}

/** How late a 1 ms timer fires while one actor is flooded by itself: p99 of 500. */
export async function lateness(): Promise<Row[]> {
  await using system = new ActorSystem();
  const endless = Behaviors.receive<number>((context, message) => {
    context.self.tell(message + 1);
    return Behaviors.same();
  });
  system.spawn(endless, "endless").tell(0);
  const late: number[] = [];
  for (let i = 0; i < 500; i++) {
    const begin = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1));
    late.push(Math.max(0, performance.now() - begin - 1) * 1_000);
  }
  const p99 = late.toSorted((a, b) => a - b)[Math.floor(late.length * 0.99)]!;
  return [{ name: "casty: timer lateness under a flood, p99", value: p99, unit: "us" }];
}

function heapUsed(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Deno.memoryUsage().heapUsed;
}
