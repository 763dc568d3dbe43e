import { assert, assertEquals } from "@std/assert";
import { StoredForm } from "../../../lib/persistence/schema.ts";
import { openStore } from "../ledger_child.ts";
import { missing, PostgresServer } from "../postgres_server.ts";
import { type AlarmEvent, interval } from "./killed_child.ts";

const entities = 20;
const form = new StoredForm<AlarmEvent, never>();

/** A node in a process of its own, and what it has printed. */
class Node {
  readonly lines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;

  constructor(place: string, set: number) {
    const script = new URL("killed_child.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", script, place, String(set)],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#read = this.#take();
  }

  async #take(): Promise<void> {
    let text = "";
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const complete = text.split("\n");
      text = complete.pop()!;
      this.lines.push(...complete);
    }
  }

  count(word: string): number {
    return this.lines.filter((line) => line.startsWith(`${word} `)).length;
  }

  async until(condition: () => boolean): Promise<void> {
    const end = performance.now() + 120_000;
    while (!condition()) {
      assert(performance.now() < end, `after 2 min: ${this.lines.slice(-5)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#read;
    await this.#child.status;
  }
}

interface Alarm {
  readonly setAt: number;
  /** Due times and when they were handled, by key. */
  readonly rang: ReadonlyMap<string, readonly { readonly due: number; readonly at: number }[]>;
}

async function readAlarms(place: string): Promise<Map<string, Alarm>> {
  const journal = await openStore(place);
  const alarms = new Map<string, Alarm>();
  for (let n = 0; n < entities; n++) {
    let setAt = 0;
    const rang = new Map<string, { due: number; at: number }[]>([["once", []], ["every", []]]);
    for await (const { payload, at } of journal.read(`alarms|alarm-${n}`)) {
      if (payload.length === 0) continue;
      const event = form.readEvent(payload, 0);
      if (event.type === "set") setAt = event.at;
      else rang.get(event.key)!.push({ due: event.due, at });
    }
    alarms.set(`alarm-${n}`, { setAt, rang });
  }
  await journal.close();
  return alarms;
}

/** A node is killed in the middle of its rings; the next one begins after several due times. */
async function checkOutage(place: string): Promise<void> {
  const first = new Node(place, entities);
  await first.until(() => first.count("set") === entities && first.count("rang") >= entities);
  await first.kill();
  const killed = Date.now();
  const before = await readAlarms(place);
  await new Promise((resolve) => setTimeout(resolve, 3.5 * interval));
  const restarted = Date.now();
  const second = new Node(place, 0);
  const isOver = () =>
    Array.from({ length: entities }, (_, n) => `alarm-${n}`).every((id) => {
      const own = second.lines.filter((line) => line.startsWith(`rang ${id} `));
      const isOnceOver = before.get(id)!.rang.get("once")!.length > 0 ||
        own.some((line) => line.includes(" once "));
      return isOnceOver && own.filter((line) => line.includes(" every ")).length >= 3;
    });
  await second.until(isOver);
  await second.kill();

  const alarms = await readAlarms(place);
  let missed = 0;
  for (const [id, { setAt, rang }] of alarms) {
    assert(setAt > 0, `${id} was confirmed and is not set`);
    const [once, ...more] = rang.get("once")!;
    assertEquals(more, [], `${id}: its reminder has come twice`);
    assert(once !== undefined, `${id}: its reminder has not come`);
    if (once.at >= restarted) missed++;
    const every = rang.get("every")!;
    for (const [index, { due, at }] of every.entries()) {
      assertEquals((due - every[0]!.due) % interval, 0, `${id}: the rhythm has changed`);
      assert(at >= due, `${id}: it came before it was due`);
      if (index > 0) assert(due > every[index - 1]!.due, `${id}: ${due} has come again`);
    }
    // Of what was due while nothing ran, and was not handled, one message.
    const made = every.filter(({ due, at }) => due < restarted && at >= restarted);
    assertEquals(made.length, 1, `${id}: ${JSON.stringify(every)}`);
    assert(made[0]!.due <= killed + interval);
    assert(every.some(({ due }) => due > restarted), `${id}: it has ended`);
  }
  assert(missed > 0, "none was due in the outage");
}

Deno.test("SQLite: after kill -9 of their node reminders arrive, once for an outage", async () => {
  const folder = await Deno.makeTempDir();
  await checkOutage(`${folder}/alarms.db`);
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: missing === undefined
    ? "PostgreSQL: after kill -9 of their node reminders arrive, once for an outage"
    : `PostgreSQL: reminders after kill -9 (skipped: ${missing})`,
  ignore: missing !== undefined,
  fn: async () => {
    await using server = await PostgresServer.create();
    await checkOutage(server.url);
  },
});
