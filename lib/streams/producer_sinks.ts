import type { ActorRef } from "../actor/ref/ref.ts";
import type { Account } from "./credit_pool.ts";
import { asError, plainError, StreamError } from "./errors.ts";
import { participantKey, type Participants } from "./participants.ts";
import type {
  SinkMessage,
  SinkRefusal,
  StreamEnd,
  StreamEnding,
  StreamLeave,
  StreamOutcome,
  StreamPut,
  StreamWant,
} from "./protocol.ts";
import type { StreamCore } from "./stream_core.ts";

/** Checked options of a producer that concern its sinks. */
export interface SinkSettings {
  readonly maxSinks: number;
  readonly onSinkLost: "fail" | "ignore";
}

/** A sink, as a producer sees it. */
export type SinkRef = ActorRef<SinkMessage>;

/** The receiving side of a producer. */
export class ProducerSinks<T> {
  readonly #core: StreamCore<T, SinkRef>;
  readonly #participants: Participants;
  readonly #settings: SinkSettings;
  readonly #accounts = new Map<unknown, Account<SinkRef>>();
  #outcome: StreamOutcome | undefined;

  constructor(core: StreamCore<T, SinkRef>, participants: Participants, settings: SinkSettings) {
    this.#core = core;
    this.#participants = participants;
    this.#settings = settings;
  }

  /** A sink connects. */
  connect(sink: SinkRef): void {
    const key = participantKey(sink);
    if (this.#accounts.has(key)) return;
    if (this.#outcome !== undefined) tellEnded(sink, 0, this.#outcome);
    else if (this.#accounts.size >= this.#settings.maxSinks) refuse(sink, "tooManySinks");
    else if (!this.#participants.watch(sink)) refuse(sink, "cannotWatch");
    else {
      const account = this.#core.connect(sink);
      this.#accounts.set(key, account);
      const { ending } = this.#core;
      if (ending !== undefined) tellClosing(account, ending);
    }
  }

  /** A sink has sent an element. */
  put(message: StreamPut<T>): void {
    const account = this.#find(message.sink);
    const result = account === undefined
      ? "closed"
      : this.#core.put(account, message.sequence, message.element);
    if (result === "accepted") return;
    this.#participants.lose(result === "noCredit" ? "bufferFull" : "stopped", message);
    if (account !== undefined && result !== "closed") {
      this.#dismiss(account, result === "gap" ? "lost" : "noCredit");
    }
  }

  /** A sink asks for credit. */
  want({ sink, total, sent, granted }: StreamWant): void {
    const account = this.#find(sink);
    if (account === undefined || this.#repeatEnd(account)) return;
    if (sent > account.accepted) return this.#dismiss(account, "lost");
    const before = account.granted;
    this.#core.want(account, total);
    if (account.granted === before && granted < before) {
      sink.tell({ type: "streamCredit", total: before });
    }
  }

  /** A sink ends the stream. */
  end({ sink, sent, error }: StreamEnd): void {
    const account = this.#find(sink);
    if (account === undefined || this.#repeatEnd(account)) return;
    if (sent > account.accepted) this.#dismiss(account, "lost");
    else if (error === undefined) this.#core.close({ type: "completed" });
    else this.#core.close({ type: "failed", error: asError(error) });
  }

  /** A sink leaves, or confirms the end. */
  leave({ sink, sent, abandoned }: StreamLeave): void {
    const key = participantKey(sink);
    const account = this.#accounts.get(key);
    this.#participants.confirm(key);
    if (account !== undefined) this.#forget(key, account);
    if (account !== undefined && this.#outcome !== undefined) return;
    // One that is elsewhere stays until it is sure that its last elements were not overtaken.
    if (!this.#participants.isLocal(sink)) {
      tellEnded(sink, account?.accepted ?? 0, { type: "left" });
    }
    if (account === undefined) return;
    if (sent > account.accepted) this.#sinkLost("elements of a sink were lost on the way");
    else if (abandoned) {
      this.#sinkLost("a sink was given up; call leave() when the others shall go on");
    }
  }

  /** A watched actor has terminated. */
  gone(key: unknown, reason: string): void {
    const account = this.#accounts.get(key);
    if (account === undefined) return;
    this.#forget(key, account);
    this.#sinkLost(`a sink is gone (${reason})`);
  }

  /** No more elements are taken. */
  tellClosing(ending: StreamEnding): void {
    for (const account of this.#accounts.values()) tellClosing(account, ending);
  }

  /** The stream has ended. */
  tellEnded(outcome: StreamOutcome): void {
    this.#outcome = outcome;
    for (const [key, { owner, accepted }] of this.#accounts) {
      tellEnded(owner, accepted, outcome);
      this.#participants.sentEnd(key, owner);
    }
  }

  /** Repeats the outcome of the stream to a sink; false if it has not ended. */
  #repeatEnd(account: Account<SinkRef>): boolean {
    const { ending } = this.#core;
    if (this.#outcome !== undefined) {
      tellEnded(account.owner, account.accepted, plain(this.#outcome));
    } else if (ending !== undefined) tellClosing(account, plain(ending));
    else return false;
    return true;
  }

  /** The account of a sink; a sink without one is refused. */
  #find(sink: SinkRef): Account<SinkRef> | undefined {
    const account = this.#accounts.get(participantKey(sink));
    if (account === undefined) {
      if (this.#outcome === undefined) refuse(sink, "unknownSink");
      else tellEnded(sink, 0, this.#outcome);
    }
    return account;
  }

  #dismiss(account: Account<SinkRef>, reason: "lost" | "noCredit"): void {
    this.#forget(participantKey(account.owner), account);
    refuse(account.owner, reason);
    this.#sinkLost(
      reason === "lost"
        ? "elements of a sink were lost on the way"
        : "a sink has sent without credit",
    );
  }

  #forget(key: unknown, account: Account<SinkRef>): void {
    this.#accounts.delete(key);
    this.#participants.unwatch(account.owner);
    this.#core.disconnect(account);
  }

  #sinkLost(message: string): void {
    if (this.#settings.onSinkLost === "ignore") return;
    this.#core.close({ type: "failed", error: new StreamError("streamBroken", message) });
  }
}

function tellClosing({ owner, accepted }: Account<SinkRef>, ending: StreamEnding): void {
  owner.tell({ type: "streamClosing", ending, accepted });
}

function tellEnded(sink: SinkRef, accepted: number, outcome: StreamOutcome): void {
  sink.tell({ type: "streamEnded", outcome, accepted });
}

function refuse(sink: SinkRef, reason: SinkRefusal): void {
  sink.tell({ type: "streamSinkRefused", reason });
}

/** Missing elements may have been too large. */
function plain<O extends StreamOutcome>(outcome: O): O {
  return outcome.type === "failed" ? { ...outcome, error: plainError(outcome.error) } : outcome;
}
