import { assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;

/** What each example prints. Lines of actors that run side by side are compared in any order. */
const outcomes: Readonly<Record<string, { readonly sorted?: true; readonly lines: string }>> = {
  "01_hello": { lines: "Hello, Alice!\nHello, Bob!\nHello, Charlie!\n3 were greeted" },
  "02_state": { lines: "0 + 10 = 10\n10 + 5 = 15\n15 + 3 = 18\nthe counter is 18" },
  "03_children": {
    sorted: true,
    lines: "/manager/ann does design\n/manager/ann does test\n/manager/ann has finished\n" +
      "/manager/ben does build\n/manager/ben has finished\nthe manager has stopped",
  },
  "04_supervision": {
    lines: "worker: started\nworker: letter 1\nworker: started\n" +
      "/worker restarted: out of paper\nworker: letter 2\nworker: started\n" +
      "/worker restarted: out of paper\nworker: letter 3\ndone since the last start: 1",
  },
  "05_lifecycle": {
    lines: "visitor: preStart\nevent: started /visitor\nvisitor: hello\nvisitor: leave\n" +
      'visitor: postStop\nevent: stopped /visitor\nevent: dead letter "hello" for /visitor: stopped',
  },
  "06_state_machine": {
    lines: "total: 0.00\ntotal: 250.00\nreceipt: 1 item, 225.00\n" +
      "checked out: add is ignored\ntotal: 225.00\nreceipt: paid already",
  },
  "07_timers": {
    sorted: true,
    lines: "Atlantis: no such city\nLisbon: sunny\nno message for 100 ms: stop\n" +
      "pong, before the forecasts\nthree ticks",
  },
  "08_routers": {
    lines: "6 jobs in turn: 3 workers, 2 jobs each\n4 jobs of one user: 1 worker\n" +
      "a job for the group: /printer",
  },
  "09_streams": {
    sorted: true,
    lines: "100\n101\n103\n104\n99\ntaken: 0, 1, 2, 3, 4; fewer than 20 were put: true\n" +
      "the stream has completed\nthe writer hears: streamCancelled",
  },
  "10_spy": {
    sorted: true,
    lines: "/manager/packer/shipper: parcel of order 1\n" +
      "/manager/packer/shipper: parcel of order 2\n/manager/packer: order 1\n" +
      "/manager/packer: order 2\n/manager: order 1\n/manager: order 2",
  },
  "11_service_discovery": {
    lines: "present: ann, ben, cleo\nann reads: welcome\nben reads: welcome\n" +
      "cleo reads: welcome\npresent: ann, cleo\npresent: ann",
  },
  "12_sharding": {
    lines: "alice: 600\nbob: 200\ncarol: 300\ndave: 400\neve: 1000\n" +
      "5 accounts run, each on one node",
  },
  "topics": {
    lines: "tea costs 450, 450, 450 cents at 3 nodes, 0 missing\n" +
      "the office hears: north has sold tea\nthe office hears: north has sold milk\n" +
      "the client hears: tea\nthe client hears: milk\nthe client hears: cake\nsold for 11.70",
  },
  "configured": {
    lines: "shop: roles web\n8 of 10 pages did not fit into the mailbox\nalice has 1 item\n" +
      "carts: 8 shards\norders: 20 shards",
  },
  "13_client": { lines: "user-1: 150\nuser-2: 200\nnews: the match has begun" },
};

for (const [name, { sorted, lines }] of Object.entries(outcomes)) {
  Deno.test(`examples/${name}.ts prints what it says`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `examples/${name}.ts`],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout).trimEnd();
    assertEquals(code, 0, text + new TextDecoder().decode(stderr));
    assertEquals(sorted ? text.split("\n").sort().join("\n") : text, lines);
  });
}

Deno.test("each numbered example has an outcome here", async () => {
  const numbered: string[] = [];
  for await (const { name } of Deno.readDir(`${root}examples`)) {
    if (/^\d\d_.*\.ts$/.test(name)) numbered.push(name.slice(0, -".ts".length));
  }
  assertEquals(numbered.sort(), Object.keys(outcomes).filter((name) => /^\d\d_/.test(name)));
});
