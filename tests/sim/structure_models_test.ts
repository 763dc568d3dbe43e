import { assertEquals } from "@std/assert";
import type { Random } from "../../lib/runtime/random.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { checkLinearizability, History, type SequentialModel } from "../../lib/testkit/mod.ts";
import { type Input, type Output, queueModel } from "./scenarios/structure_models.ts";

type Queue = SequentialModel<readonly number[], Input, Output>;

/** The same queue without knowledge of the history. */
const plainQueue: Queue = {
  initial: [],
  step(state, input, output, completed) {
    if (input.type === "enqueue") return { state: [...state, input.value] };
    const first = state.length === 0 ? false : state[0];
    return completed && output !== first ? "illegal" : { state: state.slice(1) };
  },
};

interface Shape {
  readonly clients: number;
  readonly operations: number;
  /** Shares of operations: enqueued, of unknown outcome, and with an output that is made up. */
  readonly enqueued: number;
  readonly unknown: number;
  readonly wrong: number;
}

/** Operations on a real queue, each of which takes effect somewhere between its call and return. */
function record(random: Random, shape: Shape) {
  const history = new History<Input, Output>();
  const queue: number[] = [];
  let value = 0;
  /** What each client has to do next, and how often each has been stopped. */
  const steps: (() => void)[][] = Array.from({ length: shape.clients }, () => []);
  const incarnations = steps.map(() => 0);
  const begin = (at: number) => {
    const client = `${at}.${incarnations[at]}`;
    const enqueues = random.next() < shape.enqueued;
    const input: Input = enqueues ? { type: "enqueue", value: ++value } : { type: "dequeue" };
    const invocation = history.call(client, "queue", input);
    let output: Output;
    const effect = () => {
      if (input.type === "enqueue") queue.push(input.value);
      else output = queue.shift() ?? false;
    };
    if (random.next() < shape.unknown) {
      incarnations[at]!++;
      steps[at]!.push(() => random.next() < 0.5 && effect());
    } else {
      const wrong = input.type === "dequeue" && random.next() < shape.wrong;
      const made = Math.ceil(random.next() * value);
      steps[at]!.push(effect, () => invocation.ok(wrong ? made : output));
    }
  };
  for (let begun = 0; begun < shape.operations || steps.some(({ length }) => length > 0);) {
    const at = Math.floor(random.next() * shape.clients);
    const step = steps[at]!.shift();
    if (step !== undefined) step();
    else if (begun < shape.operations) {
      begin(at);
      begun++;
    }
  }
  return history.operations();
}

Deno.test("a queue that knows what was answered gives the verdict of one that does not", () => {
  const verdicts = { linearizable: 0, violation: 0, unknown: 0 };
  for (let seed = 1; seed <= 3_000; seed++) {
    const shape = { clients: 3, operations: 9, enqueued: 0.55, unknown: 0.2, wrong: 0.05 };
    const history = record(new SeededRandom(seed), shape);
    const { verdict } = checkLinearizability(history, queueModel(history));
    assertEquals(verdict, checkLinearizability(history, plainQueue).verdict, `seed ${seed}`);
    verdicts[verdict]++;
  }
  const told = JSON.stringify(verdicts);
  assertEquals([verdicts.linearizable > 500, verdicts.violation > 150], [true, true], told);
});

Deno.test("a queue of five concurrent clients is decided, and so is a fault in it", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const shape = { clients: 5, operations: 200, enqueued: 0.5, unknown: 0.05, wrong: 0 };
    const history = record(random, shape);
    const { verdict, configurations } = checkLinearizability(history, queueModel(history));
    assertEquals(verdict, "linearizable", `seed ${seed}, ${configurations} configurations`);
    // Two values that were not under way at once change places.
    const taken = history.filter(({ output }) => typeof output === "number");
    const first = taken[Math.floor(taken.length / 4)]!;
    const later = taken.find(({ called }) => called > first.returned! + 20)!;
    const swapped = history.map((operation) =>
      operation === first
        ? { ...operation, output: later.output }
        : operation === later
        ? { ...operation, output: first.output }
        : operation
    );
    assertEquals(
      checkLinearizability(swapped, queueModel(swapped)).verdict,
      "violation",
      `seed ${seed} with a fault`,
    );
  }
});
