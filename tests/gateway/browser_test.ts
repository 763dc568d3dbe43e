/** The page of examples/shared_counter in Chromium. */
import { assertEquals } from "@std/assert";
import { Behaviors, ClusteredActorSystem } from "../../mod.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { Changes, counter, Counters } from "../../examples/shared_counter/counters.ts";
import { serveSite } from "../../examples/shared_counter/site.ts";

const browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = browsers.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});
if (executablePath === undefined) console.log("no Chromium here: the page is not tested");

Deno.test({
  name: "two pages share a counter, and go on when their gateway is killed",
  ignore: executablePath === undefined,
  // The package keeps timers and streams of its own.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const { chromium } = await import("playwright-core");
  await using node = await ClusteredActorSystem.start({
    name: "site",
    host: "127.0.0.1",
    port: 0,
    logger: silentLogger,
  });
  const changes = node.topic(Changes);
  node.spawn(Behaviors.sharded(
    Counters,
    (name) => counter((value) => changes.publish({ counter: name, value })),
  ));
  let site = await serveSite(node, 0);
  const port = Number(new URL(site.url).port);
  const browser = await chromium.launch({
    executablePath: executablePath!,
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  try {
    const errors: string[] = [];
    const open = async (counter: string) => {
      const page = await browser.newPage();
      page.on("pageerror", (error) => errors.push(String(error)));
      await page.goto(`${site.url}?counter=${counter}`);
      await page.locator("body[data-state=open]").waitFor();
      return page;
    };
    const ann = await open("visits");
    const ben = await open("visits");
    const other = await open("other");
    const value = (page: typeof ann, text: string) =>
      page.locator("#value", { hasText: new RegExp(`^${text}$`) }).waitFor();
    await Promise.all([value(ann, "0"), value(ben, "0"), value(other, "0")]);
    await ann.click("#plus");
    await ann.click("#plus");
    await Promise.all([value(ann, "2"), value(ben, "2")]);
    await ben.click("#minus");
    await Promise.all([value(ann, "1"), value(ben, "1"), value(other, "0")]);

    await site[Symbol.asyncDispose]();
    await ann.locator("body[data-state=connecting]").waitFor();
    // Waits until there is a gateway again.
    await ann.click("#plus");
    site = await serveSite(node, port);
    await Promise.all([value(ann, "2"), value(ben, "2")]);
    assertEquals(await ann.locator("body").getAttribute("data-session"), "new");
    const screenshot = Deno.env.get("CASTY_SCREENSHOT");
    if (screenshot !== undefined) await ann.screenshot({ path: screenshot });

    // A connection that is lost while the gateway lives: the session goes on.
    await ben.context().setOffline(true);
    await ben.context().setOffline(false);
    await ben.click("#plus");
    await Promise.all([value(ann, "3"), value(ben, "3")]);
    assertEquals(errors, []);
  } finally {
    await browser.close();
    await site[Symbol.asyncDispose]();
  }
});
