import { type ActorRef, ActorSystem, Behaviors } from "@casty/casty";
import type { Row } from "../report.ts";

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
    { name: "casty: spawn and start", value: actors / (spawning / 1_000), unit: "/s" },
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
