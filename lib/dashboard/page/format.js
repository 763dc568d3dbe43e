/** Numbers, times and names as texts. */

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const whole = new Intl.NumberFormat();

/** Of milliseconds since 1970: the time of day. */
export const timeOf = (at) => clock.format(at);

/** Date and time. */
export const dateOf = (at) => day.format(at);

/** A number with separators. */
export const count = (value) => whole.format(value);

/** Milliseconds, in a unit that suits them. */
export function duration(ms) {
  if (ms < 1_000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round(ms / 1_000) % 60} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor(ms / 60_000) % 60} min`;
}

/** Bytes, in a unit that suits them. */
export function bytes(size) {
  if (size < 1_024) return `${size} B`;
  if (size < 1_048_576) return `${(size / 1_024).toFixed(1)} KiB`;
  return `${(size / 1_048_576).toFixed(1)} MiB`;
}

/** Orders addresses by the labels of their nodes, `node-2` before `node-10`. */
export function byLabel(members) {
  const named = (address) => `${labelOf(members, address)} ${address}`;
  return (a, b) => named(a).localeCompare(named(b), "en", { numeric: true });
}

/** Labels of members that the page has seen, by address: one that is gone is still named. */
const labels = new Map();

/** Keeps the labels of members. */
export function learnLabels(members) {
  for (const { address, nodeId } of members) labels.set(address, nodeId);
}

/** The label of a node, or its address if it has none. */
export function labelOf(members, address) {
  const member = members?.find((member) => member.address === address);
  return (member ? member.nodeId : labels.get(address)) || address;
}
