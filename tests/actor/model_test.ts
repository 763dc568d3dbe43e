/**
 * Random programs against the rules of the lifecycle. One seed gives one program, and the same
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
  "restart",
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
  readonly operation: typeof operations[number] | "ask" | "own timer";
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
class ActorModel {
  ref!: ActorRef<Message>;
  phase: "new" | "starting" | "running" | "restarting" | "ended" | "stopped" = "new";
  incarnation = 0;
  owesPostRestart = false;
  /** Those of the present incarnation. */
  children: ActorModel[] = [];
  /** Whom the present incarnation watches; whether it has heard. */
  readonly watched = new Set<ActorModel>();
  /** By sender: the number of the last message that was handled for the first time. */
  readonly lastOf = new Map<string, number>();
  readonly sentBy = new Map<string, number>();
  readonly stashedOnce = new Set<Message>();
  /** Those that come back, in the order in which they were stashed. */
  stashed: Message[] = [];
  readonly timesHandled = new Map<Message, number>();
  readonly parent: ActorModel | undefined;

  constructor(parent: ActorModel | undefined) {
    this.parent = parent;
  }

  get path(): string {
    return this.ref.path;
  }
}

class World {
  readonly kit: ActorTestKit;
  readonly random: SeededRandom;
  readonly models: ActorModel[] = [];
  readonly byRef = new Map<ActorRef<never>, ActorModel>();
  pendingAsks = 0;
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
  some(): ActorModel | undefined {
    const alive = this.models.filter(({ phase }) => phase !== "stopped");
    return this.pick(alive.length === 0 || this.below(10) === 0 ? this.models : alive);
  }

