/** Why something in a cluster is as it is: facts and next steps, in sentences for people. */
export interface Explanation {
  /** What was asked about, as in the request. */
  readonly topic: string;
  /** The answer in one sentence. The wording may change. */
  readonly summary: string;
  /** Whether all is as it should be. */
  readonly ok: boolean;
  /** What the node knows about it. Never empty. */
  readonly facts: readonly string[];
  /** What a person can do, in this order. Empty: nothing needs to be done. */
  readonly nextSteps: readonly string[];
  /** Addresses of nodes that know more about it. */
  readonly askAlso: readonly string[];
}

/** The parts that most explanations leave out. */
export function explanation(
  topic: string,
  ok: boolean,
  summary: string,
  { facts = [summary], nextSteps = [], askAlso = [] }: Partial<
    Pick<Explanation, "facts" | "nextSteps" | "askAlso">
  > = {},
): Explanation {
  return {
    topic,
    summary,
    ok,
    facts: facts.length === 0 ? [summary] : facts,
    nextSteps: [...new Set(nextSteps)],
    askAlso: [...new Set(askAlso)],
  };
}
