/** The state of the request for the lease. Times in milliseconds. */
export interface LeaseState {
  phase: "idle" | "requesting" | "granted" | "denied";
  /** When it was requested first. */
  since: number;
  nextAt: number;
  grantedAt: number;
  why: string;
}

/** No request is open. */
export function newLeaseState(): LeaseState {
  return { phase: "idle", since: 0, nextAt: 0, grantedAt: 0, why: "" };
}

/** Answers the effect `acquireLease`. */
export interface LeaseAnswerEvent {
  readonly type: "leaseAnswer";
  /** `held`: by another owner; `failed`: the store is unavailable. */
  readonly outcome: "granted" | "held" | "failed";
  /** The holder, or the failure. */
  readonly detail: string;
}
