/**
 * Random programs against the rules of an actor's life. One seed gives one program, and the same
 * history every time.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type ActorContext,
  ActorError,
  type ActorRef,
  type Behavior,
  Behaviors,
  type Directive,
  type Overflow,
  type Signal,
  type SpawnOptions,
} from "../../mod.ts";
import { ActorTestKit, checkLedger, SeededRandom } from "../../lib/testkit/mod.ts";

const seeds = 300;
const steps = 120;
/** Below the longest wait of a handler, so that some handlers are given up. */
const stopTimeout = 40;
const longestWait = 60;

/** The more often it is named, the more often it happens. */
const operations = [
  "nothing",
  "nothing",
  "tell",
  "tell",
  "spawn",
  "spawn",
  "spawn",
  "stop",
  "stopChild",
  "fail",
  "fail",
  "begin again",
  "stash",
  "stash",
  "unstash",
  "watch",
  "watch",
  "watch",
  "unwatch",
  "timer",
  "wait",
  "wait",
  "wait and fail",
  "wait and fail",
] as const;
const directives = ["restart", "restart", "resume", "stop", "escalate"] as const;
const names = ["a", "b", "c"] as const;

interface Message {
  readonly operation: typeof operations[number] | "question" | "own timer";
  /** Who has sent it, and the how manieth of that sender to that actor it is. */
  readonly sender: string;
  readonly number: number;
  readonly directive: Directive;
  readonly pick: number;
  readonly replyTo?: ActorRef<string>;
  /** Of a timer: who has set it. */
  readonly incarnation?: number;
}

class Fault extends Error {
  readonly directive: Directive;

  constructor(directive: Directive) {
    super(directive);
    this.directive = directive;
  }
}

/** What is known of one actor, from its spawn to its end. */
class Life {
  ref!: ActorRef<Message>;
  phase: "new" | "starting" | "running" | "restarting" | "ended" | "stopped" = "new";
  incarnation = 0;
  owesPostRestart = false;
  /** Those of the present incarnation. */
  children: Life[] = [];
  /** Whom the present incarnation watches; whether it has heard. */
  readonly watched = new Set<Life>();
  /** By sender: the number of the last message that was handled for the first time. */
  readonly lastOf = new Map<string, number>();
  readonly sentBy = new Map<string, number>();
  readonly stashedOnce = new Set<Message>();
  /** Those that come back, in the order in which they were stashed. */
  stashed: Message[] = [];
  readonly timesHandled = new Map<Message, number>();
  readonly parent: Life | undefined;

  constructor(parent: Life | undefined) {
    this.parent = parent;
  }

  get path(): string {
    return this.ref.path;
  }
}

class World {
  readonly kit: ActorTestKit;
  readonly random: SeededRandom;
  readonly lives: Life[] = [];
  readonly byRef = new Map<ActorRef<never>, Life>();
  openQuestions = 0;
  answers = 0;

