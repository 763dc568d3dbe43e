/** The number that stands for everything outside the cluster. */
export const outside = 0;

/**
 * Whether connections from one node to another are cut: nodes that are cut off reach nobody, and
 * nobody reaches them, others outside of the cluster included.
 */
export function isCut(cutOff: ReadonlySet<number>, from: number, to: number): boolean {
  return cutOff.has(from) || cutOff.has(to);
}
