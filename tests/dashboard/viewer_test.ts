/** What a viewer sees of long texts, and after choosing something else. */
import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { Behaviors, ClusteredActorSystem } from "../../mod.ts";
import { dashboard } from "../../dashboard.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { startChromium, withChromium } from "../chromium.ts";

const long = "the invoice could not be printed, because a part of its template is missing; ".repeat(
  4,
);

Deno.test({
  name: "long texts can be read, and what is shown belongs to what is chosen",
  ...withChromium,
}, async (test) => {
  await using system = await ClusteredActorSystem.start({
    name: "viewed",
    host: "127.0.0.1",
    port: 0,
    stallDetection: false,
    logger: silentLogger,
  });
  await using board = await dashboard(system, { port: 0 });
  const failing = () =>
    Behaviors.receive(() => {
      throw new Error(long);
    });
  const printer = system.spawn(failing(), "printer");
  await system.ask(printer, () => "print").catch(() => {});
  system.lookup<string>("/nobody", { node: system.address }).tell(long);
  const many = system.spawn(Behaviors.sharded(() => Behaviors.ignore(), { numShards: 40 }), "many");
  const few = system.spawn(Behaviors.sharded(() => Behaviors.ignore(), { numShards: 4 }), "few");
  for (let n = 0; n < 200; n++) {
    many.entity(`entity-${n}`).tell("start");
    few.entity(`entity-${n}`).tell("start");
  }

  await using browser = await startChromium();
  const page = await browser.newPage({ viewport: { width: 1360, height: 900 } });
  const problems: string[] = [];
  page.on("pageerror", ({ message }) => problems.push(message));
  await page.goto(board.openUrl);
  await page.getByText("1 of 1 up").waitFor();
  const go = (hash: string) => page.goto(`${new URL(page.url()).origin}/#/${hash}`);

  for (const width of [1360, 400]) {
    await test.step(`a long text has no more lines than it needs, ${width} pixels wide`, async () => {
      await page.setViewportSize({ width, height: 900 });
      for (const [name, text] of [["asks", "could not be"], ["deadLetters", "invoice"]] as const) {
        await go(name);
        const cell = page.locator("td", { hasText: text }).last();
        await cell.waitFor();
        const { height } = (await cell.boundingBox())!;
        // 330 characters, of 40 in a line of 280 pixels.
        assert(height < 13 * 20, `${name}: ${height} pixels`);
      }
    });
  }
  await page.setViewportSize({ width: 1360, height: 900 });

  await test.step("no name of a page needs two lines when it is chosen", async () => {
    await go("services");
    const chosen = page.locator("nav a[aria-current]", { hasText: "Services" });
    await chosen.waitFor();
    const other = page.locator("nav a", { hasText: "Cluster" });
    assertEquals((await chosen.boundingBox())!.height, (await other.boundingBox())!.height);
  });

  await test.step("fields of one line are equally high", async () => {
    await go("entities");
    const [select, input] = [page.getByLabel("Entity type"), page.getByLabel("Entity id")];
    await input.waitFor();
    assertEquals((await select.boundingBox())!.y, (await input.boundingBox())!.y);
  });

  await test.step("a field follows the address, also back and forward", async () => {
    const field = () => page.locator("input[name=path]").inputValue();
    await go("trace?path=/printer");
    await page.getByText("Messages below /printer").waitFor();
    await go("trace?path=/elsewhere");
    await page.getByText("Messages below /elsewhere").waitFor();
    assertEquals(await field(), "/elsewhere");
    await page.goBack();
    await page.getByText("Messages below /printer").waitFor();
    assertEquals(await field(), "/printer");
    await page.locator("input[name=path]").fill("/typed");
    assertEquals(await field(), "/typed");
  });

  await test.step("a shard that was chosen is not looked for in another type", async () => {
    await go("shards?type=many");
    await page.locator(".grid .square").nth(30).click();
    await page.getByRole("heading", { name: "Shard 30", exact: true }).waitFor();
    await page.getByLabel("Shard type").selectOption("few");
    await page.getByText("4 of 4", { exact: true }).waitFor();
    assertEquals(await page.getByText("It has no owner").count(), 0);
    await page.getByText("choose a shard").waitFor();
  });

  await test.step("lines that are held are those of the level that was chosen", async () => {
    await go("logs?level=debug");
    await page.locator(".log li").first().waitFor();
    await page.getByRole("button", { name: "Hold" }).click();
    await page.getByRole("button", { name: "Go on" }).waitFor();
    await page.getByLabel("Level").selectOption("error");
    await page.getByRole("button", { name: "Hold" }).waitFor();
    await levels(page, ["error"]);
  });

  await test.step("a node that is no member is named in the choice of nodes", async () => {
    await go("logs?node=127.0.0.1:1");
    await page.getByText("it is no member").waitFor();
    const choice = page.locator("label", { hasText: "Node" }).locator("select");
    assertEquals(await choice.inputValue(), "127.0.0.1:1");
    await choice.locator("option", { hasText: "127.0.0.1:1, no member" }).waitFor({
      state: "attached",
    });
  });

  await test.step("without a connection, what was shown last does not look as if it were so now", async () => {
    await go("cluster");
    await page.locator(".tile").first().waitFor();
    assertEquals(await page.locator(".old").count(), 0);
    await board[Symbol.asyncDispose]();
    await page.getByText("connection lost").waitFor();
    await page.locator(".top .summary.old").waitFor();
    await page.locator("main.old").waitFor();
  });

  assertEquals(problems, []);
});

/** Waits until the lines of the log are of these levels only, and no line is missing of them. */
async function levels(page: Page, expected: readonly string[]): Promise<void> {
  const lines = page.locator(".log li");
  await page.waitForFunction(
    (expected: readonly string[]) => {
      // deno-lint-ignore no-explicit-any -- it is in the page
      const lines = [...(globalThis as any).document.querySelectorAll(".log li")];
      return lines.length > 0 && lines.every(({ className }) => expected.includes(className));
    },
    expected,
  );
  assert(await lines.count() > 0);
}
