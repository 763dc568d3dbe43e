import { assert, assertEquals } from "@std/assert";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { Processes } from "../../examples/processes.ts";

const program = "/usr/bin/chromium";
const names = ["node-1", "node-2", "node-3", "node-4", "node-5"];
/** Where people look at the page; CI keeps the folder. */
const shots = Deno.env.get("CASTY_SCREENSHOTS") ??
  new URL("../../screenshots/dashboard", import.meta.url).pathname;
/** The machine may be busy with other tests. */
const timeout = 120_000;

function isInstalled(): boolean {
  try {
    return Deno.statSync(program).isFile;
  } catch {
    console.log(`  skipped: no ${program} (apt-get install chromium)`);
    return false;
  }
}

/** The pages, with something to see on each. */
const pages: Readonly<Record<string, string>> = {
  cluster: "table.matrix",
  shards: ".grid .square",
  entities: "td button.link",
  services: "td:has-text('audit')",
  clients: "text=none: not encrypted, text=spiffe",
  deadLetters: "text=noSuchActor",
  asks: "text=Slowest",
  certificates: "text=spiffe",
  logs: ".log li",
  trace: "input[name=path]",
};

/** Five processes, and a browser. */
class Lab implements AsyncDisposable {
  readonly processes: Processes;
  readonly browser: Browser;

  private constructor(processes: Processes, browser: Browser) {
    this.processes = processes;
    this.browser = browser;
  }

