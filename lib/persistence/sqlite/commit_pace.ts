/** Milliseconds of a commit beyond which as many writes as possible share one. */
const slow = 1;
/** Writes from which on they are divided. */
const divisible = 16;
/** The part of a new duration in the average. */
const weight = 0.2;
/** What a commit has to hold to be sent while another one is under way, as a part of what that one holds. */
const worthSending = 0.5;
/** The part of the gap by which {@linkcode CommitPace} lowers its idea of how many writes there are. */
const forgetting = 1 / 64;

/**
 * When a commit is sent to the thread, and how many of the waiting writes it takes. Pure.
 *
 * With a fast disk, a commit takes about as long as the actors whose writes it holds need to go on and
 * write again. So the writes are divided between two commits: while the thread carries out one, the
 * actors of the other go on, and neither side waits. Two, and not more: each commit waits for the disk
 * once, whatever it holds. So a commit that would be much smaller than the one under way is not sent:
 * more writes join it meanwhile. With a slow disk one commit takes all: dividing them would double the
 * time until a write is durable.
 */
export class CommitPace {
  /** How many writes each commit has that was sent and has not ended, the oldest first. */
  readonly #underWay: number[] = [];
  /** When the oldest of them was begun. */
  #begun = 0;
  #average = 0;
  /** How many writes were under way or waiting lately: the most, which is forgotten slowly. */
  #usual = 0;

  /** Whether a commit takes long. */
  get isSlow(): boolean {
    return this.#average > slow;
  }

  /** Whether no commit is under way. */
  get isIdle(): boolean {
    return this.#underWay.length === 0;
  }

  /** How many of the writes that wait the next commit takes; 0: none is sent now. */
  next(waiting: number): number {
    if (this.isSlow) return this.isIdle ? waiting : 0;
    // What an earlier commit held may not have come back yet: half of what waits would be too little.
    const half = Math.round(Math.max(waiting, this.#usual) / 2);
    const most = waiting < divisible ? waiting : Math.min(waiting, half);
    if (this.isIdle) return most;
    return this.#underWay.length === 1 && most >= worthSending * this.#underWay[0]! ? most : 0;
  }

  /** A commit of so many writes was sent, while others wait. */
  begin(count: number, waiting: number, now: number): void {
    if (this.isIdle) this.#begun = now;
    this.#underWay.push(count);
    const all = this.#underWay.reduce((sum, size) => sum + size, waiting);
    this.#usual = Math.max(all, this.#usual - forgetting * (this.#usual - all));
  }

  /** The oldest commit has ended; the thread has begun the next one. */
  end(now: number): void {
    const duration = now - this.#begun;
    this.#average += weight * (duration - this.#average);
    this.#underWay.shift();
    this.#begun = now;
  }
}
