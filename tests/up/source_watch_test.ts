import { assertEquals } from "@std/assert";
import { platform } from "../../lib/runtime/platform.ts";
import type { FilePort } from "../../lib/runtime/platform_port.ts";
import { SourceWatch } from "../../lib/up/source_watch.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

/** The machine's files, whose changes the test announces. */
class Announced {
  folders: readonly string[] = [];
  changed: () => void = () => {};
  readonly files: FilePort = {
    ...platform.files,
    watch: (folders, onChange) => {
      this.folders = folders;
      this.changed = onChange;
      return { close: () => Promise.resolve() };
    },
  };
}

Deno.test("only changed text of sources counts, also in new folders", async () => {
  const folder = await Deno.makeTempDir({ prefix: "casty-up-watch-" });
  try {
    const write = (path: string, text: string) => Deno.writeTextFile(`${folder}/${path}`, text);
    await write("app.ts", "one");
    for (const name of ["node_modules", ".git", "lib"]) await Deno.mkdir(`${folder}/${name}`);
    const clock = new ManualClock();
    const announced = new Announced();
    let changes = 0;
    const watch = await SourceWatch.open([folder], announced.files, clock, () => {
      changes++;
    });
    assertEquals([...announced.folders].sort(), [folder, `${folder}/lib`]);

    const look = async () => {
      announced.changed();
      await clock.advance(150);
      await watch.settled;
    };
    await write("data.db", "no source");
    await write("node_modules/other.ts", "of others");
    await write("app.ts", "one");
    await look();
    assertEquals(changes, 0, "nothing that counts");
    await write("app.ts", "two");
    await look();
    assertEquals(changes, 1);
    await Deno.mkdir(`${folder}/lib/new`);
    await write("lib/new/part.ts", "part");
    await look();
    assertEquals(changes, 2);
    assertEquals(announced.folders.includes(`${folder}/lib/new`), true);
    await write("lib/new/part.ts", "half");
    announced.changed();
    await clock.advance(149);
    announced.changed();
    await clock.advance(149);
    await watch.settled;
    assertEquals(changes, 2, "editors write in several steps");
    await clock.advance(1);
    await watch.settled;
    assertEquals(changes, 3);
    watch.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