  static async start(): Promise<Lab> {
    Deno.env.set("DASHBOARD_ACTIONS", "1");
    const script = new URL("../../examples/dashboard.ts", import.meta.url).pathname;
    const processes = await Processes.start(script, names);
    try {
      const args = ["--no-sandbox", "--disable-dev-shm-usage"];
      return new Lab(processes, await chromium.launch({ executablePath: program, args }));
    } catch (error) {
      await processes[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The address that a node has printed. */
  url(name: string): string {
    const line = this.processes.lines.find((line) => line.startsWith(`${name} | DASHBOARD `));
    return line!.slice(`${name} | DASHBOARD `.length);
  }

  async page(colorScheme: "light" | "dark", problems: string[]): Promise<Page> {
    const context = await this.browser.newContext({
      colorScheme,
      viewport: { width: 1360, height: 900 },
    });
    context.setDefaultTimeout(timeout);
    const page = await context.newPage();
    page.on("pageerror", ({ message }) => problems.push(message));
    page.on("console", (line) => {
      if (line.type() === "error") problems.push(line.text());
    });
    // Nothing but the node itself: it works without the internet.
    page.on("request", (request) => {
      if (new URL(request.url()).hostname !== "127.0.0.1") problems.push(request.url());
    });
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.processes[Symbol.asyncDispose]();
  }
}

/** What axe finds wrong on the page: rules of WCAG 2.2, levels A and AA, and good practice. */
async function inaccessible(page: Page, rules: readonly string[] = []): Promise<string[]> {
  await page.evaluate(axe.source);
  return await page.evaluate(async (rules: readonly string[]) => {
    const options = rules.length === 0 ? {} : { runOnly: { type: "rule", values: rules } };
    // deno-lint-ignore no-explicit-any -- it is in the page
    const { violations } = await (globalThis as any).axe.run(options);
    // deno-lint-ignore no-explicit-any -- the same
    return violations.map(({ id, help, nodes }: any) =>
      `${id}: ${help}: ${nodes.slice(0, 3).map(({ html }: { html: string }) => html).join(" ")}`
    );
  }, rules);
}

async function go(page: Page, name: string, query = ""): Promise<void> {
  await page.goto(`${new URL(page.url()).origin}/#/${name}${query}`);
}

Deno.test({
  name: "a browser shows five nodes, one that is killed, and an entity, also without a mouse",
  ignore: !isInstalled(),
  // Streams of the browser's own process.
  sanitizeResources: false,
  sanitizeOps: false,
}, async (test) => {
  await Deno.mkdir(shots, { recursive: true });
  await using lab = await Lab.start();
  const problems: string[] = [];
  const page = await lab.page("light", problems);
  await page.goto(lab.url("node-1"));
  await page.getByText("5 of 5 up").waitFor();
  assertEquals(new URL(page.url()).search, "", "the token stays in the address");

  await test.step("each page is accessible, in both schemes, and asks nobody else", async () => {
    const dark = await lab.page("dark", problems);
    await dark.goto(lab.url("node-2"));
    await dark.getByText("5 of 5 up").waitFor();
    const wrong: string[] = [];
    for (const [name, sign] of Object.entries(pages)) {
      for (const [scheme, one] of [["light", page], ["dark", dark]] as const) {
        await go(one, name);
        if (name !== "clients") await one.locator(sign).first().waitFor();
        // The colours are all that differs.
        const rules = scheme === "dark" ? ["color-contrast"] : [];
        wrong.push(
          ...(await inaccessible(one, rules)).map((rule) => `${name}, ${scheme}: ${rule}`),
        );
        await one.screenshot({ path: `${shots}/${name}-${scheme}.png`, fullPage: true });
        if (scheme === "dark") continue;
        // On a telephone a table scrolls in its card, and the page does not.
        await one.setViewportSize({ width: 400, height: 900 });
        // A chart follows the window.
        const fits = await one.waitForFunction(
          "document.documentElement.scrollWidth === innerWidth",
          undefined,
          { timeout: 10_000 },
        ).then(() => true, () => false);
        if (!fits) wrong.push(`${name}: wider than a window of 400 pixels`);
        await one.screenshot({ path: `${shots}/${name}-narrow.png`, fullPage: true });
        await one.setViewportSize({ width: 1360, height: 900 });
      }
    }
    assertEquals(wrong, []);
    await dark.context().close();
  });

  await test.step("an entity is found by the keyboard", async () => {
    await go(page, "cluster");
    await page.reload();
    await page.getByText("5 of 5 up").waitFor();
    await page.keyboard.press("Tab");
    assertEquals(await focused(page), "Skip to the content");
    await page.getByRole("link", { name: "Entities" }).focus();
    await page.keyboard.press("Enter");
    await page.locator("h1:focus", { hasText: "Entities" }).waitFor();
    await page.getByLabel("Entity id").focus();
    await page.keyboard.type("alice");
    await page.keyboard.press("Enter");
    const card = page.locator("section.card", { hasText: "Entity alice" });
    await card.getByText("running").waitFor();
    await card.getByText(/\{balance: \d+, deposits: \d+\}/).waitFor();
    await card.getByText('{type: "deposited", amount: 10}').first().waitFor();
    assertEquals(await inaccessible(page), []);
    await page.screenshot({ path: `${shots}/entity-light.png`, fullPage: true });
  });

  await test.step("messages of an entity are traced while somebody looks", async () => {
    await page.getByTitle("trace its messages").click();
    await page.locator("td", { hasText: "deposit" }).first().waitFor();
    await page.screenshot({ path: `${shots}/traced-light.png`, fullPage: true });
  });

  await test.step("shards are reached with arrow keys", async () => {
    await go(page, "shards");
    await page.locator(".grid .square").first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Shard 1", exact: true }).waitFor();
    await page.getByText(/owns it by the grant/).waitFor();
  });

  await test.step("an action is asked for twice", async () => {
    await go(page, "entities", "?type=accounts&id=bob");
    await page.getByRole("button", { name: "Stop entity bob…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("The next message starts it again").waitFor();
    await dialog.getByRole("button", { name: "Continue" }).click();
    await dialog.getByRole("button", { name: "Yes, stop entity bob" }).click();
    await dialog.getByText('Done: "bob" stops').waitFor();
    assertEquals(await inaccessible(page), []);
    await page.screenshot({ path: `${shots}/action-light.png` });
    await dialog.getByRole("button", { name: "Close" }).click();
    await go(page, "logs");
    await page.locator("li.warn", { hasText: "dashboard: action" }).first().waitFor();
  });

  await test.step("a killed node turns unreachable, and is gone", async () => {
    await go(page, "cluster");
    await page.locator(".tile", { hasText: "node-5" }).waitFor();
    lab.processes.kill("node-5");
    await page.getByText("unreachable: node-5").waitFor();
    await page.getByText("4 of 5 up").waitFor();
    await page.locator(".tile.bad", { hasText: "node-5" }).waitFor();
    await page.screenshot({ path: `${shots}/killed-light.png`, fullPage: true });
    await page.getByText("4 of 4 up").waitFor();
    // The line above the page and the page itself come one after the other.
    await page.locator(".tile", { hasText: "node-5" }).waitFor({ state: "detached" });
    await go(page, "shards");
    await page.locator("td", { hasText: "is gone" }).first().waitFor();
    await page.screenshot({ path: `${shots}/moved-light.png`, fullPage: true });
  });

  assertEquals(problems, []);
  assert(lab.processes.lines.some((line) => line.includes("DASHBOARD")));
});

async function focused(page: Page): Promise<string> {
  return await page.evaluate("document.activeElement.textContent") as string;
}
