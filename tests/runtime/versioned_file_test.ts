import { assert, assertEquals, assertRejects } from "@std/assert";
import { StorageError } from "../../lib/runtime/storage.ts";
import { VersionedFile } from "../../lib/runtime/versioned_file.ts";
import { FailingMachines, type MachineProcess } from "./failing_machines.ts";

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const decode = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes));

Deno.test("each version has one writer, and none that was acknowledged is lost when machines fail", async () => {
  let acknowledged = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const machines = new FailingMachines(seed);
    const owners = new Map<number, string>();
    const work = async ({ storage }: MachineProcess, name: string): Promise<void> => {
      const file = new VersionedFile(storage, "/data/value");
      for (let change = 1; change <= 30; change++) {
        const newest = Math.max(0, ...owners.keys());
        const { version, bytes } = await file.read();
        assert(version >= newest, `version ${newest} was acknowledged, ${version} is read`);
        const owner = owners.get(version);
        if (owner !== undefined) assertEquals(decode(bytes)?.by, owner, `version ${version}`);
        const by = `${name} ${change}`;
        if (!await file.write(version, encode({ by }))) continue;
        assert(!owners.has(version + 1), `two have written version ${version + 1}`);
        owners.set(version + 1, by);
        acknowledged++;
      }
    };
    const hosts = ["a", "b", "c"];
    const errors: unknown[] = [];
    for (const host of hosts) {
      void (async () => {
        for (let life = 1; life <= 4; life++) {
          const process = machines.start(host);
          work(process, `${host}/${life}`).catch((error) => errors.push(error));
          const time = machines.random.next() * 150;
          await new Promise<void>((resolve) => void machines.clock.schedule(time, resolve));
          process.fail();
        }
      })();
    }
    await machines.clock.advance(1_000);
    assertEquals(errors, []);
    const newest = Math.max(0, ...owners.keys());
    const { version, bytes } = await machines.clock.resolve(
      new VersionedFile(machines.start("d").storage, "/data/value").read(),
    );
    assert(version >= newest, `version ${newest} was acknowledged, ${version} is there`);
    if (version === newest) assertEquals(decode(bytes)?.by, owners.get(newest));
  }
  assert(acknowledged > 1_000, `only ${acknowledged}`);
});

Deno.test("a writer that was held up does not write behind the others", async () => {
  const machines = new FailingMachines(1);
  const [slow, quick] = ["a", "b"].map((host) =>
    new VersionedFile(machines.start(host).storage, "/data/value")
  );
  const run = <T>(work: Promise<T>) => machines.clock.resolve(work);
  const { version } = await run(slow!.read());
  for (let known = 0; known < 40; known++) {
    assert(await run(quick!.write(known, encode({ by: "b" }))));
  }
  // Version 1 was removed, so its name is free again.
  assertEquals(await run(slow!.write(version, encode({ by: "a" }))), false);
  const newest = await run(slow!.read());
  assertEquals([newest.version, decode(newest.bytes).by], [40, "b"]);
  const names = await run(machines.start("c").storage.list("/data"));
  assert(names.length <= 20, `${names.length} files`);
});

Deno.test("a file that is too large for a value is corrupt, and other names are no versions", async () => {
  const machines = new FailingMachines(1);
  const { storage } = machines.start("a");
  const put = async (name: string, size: number) => {
    const file = await storage.open(`/data/${name}`, "truncate");
    await file.append(new Uint8Array(size));
    await file.close();
  };
  const file = new VersionedFile(storage, "/data/value");
  for (const name of ["value", "value.1", "value.00000000000x", "value2.000000000001"]) {
    await machines.clock.resolve(put(name, 1));
  }
  assertEquals((await machines.clock.resolve(file.read())).version, 0);
  await machines.clock.resolve(put("value.000000000007", 5_000));
  const error = await machines.clock.resolve(assertRejects(() => file.read(), StorageError));
  assertEquals(error.code, "corrupt");
});
