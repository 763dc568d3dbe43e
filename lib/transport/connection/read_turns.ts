/** A message that takes more than one turn of the event loop to read. */
export interface LongRead {
  /** Whether the message was delivered or refused. */
  readonly done: boolean;
  /** Reads on for at most {@linkcode turnTime}; returns the values that were decoded. */
  step(): number;
}

/** Milliseconds that one peer may take of the event loop at a time. */
export const turnTime = 2;

/** Values that one peer may have decoded at a time, whatever time they take. */
export const turnValues = 16_384;

/** Says when one connection may read on. Shared by all connections of the same holder and lane. */
export interface ReadTurns {
  /** Bytes have arrived: begins a turn, unless one is under way. False: read nothing now. */
  begin(now: number): boolean;
  /** Values were decoded, or bytes inflated. False: the turn is over, read nothing more. */
  spend(values: number, inflated: number): boolean;
  /** Calls `proceed` in a later turn of the event loop, as soon as the peer may have more read. */
  wait(reader: WaitingReader): void;
  /** The connection has ended. */
  leave(reader: WaitingReader): void;
}

/** A connection that has stopped to read. */
export interface WaitingReader {
  /** Whether it has a part of a message decoded: then it reads on before others of its peer. */
  readonly inMessage?: boolean;
  /** Reads on. */
  proceed(): void;
}

/** For connections that are not open, and for tests: everything is read at once. */
export const unlimitedTurns: ReadTurns = {
  begin: () => true,
  spend: () => true,
  wait: ({ proceed }) => proceed(),
  leave: () => {},
};
