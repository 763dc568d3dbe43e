/** Runs the benchmarks one after another, each in its own process. */
for (const name of ["local", "codec", "remote"]) {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--v8-flags=--expose-gc", new URL(`./${name}.ts`, import.meta.url).href],
  }).spawn().status;
  if (code !== 0) Deno.exit(code);
}
