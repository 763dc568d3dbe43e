/** When the coordinator does what. */
export interface CoordinatorTiming {
  /** Milliseconds after which an order that was not confirmed is repeated. Default 500. */
  readonly retryInterval: number;
  /**
   * Milliseconds between two rounds of moving shards, and between a change of the nodes and the
   * first round. Default 10 000.
   */
  readonly rebalanceInterval: number;
  /** The part of all shards of a type that one round moves, at least one. Default 0.1. */
  readonly rebalanceShare: number;
}

/** The defaults of {@linkcode CoordinatorTiming}. */
export const defaultCoordinatorTiming: CoordinatorTiming = {
  retryInterval: 500,
  rebalanceInterval: 10_000,
  rebalanceShare: 0.1,
};
