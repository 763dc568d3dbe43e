/** Debian's Chromium, for tests of pages. */
import type { Browser } from "playwright-core";

const paths = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The program; `undefined` where there is none. */
export const chromiumPath: string | undefined = paths.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** Options of a test with a browser. The package keeps timers and streams of its own. */
export const withChromium = {
  ignore: chromiumPath === undefined,
  sanitizeOps: false,
  sanitizeResources: false,
} as const;

/** Starts the browser, without a window. */
export async function startChromium(): Promise<Browser> {
  const { chromium } = await import("playwright-core");
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  return await chromium.launch({ executablePath: chromiumPath!, args });
}
