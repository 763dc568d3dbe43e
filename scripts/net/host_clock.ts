/**
 * A clock that all processes of a machine share, in network namespaces too, and that no change of the
 * wall clock moves: the milliseconds since the machine was started. Linux only.
 *
 * @module
 */

const uptime = () => Deno.readTextFileSync("/proc/uptime").split(" ")[0]!;

/** Milliseconds to add to `performance.now()`. The file has steps of 10 ms, so an edge is awaited. */
function offset(): number {
  const before = uptime();
  let now = before;
  while (now === before) now = uptime();
  return Number(now) * 1_000 - performance.now();
}

const shift = offset();

/** Milliseconds since the machine was started, exact to about one. */
export function hostNow(): number {
  return performance.now() + shift;
}