  message(to: ActorModel, sender: string, more: Partial<Message> = {}): Message {
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
  spawn(parent: ActorModel | undefined, context: ActorContext<Message> | undefined): void {
    const name = this.pick(names)!;
    const model = new ActorModel(parent);
    const path = `${parent?.path ?? ""}/${name}`;
    const taken = this.models.some((other) => other.path === path && other.phase !== "stopped");
    try {
      model.ref = context === undefined
        ? this.kit.spawn(actor(this, model), name, this.#options())
        : context.spawn(actor(this, model), name, this.#options());
    } catch (error) {
      assert(error instanceof ActorError && error.code === "duplicateName" && taken, `${error}`);
      return;
    }
    assert(!taken, `${path} was given twice`);
    this.models.push(model);
    this.byRef.set(model.ref, model);
    parent?.children.push(model);
  }

  ask(to: ActorModel): void {
    this.pendingAsks++;
    const answered = () => {
      this.pendingAsks--;
      this.answers++;
    };
    this.kit.system.ask(
      to.ref,
      (replyTo: ActorRef<string>) => this.message(to, "asker", { operation: "ask", replyTo }),
      { timeout: 1 + this.below(200) },
    ).then(answered, answered);
  }

  #options(): SpawnOptions {
    if (this.below(3) > 0) return {};
    const overflow = this.pick<Overflow>(["dropNew", "dropOldest", "reject"])!;
    return { mailbox: { capacity: 1 + this.below(4), overflow } };
  }

  #stopped(ref: ActorRef<never>): void {
    const model = this.byRef.get(ref)!;
    const { phase, path } = model;
    assert(phase === "ended" || phase === "restarting", `${path} stopped while ${phase}`);
    model.phase = "stopped";
    const left = this.models.filter((other) => other.parent === model && other.phase !== "stopped");
    assertEquals(left.map((child) => child.path), [], `${path} stopped before its children`);
    const now = this.kit.system.lookup(path);
    assert(now !== ref, `${path} can be found although it has stopped`);
  }

  check(): void {
    checkLedger(this.kit.system);
  }

  /** At rest: no actor is stuck, and all watchers of stopped actors were signalled. */
  checkQuiet(): void {
    for (const watcher of this.models) {
      if (watcher.phase === "stopped") continue;
      assertEquals(watcher.phase, "running", `${watcher.path} is stuck`);
      for (const target of watcher.watched) {
        assert(target.phase !== "stopped", `${watcher.path} has not heard of ${target.path}`);
      }
    }
  }
}

/** An actor that does what it is told, and notices when a rule is broken. */
function actor(world: World, model: ActorModel): Behavior<Message> {
  const inner = Behaviors.setup<Message>((context) => {
    assertEquals(model.phase, "starting");
    if (world.below(10) === 0) throw new Fault("restart");
    if (world.below(4) === 0) world.spawn(model, context);
    model.phase = "running";
    const { incarnation } = model;
    return Behaviors.receive<Message>(
      (context, message) => onMessage(world, model, incarnation, context, message),
      (_context, signal) => onSignal(world, model, incarnation, signal),
    );
  });
  const hooked = Behaviors.withLifecycle(inner, {
    preStart: () => {
      assert(model.phase === "new" || model.phase === "restarting", `${model.phase} at preStart`);
      model.owesPostRestart = model.phase === "restarting";
      for (const child of model.children) assertEquals(child.phase, "stopped", "child at restart");
      model.phase = "starting";
      model.incarnation++;
      model.children = [];
    },
    preRestart: () => {
      assert(
        model.phase === "starting" || model.phase === "running",
        `${model.phase} at preRestart`,
      );
      model.phase = "restarting";
      model.watched.clear();
    },
    postRestart: () => {
      assertEquals(model.phase, "running");
      assert(model.owesPostRestart, "postRestart without a restart");
      model.owesPostRestart = false;
      if (world.below(10) === 0) throw new Fault("restart");
    },
    postStop: () => {
      assert(model.phase === "starting" || model.phase === "running", `${model.phase} at postStop`);
      for (const child of model.children) assertEquals(child.phase, "stopped", "child at postStop");
      model.phase = "ended";
      model.watched.clear();
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
  model: ActorModel,
  incarnation: number,
  context: ActorContext<Message>,
  message: Message,
): Behavior<Message> | Promise<Behavior<Message>> {
  note(model, incarnation, message);
  const target = world.some()!;
  switch (message.operation) {
    case "tell":
      // So that a program comes to an end.
      if (message.sender === "driver") target.ref.tell(world.message(target, model.path));
      return Behaviors.same();
    case "spawn":
      world.spawn(model, context);
      return Behaviors.same();
    case "stop":
      return Behaviors.stopped();
    case "stopChild":
      if (model.children.length > 0) {
        context.stop(model.children[message.pick % model.children.length]!.ref);
      }
      return Behaviors.same();
    case "fail":
      throw new Fault(message.directive);
    case "restart":
      return Behaviors.restart();
    case "stash":
      // Each once: else a restart loop would be one of messages.
      if (!model.stashedOnce.has(message)) {
        model.stashedOnce.add(message);
        model.stashed.push(message);
        context.stash.add(message);
      }
      return Behaviors.same();
    case "unstash":
      context.stash.unstashAll();
      return Behaviors.same();
    case "watch":
      context.watch(target.ref);
      if (target !== model) model.watched.add(target);
      return Behaviors.same();
    case "unwatch":
      context.unwatch(target.ref);
      model.watched.delete(target);
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
    case "ask":
      message.replyTo!.tell("answer");
      return Behaviors.same();
    default:
      return Behaviors.same();
  }
}

function onSignal(
  world: World,
  model: ActorModel,
  incarnation: number,
  signal: Signal,
): Behavior<Message> {
  assertEquals(model.phase, "running", `${model.path} hears ${signal.type} while ${model.phase}`);
  assertEquals(incarnation, model.incarnation);
  if (signal.type === "terminated") {
    const target = world.byRef.get(signal.ref)!;
    assert(
      model.watched.delete(target),
      `${model.path} is signalled for ${target.path} without a watch`,
    );
    assertEquals(target.phase, "stopped");
  }
  if (signal.type === "childFailed") {
    const child = world.byRef.get(signal.ref)!;
    assert(
      model.children.includes(child),
      `${model.path} is signalled for a child that it never had`,
    );
  }
  return Behaviors.same();
}

/** A message is handled: by whom, how often, and in which order. */
function note(model: ActorModel, incarnation: number, message: Message): void {
  const { path, phase, lastOf, timesHandled } = model;
  assertEquals(phase, "running", `${path} handles a message while ${phase}`);
  assertEquals(incarnation, model.incarnation, `${path}: an old behaviour handles a message`);
  if (message.operation === "own timer") {
    assertEquals(message.incarnation, incarnation, `${path} gets a timer of before its restart`);
    return;
  }
  const times = (timesHandled.get(message) ?? 0) + 1;
  timesHandled.set(message, times);
  if (times > 1) {
    // A full mailbox may have dropped some that came back before this one.
    const index = model.stashed.indexOf(message);
    assert(index >= 0, `${path} handles a message twice, or in another order than it was stashed`);
    model.stashed.splice(0, index + 1);
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
  const model = world.some();
  const choice = world.below(20);
  if (model === undefined || choice <= 1) world.spawn(undefined, undefined);
  else if (choice === 2) void (world.below(3) === 0 && world.kit.system.stop(model.ref));
  else if (choice === 3) world.ask(model);
  else if (choice === 4) await world.kit.advance(world.below(50));
  else if (choice === 5) await world.kit.settle();
  else for (let i = world.below(4); i >= 0; i--) model.ref.tell(world.message(model, "driver"));
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
  assertEquals(world.models.filter(({ phase }) => phase !== "stopped").map(({ path }) => path), []);
  assertEquals(world.pendingAsks, 0, "asks without an end");
  assertEquals(kit.clock.pending, 0, "timers after the end");
  return world;
}

/** Failed assertions of actors and listeners: they are in the log, since the system catches them. */
function violations({ kit }: World): { failures: string[] } {
  const failures: string[] = [];
  for (const { fields } of kit.log.lines) {
    const error = fields?.["error"];
    if (error !== undefined && !(error instanceof Fault)) failures.push(String(error));
  }
  return { failures };
}

Deno.test("random programs of actors keep the rules of the lifecycle", async () => {
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
