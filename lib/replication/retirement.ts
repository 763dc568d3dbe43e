/** What a person has said of a node: what it had stored up to a time will never be back. */
export interface Retirement {
  readonly address: string;
  /** Milliseconds since the Unix epoch. */
  readonly until: number;
}
