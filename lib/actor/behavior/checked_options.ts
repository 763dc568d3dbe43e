import type { SpawnOptions } from "./spawn_options.ts";

const checked = new WeakSet<object>();

/**
 * Marks options that were checked, and that many actors are spawned with. A message for an empty
 * mailbox of these actors is taken without being measured: most are handled before the next arrives.
 */
export function markChecked(options: SpawnOptions): SpawnOptions {
  checked.add(options);
  if (options.mailbox !== undefined) checked.add(options.mailbox);
  return options;
}

/** Whether these options, or the bounds of a mailbox, were marked. */
export function isChecked(options: object): boolean {
  return checked.has(options);
}
