import process from "node:process";
import { Remoting } from "../../lib/remoting/remoting.ts";
import { replicaControlPath } from "../../lib/replication/control_form.ts";
import type { Link } from "../../lib/runtime/network.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { Draws } from "./draws.ts";
import { frameBytes, frames, hello } from "./frames.ts";
import { generators } from "./generators.ts";
import { isOfBad, type Lab } from "./lab.ts";
import { isPlain, mutated } from "./mutation.ts";

/** True messages of each kind that are kept to be sent again. */
const keptOfEach = 24;
/** Milliseconds of the loop that one message may take. */
export const budget = 20;
/**
 * Messages that honest nodes may send in one moment of virtual time: what is sent, comes back and is sent
 * again without end lets no time pass, so nothing else would notice it. Otherwise it is some hundred.
 */
const maxAtOnce = 5_000;

/** What an attack has cost. */
export interface Cost {
  /** Messages that honest nodes have handled. */
  handled: number;
  /** Milliseconds that took in all. */
  total: number;
  /** Those above the budget, by their number: the same number is the same message for one seed. */
  readonly slow: Map<number, string>;
  /** The longest one, by path. */
  readonly longest: Map<string, number>;
}

/** Sends what bad peers may send. Everything follows from the seed. */
export class Attack {
  readonly cost: Cost = { handled: 0, total: 0, slow: new Map(), longest: new Map() };
  /** Messages that a bad member has sent while the others took it for one. */
  asMember = 0;
  /** How many messages of each kind were sent. */
  readonly sent = new Map<string, number>();
  /** Messages that honest nodes have sent. */
  answers = 0;
  /** Honest nodes sent so much in one moment that it was lost from there on: what, and to whom. */
  readonly endless: string[] = [];
  /** The moment at hand, and how many they have sent in it. */
  #moment = -1;
  #inMoment = 0;
  readonly #lab: Lab;
  readonly #random: SeededRandom;
  /** True messages, by path and type. */
  readonly #recorded = new Map<string, [path: string, message: unknown][]>();
  #recordings = 0;
  /** Whether what is sent now is no true message. */
  #sending = false;
  /** The latest numbers in true messages, by the name of the field. */
  readonly #numbers = new Map<string, number[]>();
  readonly #kinds = Object.entries(generators);
  readonly #frameKinds = Object.entries(frames);
  #link: Link | undefined;
  #framesLeft = 0;

  constructor(lab: Lab, seed: number) {
    this.#lab = lab;
    this.#random = new SeededRandom(`attack ${seed}`);
    lab.meter = (_from, path, deliver) => this.#measure(path, deliver);
  }

  /** Notes what all nodes send from now on. The returned function ends that. */
  record(): () => void {
    const { send } = Remoting.prototype;
    // deno-lint-ignore no-this-alias -- the patched method has its own `this`
    const attack = this;
    Remoting.prototype.send = function (this: Remoting, node, path, uid, message) {
      if (!attack.#sending) {
        if (!isOfBad(this.address)) {
          attack.answers++;
          if (attack.#isEndless(this.address, node, path, message)) return;
        }
        attack.#note(path, message);
      }
      send.call(this, node, path, uid, message);
    };
    return () => void (Remoting.prototype.send = send);
  }

  /** Whether a node sends more in this moment than it ever should. */
  #isEndless(from: string, to: string, path: string, message: unknown): boolean {
    const now = this.#lab.clock.now();
    if (now !== this.#moment) [this.#moment, this.#inMoment] = [now, 0];
    if (++this.#inMoment <= maxAtOnce) return false;
    if (this.endless.length < 3) {
      const what = JSON.stringify(message)?.slice(0, 200);
      this.endless.push(`more than ${maxAtOnce} at once: ${from} to ${to}${path}: ${what}`);
    }
    return true;
  }

  #note(path: string, message: unknown): void {
    if (path.startsWith("/_ask/")) return;
    this.#noteNumbers("", message, 4);
    const type = (message as { type?: unknown } | undefined)?.type;
    const key = typeof type === "string" ? `${path} ${type}` : path;
    let kept = this.#recorded.get(key);
    if (kept === undefined) this.#recorded.set(key, kept = []);
    if (kept.length < keptOfEach) kept.push([path, message]);
    else kept[this.#recordings++ % keptOfEach] = [path, message];
  }

  #noteNumbers(name: string, value: unknown, depth: number): void {
    if (typeof value === "number" && Number.isSafeInteger(value)) {
      let known = this.#numbers.get(name);
      if (known === undefined) this.#numbers.set(name, known = []);
      if (known.length >= keptOfEach) known.shift();
      known.push(value);
    } else if (depth > 0 && Array.isArray(value)) {
      for (const item of value.slice(0, 8)) this.#noteNumbers(name, item, depth - 1);
    } else if (depth > 0 && isPlain(value)) {
      for (const [key, item] of Object.entries(value)) this.#noteNumbers(key, item, depth - 1);
    }
  }

