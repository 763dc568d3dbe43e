import type { Clock, Timer } from "../../runtime/clock.ts";
import type { TlsEvent } from "../../runtime/tls_event.ts";
import type { CertificateReading } from "../../x509/certificate.ts";
import { describeCertificate } from "../../x509/identity.ts";
import { inForce, type RevocationPolicy } from "../../x509/revocation_policy.ts";

const day = 86_400_000;
/** Days before the end at which a warning is due. */
const warnDays: readonly number[] = [30, 7, 1];
/** Longer delays are split: the clock may be set, and timers have a maximum. */
const maxDelay = day / 2;

/** What can get old. */
export interface Perishable {
  /** From the own certificate to the authority that vouches for it. */
  readonly path: readonly CertificateReading[];
  readonly policy: RevocationPolicy;
  readonly crlFile: string | undefined;
}

/** Notifies one listener before certificates and lists expire, once for each. */
export class TlsNotices {
  readonly #clock: Clock;
  readonly #tell: (event: TlsEvent) => void;
  readonly #sent = new Set<string>();
  #timer: Timer | undefined;

  constructor(clock: Clock, tell: (event: TlsEvent) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Publishes the events that are due for the current material, and later ones until `close`. */
  look(things: Perishable): void {
    this.#timer?.cancel();
    const now = this.#clock.wallTime();
    let next = now + maxDelay;
    for (const [index, reading] of things.path.entries()) {
      const moments = warningMoments(reading);
      const due = moments.filter((moment) => moment <= now).at(-1);
      if (due !== undefined) this.#expiring(reading, index === 0, due, now);
      next = Math.min(next, ...moments.filter((moment) => moment > now));
    }
    for (const list of things.policy.lists) {
      const { nextUpdate, issuerKey, thisUpdate } = list;
      if (!inForce(list, now)) {
        const event = { type: "revocationListOutdated", file: things.crlFile ?? "", nextUpdate };
        this.#once(`${issuerKey} ${thisUpdate}`, event as TlsEvent);
      } else if (nextUpdate !== undefined) next = Math.min(next, nextUpdate + 1);
    }
    this.#timer = this.#clock.schedule(next - now, () => this.look(things));
  }

  /** Publishes no more events. */
  close(): void {
    this.#timer?.cancel();
  }

  #expiring(reading: CertificateReading, isLeaf: boolean, due: number, now: number): void {
    const { notAfter, fingerprint } = reading;
    this.#once(`${fingerprint} ${due}`, {
      type: "certificateExpiring",
      of: isLeaf ? "leaf" : "authority",
      subject: describeCertificate(reading),
      notAfter,
      daysLeft: Math.max(0, Math.ceil((notAfter - now) / day)),
    });
  }

  #once(key: string, event: TlsEvent): void {
    if (this.#sent.has(key)) return;
    this.#sent.add(key);
    this.#tell(event);
  }
}

/**
 * The times of notices before a certificate's end, in order. A certificate that is made for a short
 * validity is not always about to end: a warning comes in the last third of it at the earliest, when
 * it may be renewed as planned; below three days, in the last quarter.
 */
function warningMoments({ notBefore, notAfter }: CertificateReading): number[] {
  const validity = notAfter - notBefore;
  // Tools make 90 days a few seconds shorter.
  const longest = validity / 3 * 1.001;
  const leads = warnDays.map((days) => days * day).filter((lead) => lead <= longest);
  return [...(leads.length > 0 ? leads : [validity / 4]), 0].map((lead) => notAfter - lead);
}
