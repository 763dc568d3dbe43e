import { assert, assertEquals } from "@std/assert";
import { IncomingStream } from "../../lib/delivery/incoming_stream.ts";
import { EntityStreams } from "../../lib/delivery/entity_streams.ts";
import type { Job } from "../../lib/delivery/outgoing_stream.ts";
import { SingleConsumer } from "../../lib/delivery/single_consumer.ts";
import type { DeliveryEffects, JobTarget } from "../../lib/delivery/stream_set.ts";
import { WorkQueue } from "../../lib/delivery/work_queue.ts";
import { rules } from "../../lib/runtime/rules.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { FaultyChannel } from "./faulty_channel.ts";

const backoff = { min: 100, max: 2_000, jitter: [0.5, 1] } as const;

function job(ticket: number, parts = 1): Job<number> {
  const part = (at: number) => ({ chunk: new Uint8Array(), left: parts - 1 - at });
  const whole = [{ message: ticket }];
  const all = parts === 1 ? whole : Array.from({ length: parts }, (_, at) => part(at));
  return { ticket, parts: all, wasSent: false };
}

/** One incarnation of a consumer. */
interface Incarnation {
  readonly handled: number[];
  readonly streams: Map<number, IncomingStream>;
}

/** A target and its consumers, over a channel with faults. */
class Model {
  readonly random: SeededRandom;
  readonly channel: FaultyChannel;
  readonly target: JobTarget<number>;
  readonly confirmed: number[] = [];
  /** All that was handled, in global order; `whole`: the last part of the job. */
  readonly handled: {
    to: string;
    incarnation: number;
    ticket: number;
    whole: boolean;
    again: boolean;
  }[] = [];
  readonly #consumers = new Map<string, Incarnation>();
  readonly #incarnations = new Map<string, number>();
  readonly window: number;
  #timer = Infinity;

  constructor(
    seed: number,
    make: (random: () => number) => JobTarget<number>,
    window = 5,
  ) {
    this.random = new SeededRandom(seed);
    this.channel = new FaultyChannel(this.random);
    this.target = make(() => this.random.next());
    this.window = window;
  }

  add(ticket: number, to = ""): void {
    this.carryOut(
      this.target.add(job(ticket, 1 + Math.floor(this.random.next() * 3)), to, this.now),
    );
  }

  get now(): number {
    return this.channel.now;
  }

  /** The consumer forgets everything. */
  restart(name: string): void {
    this.#consumers.delete(name);
    this.#incarnations.set(name, (this.#incarnations.get(name) ?? 0) + 1);
  }

  carryOut({ send, confirmed }: DeliveryEffects<number>): void {
    for (const { ticket } of confirmed) this.confirmed.push(ticket);
    for (const { to, stream, output } of send) {
      this.channel.send(() => this.#receive(to, stream, output));
    }
    const { due } = this.target;
    if (due >= this.#timer) return;
    this.#timer = due;
    this.channel.after(due - this.now, () => {
      this.#timer = Infinity;
      this.carryOut(this.target.tick(this.now));
    });
  }

  #receive(to: string, stream: number, output: DeliveryEffects<number>["send"][0]["output"]): void {
    let consumer = this.#consumers.get(to);
    if (consumer === undefined) {
      this.#consumers.set(to, consumer = { handled: [], streams: new Map() });
    }
    const name = String(stream);
    const answer = (demand: ReturnType<IncomingStream["open"]>) => {
      if (demand === undefined) return;
      this.channel.send(() => {
        const message = { type: "deliveryDemand", stream: name, ...demand } as const;
        this.carryOut(this.target.answered(stream, message, this.now));
      });
    };
    const incarnation = this.#nameOf(to);
    const unknown = (session: number) =>
      this.channel.send(() => {
        const message = { type: "deliveryUnknown", stream: name, session, incarnation } as const;
        this.carryOut(this.target.answered(stream, message, this.now));
      });
    if (output.type === "close") return void consumer.streams.delete(stream);
    if (output.type === "open") {
      const { session, from } = output;
      const isForThis = output.incarnation === incarnation;
      if (!consumer.streams.has(stream) && !isForThis && rules.sessionsNameTheirConsumer) {
        return unknown(session);
      }
      const known = consumer.streams.get(stream) ?? new IncomingStream(this.window, session, from);
      consumer.streams.set(stream, known);
      return answer(known.open(session, from));
    }
    const known = consumer.streams.get(stream);
    const intake = known?.receive(output.session, output.number) ?? { type: "unknown" };
    switch (intake.type) {
      case "unknown":
        return unknown(output.session);
      case "demand":
        return answer(intake.demand);
      case "handle": {
        const incarnation = this.#incarnations.get(to) ?? 0;
        const { ticket, part, again } = output;
        const whole = !("left" in part) || part.left === 0;
        this.handled.push({ to, incarnation, ticket, whole, again });
        answer(known!.handled(output.number, output.last));
      }
    }
  }

  #nameOf(to: string): string {
    return `${to}/${this.#incarnations.get(to) ?? 0}`;
  }

