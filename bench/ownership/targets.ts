/** What ownership must achieve; times in milliseconds. */
export const targets = {
  /** Handler runs of an older owner after a newer one has started. */
  doubleOwnership: { atMost: 0 },
  /** Healthy nodes that were declared down. */
  wronglyDowned: { atMost: 0 },
  /** From `kill -9` of one owner, or of two at once, until all their entities answer. */
  ownerKill: { p50: { below: 2_000 }, p99: { below: 3_000 } },
  /** From the loss of a host's link until all its entities answer. */
  hostVanishes: { below: 7_000 },
  /** Asks during a rolling restart. `still`: of entities that did not move meanwhile. */
  rollingRestart: {
    failed: { atMost: 0 },
    still: { p999: { below: 250 } },
    moving: { longest: { atMost: 500 } },
  },
} as const;