  /** Sends `count` messages, in bursts and pauses. */
  async run(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      if (this.#random.next() < 0.02) await this.#frame();
      else this.#message();
      if (this.#random.next() < 0.5) await this.#lab.clock.advance(this.#random.next() * 12);
    }
  }

  #message(): void {
    const remotings = this.#lab.remotings();
    const chosen = this.#random.next();
    const [self, remoting] = remotings[chosen < 0.7 ? 0 : chosen < 0.85 ? 1 : 2]!;
    const draws = new Draws(this.#random, this.#lab.target(self, this.#numbers));
    const [path, message, kind] = this.#make(draws);
    // It would be a second member that lies; one must be borne.
    if (isOwnJoin(message, self) || isVolunteer(path, message)) return;
    const to = draws.one(this.#lab.nodes).system.address;
    this.sent.set(kind, (this.sent.get(kind) ?? 0) + 1);
    if (self.startsWith("bad:") && draws.members.includes(self)) this.asMember++;
    this.#sending = true;
    remoting.send(to, path, 0, message);
    this.#sending = false;
  }

  #make(draws: Draws): [path: string, message: unknown, kind: string] {
    const kinds = [...this.#recorded.keys()];
    if (kinds.length > 0 && draws.chance(0.4)) {
      const [path, message] = draws.one(this.#recorded.get(draws.one(kinds))!);
      const changed = draws.chance(0.15) ? message : mutated(draws, message);
      return [path, changed, `replayed ${path.split("-")[0]}`];
    }
    const [kind, { path, make }] = draws.one(this.#kinds);
    const made = make(draws);
    const at = typeof path === "string" ? path : path(draws);
    return [at, draws.chance(0.4) ? mutated(draws, made) : made, kind];
  }

  /** Sends one frame on a connection that only this does. */
  async #frame(): Promise<void> {
    const draws = new Draws(this.#random, this.#lab.target("frames:25520", this.#numbers));
    const frame = (name: keyof typeof frames) => [name, frames[name](draws)] as const;
    if (this.#link === undefined || this.#framesLeft-- <= 0) {
      const { system } = draws.one(this.#lab.nodes);
      const [host, port] = system.address.split(":");
      this.#link?.destroy();
      const dialled = this.#lab.network.host("frames").dial({
        host: host!,
        port: Number(port),
        serverName: host!,
        timeout: 1_000,
      });
      this.#link = await this.#lab.clock.resolve(dialled.catch(() => undefined));
      this.#framesLeft = 3 + draws.int(10);
      await this.#write(frameBytes(draws, [["hello", hello(draws, "node")]]));
    }
    const [name] = draws.one(this.#frameKinds);
    this.sent.set(`frame ${name}`, (this.sent.get(`frame ${name}`) ?? 0) + 1);
    await this.#write(frameBytes(draws, [frame(name as keyof typeof frames)]));
  }

  /** Resolves when the bytes are taken, or the node has stopped to read. */
  async #write(bytes: Uint8Array): Promise<void> {
    const link = this.#link;
    if (link === undefined) return;
    let done = false;
    link.onClose = () => {
      done = true;
      if (this.#link === link) this.#link = undefined;
    };
    link.write(bytes, () => void (done = true));
    if (await this.#lab.clock.advanceUntil(() => done, 500)) return;
    link.destroy();
    this.#link = undefined;
  }

  #measure(path: string, deliver: () => void): void {
    const [begin, usedBefore] = [performance.now(), cpuTime()];
    deliver();
    // Other processes take the processor away, other threads use it as well.
    const took = Math.min(performance.now() - begin, cpuTime() - usedBefore);
    const { cost } = this;
    cost.total += took;
    if (took > (cost.longest.get(path) ?? 0)) cost.longest.set(path, took);
    if (took > budget) cost.slow.set(cost.handled, `${path}: ${took.toFixed(1)} ms`);
    cost.handled++;
  }
}

/** Milliseconds of processors that this process has used. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** A member that runs a replicated type gets copies of it, and can lose these: SECURITY.md. */
function isVolunteer(path: string, message: unknown): boolean {
  return path === replicaControlPath && (message as { runs?: unknown } | undefined)?.runs === true;
}

function isOwnJoin(message: unknown, self: string): boolean {
  const { type, member } = (message ?? {}) as { type?: unknown; member?: { address?: unknown } };
  return type === "join" && member?.address === self && self.startsWith("outsider:");
}
