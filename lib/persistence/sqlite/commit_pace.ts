/** Milliseconds of a commit beyond which as many writes as possible share one. */
const slow = 1;
/** Writes from which on a commit is divided. */
const divisible = 16;
/** The part of a new duration in the average. */
const weight = 0.2;

/**
 * When a commit is sent to the thread, and how many of the waiting writes it takes. Pure.
 *
 * With a fast disk, a commit takes about as long as the actors whose writes it holds need to go on and
 * write again. So the writes are divided between two commits: while the thread carries out one, the
 * actors of the other go on, and neither side waits. With a slow disk one commit takes all: dividing
 * them would double the time until a write is durable.
 */
export class CommitPace {
  /** Commits that were sent and have not ended. */
  #underWay = 0;
  /** When the oldest of them was begun. */
  #begun = 0;
  #average = 0;

  /** Whether a commit takes long. */
  get isSlow(): boolean {
    return this.#average > slow;
  }

  /** Whether no commit is under way. */
  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** Whether a commit may be sent. */
  get maySend(): boolean {
    return this.#underWay < (this.isSlow ? 1 : 2);
  }

  /** How many of the writes that wait the next commit takes. */
  next(waiting: number): number {
    if (this.isSlow || this.#underWay > 0 || waiting < divisible) return waiting;
    return Math.ceil(waiting / 2);
  }

  /** A commit was sent. */
  begin(now: number): void {
    if (this.#underWay++ === 0) this.#begun = now;
  }

  /** The oldest commit has ended; the thread has begun the next one. */
  end(now: number): void {
    const duration = now - this.#begun;
    this.#average += weight * (duration - this.#average);
    this.#underWay--;
    this.#begun = now;
  }
}