  /** Until all is confirmed. */
  finish(): void {
    this.channel.isFaulty = false;
    for (let steps = 0; this.target.jobs.length > 0; steps++) {
      assert(steps < 100_000 && this.channel.step(), `${this.target.jobs.length} jobs are left`);
    }
  }
}

/** No job is skipped, in one incarnation none comes twice, and a later one goes back at most. */
function assertOrder(handled: readonly { incarnation: number; ticket: number }[]): void {
  let highest = 0;
  let last = { incarnation: -1, ticket: 0 };
  for (const each of handled) {
    if (each.incarnation === last.incarnation) {
      // Parts of one job have its number.
      const isNext = each.ticket === last.ticket || each.ticket === last.ticket + 1;
      assert(isNext, `${each.ticket} after ${last.ticket}`);
    } else assert(each.ticket <= highest + 1, `${each.ticket} although ${highest} was the highest`);
    highest = Math.max(highest, each.ticket);
    last = each;
  }
}

/** What an earlier incarnation has handled comes to a later one as what may have been handled. */
function assertRepeatsSaySo(handled: Model["handled"]): void {
  const seen = new Set<number>();
  for (const { ticket, whole, again, incarnation } of handled) {
    if (!whole) continue;
    assert(
      again || !seen.has(ticket),
      `${ticket} comes again to ${incarnation}, and is called new`,
    );
    seen.add(ticket);
  }
}

const seeds = 200;

Deno.test("one consumer handles all in order over a channel that loses, repeats and reorders", () => {
  let lost = 0;
  let repeated = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const model = new Model(seed, (random) => new SingleConsumer(backoff, random));
    model.carryOut(model.target.listed(["a"], 0));
    for (let ticket = 1; ticket <= 40; ticket++) {
      model.add(ticket);
      for (let steps = model.random.next() * 8; steps > 0; steps--) model.channel.step();
      if (model.random.next() < 0.1) model.restart("a");
    }
    model.finish();
    assertOrder(model.handled);
    assertRepeatsSaySo(model.handled);
    assertEquals(model.confirmed, Array.from({ length: 40 }, (_, at) => at + 1));
    lost += model.channel.lost;
    repeated += model.handled.length - 40;
  }
  assert(lost > 1_000 && repeated > 100, `${lost} lost, ${repeated} repeated`);
});

Deno.test("the next consumer gets what was not confirmed, in the same order", () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const model = new Model(seed, (random) => new SingleConsumer(backoff, random));
    model.carryOut(model.target.listed(["a", "b", "c", "d"], 0));
    const current = () => ["a", "b", "c", "d"].find((name) => model.target.has(name))!;
    for (let ticket = 1; ticket <= 40; ticket++) {
      model.add(ticket);
      for (let steps = model.random.next() * 8; steps > 0; steps--) model.channel.step();
      if (ticket % 12 === 0) model.carryOut(model.target.ended(current(), model.now));
    }
    model.finish();
    assertEquals(new Set(model.handled.map(({ to }) => to)).size > 1, true);
    let highest = 0;
    for (const { ticket } of model.handled) {
      // One that has ended may still handle what is in its mailbox, behind its successor.
      assert(ticket <= highest + 1 || model.handled.some((each) => each.ticket === ticket - 1));
      highest = Math.max(highest, ticket);
    }
    assertEquals([...model.confirmed].sort((a, b) => a - b).length, 40);
    assertEquals(new Set(model.confirmed).size, 40);
  }
});

Deno.test("each entity handles its jobs in order while entities restart", () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const model = new Model(seed, (random) => new EntityStreams(backoff, random));
    const counts = new Map<string, number>();
    const ids = ["x", "y", "z"];
    for (let at = 0; at < 60; at++) {
      const to = ids[Math.floor(model.random.next() * 3)]!;
      // Numbered for each entity.
      counts.set(to, (counts.get(to) ?? 0) + 1);
      model.add(counts.get(to)!, to);
      for (let steps = model.random.next() * 8; steps > 0; steps--) model.channel.step();
      if (model.random.next() < 0.1) model.restart(to);
    }
    model.finish();
    for (const id of ids) {
      const handled = model.handled.filter(({ to }) => to === id);
      assertOrder(handled);
      assertRepeatsSaySo(handled);
      assertEquals(handled.reduce((most, { ticket }) => Math.max(most, ticket), 0), counts.get(id));
    }
    assertEquals(model.confirmed.length, 60);
  }
});

