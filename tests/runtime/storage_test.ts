import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Storage, StorageError, type StorageErrorCode } from "../../lib/runtime/storage.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { systemStorage } from "../../lib/runtime/system_storage.ts";
import { memoryStorage } from "../../lib/testkit/simulation/simulated_storage.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (content: Uint8Array) => new TextDecoder().decode(content);

async function rejects(code: StorageErrorCode, work: () => Promise<unknown>): Promise<void> {
  const error = await assertRejects(work, StorageError);
  assertEquals(error.code, code, error.message);
}

/** What both implementations promise. */
function contract(name: string, body: (storage: Storage, folder: string) => Promise<void>): void {
  Deno.test(`system storage: ${name}`, async () => {
    const folder = await Deno.makeTempDir();
    await body(systemStorage, folder);
    await Deno.remove(folder, { recursive: true });
  });
  Deno.test(`simulated storage: ${name}`, async () => {
    const storage = memoryStorage(systemClock);
    await storage.makeFolder("/folder");
    await body(storage, "/folder");
  });
}

contract("appends, cuts and reads", async (storage, folder) => {
  const path = `${folder}/log`;
  const file = await storage.open(path, "append");
  await file.append(bytes("one "));
  await file.append(bytes("two"));
  await file.sync();
  assertEquals(await file.size(), 7);
  await file.close();
  const again = await storage.open(path, "append");
  await again.append(bytes(" three"));
  await again.truncate(5);
  await again.append(bytes("!"));
  await again.close();
  assertEquals(text(await storage.read(path)), "one t!");
  assertEquals(await storage.size(path), 6);
  const empty = await storage.open(path, "truncate");
  await empty.append(new Uint8Array(0));
  await empty.close();
  await empty.close();
  assertEquals(await storage.size(path), 0);
  await rejects("closed", () => empty.append(bytes("x")));
});

contract("renames and links as a whole", async (storage, folder) => {
  for (const name of ["a", "b"]) {
    const file = await storage.open(`${folder}/${name}`, "truncate");
    await file.append(bytes(name));
    await file.close();
  }
  await rejects("exists", () => storage.link(`${folder}/a`, `${folder}/b`));
  await storage.link(`${folder}/a`, `${folder}/c`);
  await storage.rename(`${folder}/a`, `${folder}/b`);
  await storage.syncFolder(folder);
  assertEquals(await storage.list(folder), ["b", "c"]);
  assertEquals(text(await storage.read(`${folder}/b`)), "a");
  await storage.remove(`${folder}/b`);
  assertEquals(text(await storage.read(`${folder}/c`)), "a");
});

contract("says what is not there", async (storage, folder) => {
  await rejects("notFound", () => storage.read(`${folder}/x`));
  await rejects("notFound", () => storage.size(`${folder}/x`));
  await rejects("notFound", () => storage.remove(`${folder}/x`));
  await rejects("notFound", () => storage.rename(`${folder}/x`, `${folder}/y`));
  await rejects("notFound", () => storage.link(`${folder}/x`, `${folder}/y`));
  await rejects("notFound", () => storage.list(`${folder}/x`));
  await rejects("notFound", () => storage.open(`${folder}/x/y`, "append"));
  await rejects("notFound", () => storage.syncFolder(`${folder}/x`));
});

contract("makes folders, and unique temporary names", async (storage, folder) => {
  await storage.makeFolder(`${folder}/x/y`);
  await storage.makeFolder(`${folder}/x/y`);
  assertEquals(await storage.list(`${folder}/x`), ["y"]);
  const names = new Set(Array.from({ length: 100 }, () => storage.temporary(`${folder}/z`)));
  assertEquals(names.size, 100);
});

Deno.test("system storage: files and folders are private", async () => {
  const folder = await Deno.makeTempDir();
  await systemStorage.makeFolder(`${folder}/x/y`);
  const file = await systemStorage.open(`${folder}/x/y/z`, "append");
  await file.close();
  const mode = (path: string) => Deno.statSync(`${folder}/${path}`).mode! & 0o777;
  assertEquals([mode("x"), mode("x/y"), mode("x/y/z")], [0o700, 0o700, 0o600]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("system storage: a process that has ended is told apart from one that runs", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const { self } = systemStorage;
  const other = { ...self, pid: child.pid };
  assert(!await systemStorage.hasEnded(self));
  assert(!await systemStorage.hasEnded(other));
  child.kill("SIGKILL");
  await child.status;
  assert(await systemStorage.hasEnded(other));
  // In containers each process of a host is number 1.
  assert(await systemStorage.hasEnded({ ...self, startedAt: self.startedAt - 1 }));
  assert(!await systemStorage.hasEnded({ ...other, host: "elsewhere" }));
});

Deno.test("an error names operation, path, remedy and cause", async () => {
  const error = await assertRejects(() => systemStorage.read("/no/such/file"), StorageError);
  assertEquals([error.code, error.value], ["notFound", "/no/such/file"]);
  assert(error.message.startsWith("read /no/such/file: "), error.message);
  assert(error.cause instanceof Error);
  const full = new StorageError("full", "write /x: no space");
  assert(full.message.endsWith("free space on the device, or raise the quota"));
});
