/**
 * When the disk has an event, as the system calls of a process tell: `strace` writes them down in the
 * order in which they end and begin.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";

const events = 40;

/** Runs `strace` with these arguments. */
async function strace(...args: string[]): Promise<{ code: number; error: string }> {
  const { code, stderr } = await new Deno.Command("strace", {
    args,
    stdout: "null",
    stderr: "piped",
  }).output();
  return { code, error: new TextDecoder().decode(stderr) };
}

/** Why no system calls can be followed here; undefined: they can. */
async function whyNot(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "strace needs Linux";
  try {
    const { code, error } = await strace("-f", "-e", "trace=fdatasync", "true");
    return code === 0 ? undefined : error.trim();
  } catch {
    return "strace is not installed";
  }
}

const missing = await whyNot();

/** What the system calls of a run tell. */
interface Waits {
  /** Waits for the disk that had ended, since the file was opened. */
  readonly beforeEachAcknowledgement: readonly number[];
  /** Acknowledgements before which something was written, and no wait that began later had succeeded. */
  readonly early: readonly number[];
  /** With the waits of the store's end, which copies the log of the file to the file. */
  readonly all: number;
}

async function waitsOf(synchronous: "FULL" | "NORMAL", inCommits: boolean): Promise<Waits> {
  const folder = await Deno.makeTempDir();
  try {
    const [log, file] = [`${folder}/calls`, `${folder}/journal.db`];
    const child = new URL("synced_child.ts", import.meta.url).pathname;
    const { code, error } = await strace(
      ...["-f", "-qq", "-s", "64", "-e", "trace=fsync,fdatasync,write,pwrite64", "-o", log],
      ...[Deno.execPath(), "run", "-A", "--no-check", child, file, synchronous],
      ...[`${events}`, `${inCommits}`],
    );
    assertEquals(code, 0, error);
    return waitsIn(await Deno.readTextFile(log));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Lines begin with the number of a thread. A call that others interrupt has a line for its end. */
function waitsIn(calls: string): Waits {
  const before: number[] = [];
  const early: number[] = [];
  let ended = 0;
  let isDurable = true;
  /** Threads that wait for the disk, with whether nothing was written since they began. */
  const waiting = new Map<string, boolean>();
  for (const line of calls.split("\n")) {
    const thread = line.split(" ", 1)[0]!;
    if (/\bwrite\(1, "opened/.test(line)) ended = 0;
    else if (/\bwrite\(1, "acknowledged/.test(line)) {
      before.push(ended);
      if (!isDurable) early.push(before.length);
    }
    // SQLite writes by this call, and nothing else does.
    if (/\bpwrite64(\(| resumed>)/.test(line)) {
      isDurable = false;
      for (const other of waiting.keys()) waiting.set(other, false);
    }
    if (/\bf(data)?sync\(/.test(line)) waiting.set(thread, true);
    if (/\bf(data)?sync(\(| resumed>).* = /.test(line)) {
      const hasSucceeded = / = 0$/.test(line);
      if (hasSucceeded) ended++;
      if (hasSucceeded && waiting.get(thread) === true) isDurable = true;
      waiting.delete(thread);
    }
  }
  assertEquals(before.length, events);
  return { beforeEachAcknowledgement: before, early, all: ended };
}

const suffix = missing === undefined ? "" : ` (skipped: ${missing})`;

for (const [where, inCommits] of [["in", true], ["beside", false]] as const) {
  Deno.test({
    name: `SQLite: with FULL each acknowledgement follows a wait ${where} its commit${suffix}`,
    ignore: missing !== undefined,
    fn: async () => {
      const { beforeEachAcknowledgement, early } = await waitsOf("FULL", inCommits);
      assertEquals(early, [], "acknowledged before the disk had what was written");
      for (const [index, ended] of beforeEachAcknowledgement.entries()) {
        assert(ended > index, `event ${index + 1} was acknowledged after ${ended} waits`);
      }
    },
  });
}

Deno.test({
  name: `SQLite: with NORMAL events do not wait for the disk, the file does${suffix}`,
  ignore: missing !== undefined,
  fn: async () => {
    const { beforeEachAcknowledgement, early, all } = await waitsOf("NORMAL", true);
    assertEquals(early.length, events);
    const last = beforeEachAcknowledgement.at(-1)!;
    assert(last <= 2, `${last} waits for ${events} events`);
    assert(all > last, "the log was copied to the file, and neither was waited for");
  },
});