Deno.test("jobs of workers that have ended are done by others, each is confirmed once", () => {
  let moved = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const model = new Model(seed, (random) => new WorkQueue(backoff, random));
    let workers = ["w1", "w2", "w3"];
    model.carryOut(model.target.listed(workers, 0));
    for (let ticket = 1; ticket <= 60; ticket++) {
      model.add(ticket);
      for (let steps = model.random.next() * 8; steps > 0; steps--) model.channel.step();
      const draw = model.random.next();
      if (draw < 0.05) {
        const [gone, ...rest] = workers;
        workers = [...rest, `w${ticket + 10}`];
        model.carryOut(model.target.ended(gone!, model.now));
        model.carryOut(model.target.listed(workers, model.now));
        moved++;
      } else if (draw < 0.1) {
        // Its node cannot be reached for a while: it keeps its jobs.
        model.carryOut(model.target.listed(workers.slice(1), model.now));
      } else if (draw < 0.2) model.carryOut(model.target.listed(workers, model.now));
      else if (draw < 0.25) model.restart(workers[1]!);
    }
    model.carryOut(model.target.listed(workers, model.now));
    model.finish();
    assertEquals(new Set(model.confirmed).size, 60);
    assertEquals(model.confirmed.length, 60);
    assertEquals(new Set(model.handled.map(({ ticket }) => ticket)).size, 60);
  }
  assert(moved > seeds, `${moved} moved`);
});

Deno.test("a worker gets no more than it has asked for, and the idlest gets the next", () => {
  const queue = new WorkQueue<number>(backoff, () => 0.5);
  queue.listed(["a", "b"], 0);
  const demand = (stream: number, through: number, upTo: number) =>
    queue.answered(stream, {
      type: "deliveryDemand",
      stream: "",
      session: 1,
      through,
      upTo,
      again: false,
    }, 0);
  demand(1, 0, 2);
  demand(2, 0, 3);
  const given: string[] = [];
  for (let ticket = 1; ticket <= 9; ticket++) {
    given.push(...queue.add(job(ticket), "", 0).send.map(({ to }) => to));
  }
  assertEquals(given.join(""), "ababb");
  const { confirmed, send } = demand(1, 2, 4);
  assertEquals([confirmed.map(({ ticket }) => ticket), send.map(({ to }) => to)], [[1, 3], [
    "a",
    "a",
  ]]);
  // Nobody has these, so they are the last.
  assertEquals(queue.jobs.map(({ ticket }) => ticket).slice(-2), [8, 9]);
  const back = queue.ended("b", 0).send.length;
  assertEquals([back, queue.jobs.map(({ ticket }) => ticket)], [0, [6, 7, 2, 4, 5, 8, 9]]);
});

Deno.test("an answer for what was never sent, or of an earlier session, changes nothing", () => {
  const single = new SingleConsumer<number>(backoff, () => 0.5);
  single.listed(["a"], 0);
  single.add(job(1), "", 0);
  const answer = { type: "deliveryDemand", stream: "", session: 1, again: false } as const;
  assertEquals(single.answered(1, { ...answer, through: 7, upTo: 9 }, 0).confirmed, []);
  assertEquals(single.answered(1, { ...answer, session: 2, through: 1, upTo: 9 }, 0).confirmed, []);
  assertEquals(single.answered(1, { ...answer, through: 1, upTo: 9 }, 0).confirmed.length, 1);
});

Deno.test("consumers that get nothing more are told to forget the stream", () => {
  const outputs = ({ send }: DeliveryEffects<number>) =>
    send.map(({ to, stream, output }) => `${to}${stream} ${output.type}`);
  const queue = new WorkQueue<number>(backoff, () => 0.5);
  queue.listed(["a", "b"], 0);
  assertEquals(outputs(queue.listed(["b"], 0)), ["a1 close"]);
  assertEquals(outputs(queue.close()), ["b2 close"]);
  const single = new SingleConsumer<number>(backoff, () => 0.5);
  single.listed(["a"], 0);
  assertEquals(outputs(single.set("b", 0)), ["a1 close", "b2 open"]);
  assertEquals(outputs(single.close()), ["b2 close"]);
  const entities = new EntityStreams<number>(backoff, () => 0.5);
  entities.add(job(1), "x", 0);
  // They would be started for it.
  assertEquals(outputs(entities.close()), []);
});
