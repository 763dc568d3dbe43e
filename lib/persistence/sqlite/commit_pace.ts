/** Milliseconds of a commit beyond which as many writes as possible share one. */
const slow = 1;
/** Writes from which on they are divided. */
const divisible = 24;
/** The part of a new duration in the average. */
const weight = 0.2;
/** What a commit has to hold to be sent while another one is under way, as a part of a half. */
const worthSending = 0.75;
/** The part of the difference by which {@linkcode CommitPace} lowers its idea of how many writers there are. */
const forgetting = 1 / 64;

/** Milliseconds of a commit with its wait for the disk, beyond which the wait is beside the next commit. */
const slowDisk = 0.4;
/** One commit in so many waits for a slow disk, and tells how slow it is. */
const probing = 16;
/** A commit that takes longer, because it copies the log, says no more about the disk than this. */
const longest = 5 * slowDisk;
/** The part of a new duration in the average of the disk. */
const diskWeight = 0.1;

interface Commit {
  readonly count: number;
  readonly isDurable: boolean;
}

/**
 * When a commit is sent to the thread, and how many of the waiting writes it takes. Pure.
 *
 * With a fast disk, a commit takes about as long as the actors whose writes it holds need to go on and
 * write again. So the writes are divided between two commits: while the thread carries out one, the
 * actors of the other go on, and neither side waits. Two equal ones, and not more: each commit waits for
 * the disk once, whatever it holds. So much less than half of the writes are not sent while a commit is
 * under way: more join them meanwhile. With a slow disk, or few writes, one commit takes all: dividing
 * them would double the time until a write is durable.
 *
 * A fast disk is waited for by the thread, within the commit: another wait, beside the next commit, would
 * cost two more steps between threads, which take as long as the disk. A slow disk is waited for beside it.
 */
export class CommitPace {
  #waiting = 0;
  /** How many writes each commit has that was sent and has not ended, the oldest first. */
  readonly #underWay: Commit[] = [];
  /** How many writes of the last commit that has ended have not been followed by another one. */
  #away = 0;
  /** Milliseconds of a commit. */
  #average = 0;
  /** Milliseconds of a commit that waits for the disk. */
  #diskAverage = 0;
  /** Commits since the last one that waited for the disk. */
  #unprobed = 0;
  /** How many writers there were lately: the most, which is forgotten slowly. */
  #writers = 0;

  /** How many writes wait for a commit that has not been sent. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Whether no commit is under way. */
  get isIdle(): boolean {
    return this.#underWay.length === 0;
  }

  /** Whether two commits are under way at a time. */
  get isDivided(): boolean {
    return this.#average <= slow && Math.max(this.#waiting, this.#writers) >= divisible;
  }

  /** Whether the thread waits for the disk in the next commit. */
  get isDurable(): boolean {
    return this.#diskAverage <= slowDisk || this.#unprobed >= probing;
  }

  /** Writes have come. */
  add(count: number): void {
    this.#waiting += count;
    this.#away = Math.max(0, this.#away - count);
  }

  /** How many of the writes that wait are sent as a commit now; 0: none. */
  next(): number {
    const { isIdle } = this;
    if (!this.isDivided) return isIdle ? this.#waiting : 0;
    const half = Math.round(Math.max(this.#waiting, this.#writers) / 2);
    const count = Math.min(this.#waiting, half);
    if (isIdle) return count;
    return this.#underWay.length === 1 && count >= worthSending * half ? count : 0;
  }

  /** A commit of so many of the writes was sent. `isDurable`: the thread waits for the disk in it. */
  begin(count: number, isDurable = false): void {
    // Of each actor one write is waiting, under way, or has ended just now.
    const all = this.#underWay.reduce((sum, { count }) => sum + count, this.#waiting + this.#away);
    this.#writers = Math.max(all, this.#writers - forgetting * (this.#writers - all));
    this.#waiting -= count;
    this.#underWay.push({ count, isDurable });
    this.#unprobed = isDurable ? 0 : this.#unprobed + 1;
  }

  /** The oldest commit has ended. `ms`: how long the thread has worked on it; undefined: it has failed. */
  end(ms: number | undefined): void {
    const { count, isDurable } = this.#underWay.shift()!;
    this.#away = count;
    if (ms === undefined) return;
    const isProbe = isDurable && this.#diskAverage > slowDisk;
    if (isDurable) this.#diskAverage += diskWeight * (Math.min(ms, longest) - this.#diskAverage);
    if (!isProbe) this.#average += weight * (ms - this.#average);
  }
}
