import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;

async function run(example: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `examples/${example}.ts`],
    cwd: root,
    env: { NO_COLOR: "1", TMPDIR: folder },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, text + new TextDecoder().decode(stderr));
  // It removes what it made; this fails on a folder that is not empty.
  await Deno.remove(folder);
  return text;
}

Deno.test("sensors stream to a client that is slow, and its alerts stream back to a monitor", async () => {
  const text = await run("sensor_pipeline");
  for (const sensor of ["temperature", "humidity", "pressure"]) {
    assert(text.includes(`client | ${sensor}: 20 readings`), text);
    assert(text.includes(`${sensor} | sent 20 readings`), text);
  }
  assert(text.includes("monitor | 16 alerts"), text);
  assert(text.includes("client | sent 16 alerts; the stream completed"), text);
});

Deno.test("ten workers are found and share the work; one is killed, and nothing is missing", async () => {
  const text = await run("job_executor");
  assert(text.includes("client | found 10 workers"), text);
  assert(text.includes("client | no job is called evil"), text);
  assert(text.includes("client | 78498 primes below 1000000; 1 task went to another worker"), text);
  assert(text.includes("client | nine workers are left"), text);
});

Deno.test("an account on SQLite survives kill -9", async () => {
  assertEquals(
    await run("bank_account"),
    "the process was killed while it deposited\nevery confirmed deposit is there\n" +
      "withdraw 9,999,999: not enough money\nwithdraw all: 0 is left\n",
  );
});

Deno.test("a reminder starts its entity, after nothing has run when it was due", async () => {
  assertEquals(
    await run("reminders"),
    "books: paid\nthe service is down while the order expires\nexpired: shoes\n",
  );
});

Deno.test("a view of sales counts each once, although its process was killed", async () => {
  assertEquals(
    await run("projection"),
    "killed in the middle: true\n10000 of 10000 sales are counted\n" +
      "apple: 3340 sold for 1336.00\nbread: 3340 sold for 11690.00\ncheese: 3320 sold for 23904.00\n",
  );
});

Deno.test("a ledger adds up after kill -9 in the middle of transfers", async () => {
  assertEquals(
    await run("ledger"),
    "the process was killed in the middle of its transfers\n" +
      "every transfer that was begun has ended\n" +
      "dave's account was closed: 1000 is on it\nin total: 4000\n",
  );
});

Deno.test("a singleton gives no ticket twice, although its node is killed", async () => {
  const text = await run("singleton");
  assert(text.includes("client | the node of the singleton was killed"), text);
  assert(text.includes("client | 300 different tickets; none by an earlier node: true"), text);
  assert(text.includes("client | another node took over: true"), text);
});

Deno.test("a schedule leaves no second out, and an outage is one run", async () => {
  assertEquals(
    await run("schedule"),
    "2 nodes ran the job; none left out: true; none twice: true\n" +
      "after an outage of seconds, one run made up for all: true\n",
  );
});

Deno.test("three nodes with an extension of their own know which of them is busy", async () => {
  const text = await run("extension");
  assert(/runs 5 jobs\n/.test(text), text);
  assert(text.includes("healthy: true\nthe next job goes to three"), text);
});

Deno.test("three nodes and a client share jobs, a counter, prices and a lock", async () => {
  const text = await run("distributed");
  assert(text.startsWith("parts: 3\none node has left; parts: 3\n"), text);
  assert(text.includes("price of a door: 120, jobs left: 0\n"), text);
  assert(text.includes('lock "saw" (mutual exclusion by leases'), text);
});
