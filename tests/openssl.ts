/** Whether the `openssl` command is there. CI installs it; elsewhere its tests are skipped. */
export const hasOpenssl: boolean = (() => {
  try {
    return new Deno.Command("openssl", { args: ["version"], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
})();

/** A test that holds our work against `openssl`. */
export function opensslTest(
  name: string,
  fn: (test: Deno.TestContext) => void | Promise<void>,
): void {
  Deno.test({ name, ignore: !hasOpenssl, fn });
}