  constructor(seed: number) {
    this.kit = ActorTestKit.create({ seed, stopTimeout });
    this.random = new SeededRandom(`program ${seed}`);
    this.kit.system.eventStream.subscribe("actorStopped", ({ ref }) => this.#stopped(ref));
  }

  below(limit: number): number {
    return Math.floor(this.random.next() * limit);
  }

  pick<T>(values: readonly T[]): T | undefined {
    return values[this.below(values.length)];
  }

  /** Some actor, mostly one that is alive. */
  some(): Life | undefined {
    const alive = this.lives.filter(({ phase }) => phase !== "stopped");
    return this.pick(alive.length === 0 || this.below(10) === 0 ? this.lives : alive);
  }

  message(to: Life, sender: string, more: Partial<Message> = {}): Message {
    const number = (to.sentBy.get(sender) ?? 0) + 1;
    to.sentBy.set(sender, number);
    return {
      operation: this.pick(operations)!,
      directive: this.pick(directives)!,
      pick: this.below(1_000),
      ...more,
      sender,
      number,
    };
  }

  /** Starts an actor, if its name is free; it must be refused if not. */
  spawn(parent: Life | undefined, context: ActorContext<Message> | undefined): void {
    const name = this.pick(names)!;
    const life = new Life(parent);
    const path = `${parent?.path ?? ""}/${name}`;
    const taken = this.lives.some((other) => other.path === path && other.phase !== "stopped");
    try {
      life.ref = context === undefined
        ? this.kit.spawn(actor(this, life), name, this.#options())
        : context.spawn(actor(this, life), name, this.#options());
    } catch (error) {
      assert(error instanceof ActorError && error.code === "duplicateName" && taken, `${error}`);
      return;
    }
    assert(!taken, `${path} was given twice`);
    this.lives.push(life);
    this.byRef.set(life.ref, life);
    parent?.children.push(life);
  }

  ask(to: Life): void {
    this.openQuestions++;
    const answered = () => {
      this.openQuestions--;
      this.answers++;
    };
    this.kit.system.ask(
      to.ref,
      (replyTo: ActorRef<string>) => this.message(to, "asker", { operation: "question", replyTo }),
      { timeout: 1 + this.below(200) },
    ).then(answered, answered);
  }

  #options(): SpawnOptions {
    if (this.below(3) > 0) return {};
    const overflow = this.pick<Overflow>(["dropNew", "dropOldest", "reject"])!;
    return { mailbox: { capacity: 1 + this.below(4), overflow } };
  }

  #stopped(ref: ActorRef<never>): void {
    const life = this.byRef.get(ref)!;
    const { phase, path } = life;
    assert(phase === "ended" || phase === "restarting", `${path} stopped while ${phase}`);
    life.phase = "stopped";
    const left = this.lives.filter((other) => other.parent === life && other.phase !== "stopped");
    assertEquals(left.map((child) => child.path), [], `${path} stopped before its children`);
    const now = this.kit.system.lookup(path);
    assert(now !== ref, `${path} can be found although it has stopped`);
  }

  check(): void {
    checkLedger(this.kit.system);
  }

  /** Nothing is under way: nobody is stuck, and whoever watches an actor that is gone has heard. */
  checkQuiet(): void {
    for (const watcher of this.lives) {
      if (watcher.phase === "stopped") continue;
      assertEquals(watcher.phase, "running", `${watcher.path} is stuck`);
      for (const target of watcher.watched) {
        assert(target.phase !== "stopped", `${watcher.path} has not heard of ${target.path}`);
      }
    }
  }
}

/** An actor that does what it is told, and notices when a rule is broken. */
function actor(world: World, life: Life): Behavior<Message> {
  const inner = Behaviors.setup<Message>((context) => {
    assertEquals(life.phase, "starting");
    if (world.below(10) === 0) throw new Fault("restart");
    if (world.below(4) === 0) world.spawn(life, context);
    life.phase = "running";
    const { incarnation } = life;
    return Behaviors.receive<Message>(
      (context, message) => onMessage(world, life, incarnation, context, message),
      (_context, signal) => onSignal(world, life, incarnation, signal),
    );
  });
  const hooked = Behaviors.withLifecycle(inner, {
    preStart: () => {
      assert(life.phase === "new" || life.phase === "restarting", `${life.phase} at preStart`);
      life.owesPostRestart = life.phase === "restarting";
      for (const child of life.children) assertEquals(child.phase, "stopped", "child at restart");
      life.phase = "starting";
      life.incarnation++;
      life.children = [];
    },
    preRestart: () => {
      assert(life.phase === "starting" || life.phase === "running", `${life.phase} at preRestart`);
      life.phase = "restarting";
      life.watched.clear();
    },
    postRestart: () => {
      assertEquals(life.phase, "running");
      assert(life.owesPostRestart, "postRestart without a restart");
      life.owesPostRestart = false;
      if (world.below(10) === 0) throw new Fault("restart");
    },
    postStop: () => {
      assert(life.phase === "starting" || life.phase === "running", `${life.phase} at postStop`);
      for (const child of life.children) assertEquals(child.phase, "stopped", "child at postStop");
      life.phase = "ended";
      life.watched.clear();
    },
  });
  return Behaviors.supervise(hooked, {
    decider: (error) => error instanceof Fault ? error.directive : "stop",
    maxRestarts: 1_000,
    ...(world.below(2) === 0 && { maxRestarts: 20, backoff: { min: 5, max: 40 } }),
  });
}

function onMessage(
  world: World,
  life: Life,
  incarnation: number,
  context: ActorContext<Message>,
  message: Message,
): Behavior<Message> | Promise<Behavior<Message>> {
  note(life, incarnation, message);
  const target = world.some()!;
  switch (message.operation) {
    case "tell":
      // So that a program comes to an end.
      if (message.sender === "driver") target.ref.tell(world.message(target, life.path));
      return Behaviors.same();
    case "spawn":
      world.spawn(life, context);
      return Behaviors.same();
    case "stop":
      return Behaviors.stopped();
    case "stopChild":
      if (life.children.length > 0) {
        context.stop(life.children[message.pick % life.children.length]!.ref);
      }
      return Behaviors.same();
    case "fail":
      throw new Fault(message.directive);
    case "begin again":
      return Behaviors.restart();
    case "stash":
      // Each once: else a restart loop would be one of messages.
      if (!life.stashedOnce.has(message)) {
        life.stashedOnce.add(message);
        life.stashed.push(message);
        context.stash.add(message);
      }
      return Behaviors.same();
    case "unstash":
      context.stash.unstashAll();
      return Behaviors.same();
    case "watch":
      context.watch(target.ref);
      if (target !== life) life.watched.add(target);
      return Behaviors.same();
    case "unwatch":
      context.unwatch(target.ref);
      life.watched.delete(target);
      return Behaviors.same();
    case "timer":
      context.timers.startSingle(
        "timer",
        { ...message, operation: "own timer", incarnation },
        message.pick % 20,
      );
      return Behaviors.same();
    case "wait":
      return pause(world, message).then(() => Behaviors.same());
    case "wait and fail":
      return pause(world, message).then(() => {
        throw new Fault(message.directive);
      });
    case "question":
      message.replyTo!.tell("answer");
      return Behaviors.same();
    default:
      return Behaviors.same();
  }
}

function onSignal(
  world: World,
  life: Life,
  incarnation: number,
  signal: Signal,
): Behavior<Message> {
  assertEquals(life.phase, "running", `${life.path} hears ${signal.type} while ${life.phase}`);
  assertEquals(incarnation, life.incarnation);
  if (signal.type === "terminated") {
    const target = world.byRef.get(signal.ref)!;
    assert(life.watched.delete(target), `${life.path} hears of ${target.path} without a wish`);
    assertEquals(target.phase, "stopped");
  }
  if (signal.type === "childFailed") {
    const child = world.byRef.get(signal.ref)!;
    assert(life.children.includes(child), `${life.path} hears of a child that it never had`);
  }
  return Behaviors.same();
}

/** A message is handled: by whom, how often, and in which order. */
function note(life: Life, incarnation: number, message: Message): void {
  const { path, phase, lastOf, timesHandled } = life;
  assertEquals(phase, "running", `${path} handles a message while ${phase}`);
  assertEquals(incarnation, life.incarnation, `${path}: an old behaviour handles a message`);
  if (message.operation === "own timer") {
    assertEquals(message.incarnation, incarnation, `${path} gets a timer of before its restart`);
    return;
  }
  const times = (timesHandled.get(message) ?? 0) + 1;
  timesHandled.set(message, times);
  if (times > 1) {
    // A full mailbox may have dropped some that came back before this one.
    const index = life.stashed.indexOf(message);
    assert(index >= 0, `${path} handles a message twice, or in another order than it was stashed`);
    life.stashed.splice(0, index + 1);
    return;
  }
  const last = lastOf.get(message.sender) ?? 0;
  assert(message.number > last, `${path} handles ${message.number} of a sender after ${last}`);
  lastOf.set(message.sender, message.number);
}

function pause(world: World, { pick }: Message): Promise<void> {
  return new Promise((resolve) =>
    void world.kit.clock.schedule(pick % longestWait, () => resolve())
  );
}

async function step(world: World): Promise<void> {
  const life = world.some();
  const choice = world.below(20);
  if (life === undefined || choice <= 1) world.spawn(undefined, undefined);
  else if (choice === 2) void (world.below(3) === 0 && world.kit.system.stop(life.ref));
  else if (choice === 3) world.ask(life);
  else if (choice === 4) await world.kit.advance(world.below(50));
  else if (choice === 5) await world.kit.settle();
  else for (let i = world.below(4); i >= 0; i--) life.ref.tell(world.message(life, "driver"));
  world.check();
}

async function runProgram(seed: number): Promise<World> {
  const world = new World(seed);
  const { kit } = world;
  for (let i = 0; i < steps; i++) await step(world);
  await kit.advance(10_000);
  world.check();
  world.checkQuiet();
  const { failures } = violations(world);
  assertEquals(failures, []);
  await kit[Symbol.asyncDispose]();
  // Handlers that were given up wait on the same clock.
  await kit.clock.advance(longestWait);
  assertEquals(violations(world).failures, []);
  assertEquals(world.lives.filter(({ phase }) => phase !== "stopped").map(({ path }) => path), []);
  assertEquals(world.openQuestions, 0, "questions without an end");
  assertEquals(kit.clock.pending, 0, "timers after the end");
  return world;
}

/** What an actor or a listener has noticed: it is in the log, since nobody lets it through. */
function violations({ kit }: World): { failures: string[] } {
  const failures: string[] = [];
  for (const { fields } of kit.log.lines) {
    const error = fields?.["error"];
    if (error !== undefined && !(error instanceof Fault)) failures.push(String(error));
  }
  return { failures };
}

Deno.test("random programs of actors keep the rules of an actor's life", async () => {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await runProgram(seed);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

Deno.test("one seed gives one history", async () => {
  const [one, other] = [await runProgram(7), await runProgram(7)];
  assertEquals(one.kit.system.ledger.snapshot(), other.kit.system.ledger.snapshot());
  assertEquals(one.kit.log.lines, other.kit.log.lines);
});
