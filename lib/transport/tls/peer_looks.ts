import { formatAddress } from "../../runtime/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { DialOptions, TlsMaterial } from "../../runtime/network.ts";
import { lookAt } from "../../x509/peer_look.ts";
import type { TransportError } from "../base/errors.ts";
import { explainUnproved } from "./peer_identity.ts";
import { prepareMaterial } from "./tls_material.ts";

/** Milliseconds in which an address is looked at once: a dial that fails is repeated. */
const lookInterval = 60_000;
const maxLooks = 1_000;
/** Longest time for one look, milliseconds. */
const lookTimeout = 2_000;

/** A look at the certificates of one address. */
interface Look {
  readonly at: number;
  readonly chain: Promise<readonly Uint8Array[]>;
}

/**
 * Explains why the TLS layer has refused the certificate of a peer: it reports a code that may have
 * several reasons, and does not show the certificate. The peer is dialled once more, without a
 * certificate of this end, to see what it shows; our own judge then names the fault. What is seen is
 * used for that sentence only, and the dial has failed in any case.
 */
export class PeerLooks {
  readonly #clock: Clock;
  readonly #looks = new Map<string, Look>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The fault of the peer's certificate; undefined if it cannot be seen, or our judge finds none. Takes
   * `time` milliseconds at most, and never rejects.
   */
  async explain(
    options: DialOptions & { readonly tls: TlsMaterial },
    time: number,
  ): Promise<TransportError | undefined> {
    const chain = await this.#look(options, time);
    const { authorities, mapper } = prepareMaterial(options.tls);
    return explainUnproved(chain, authorities, this.#clock.wallTime(), mapper);
  }

  #look({ host, port, signal }: DialOptions, time: number): Look["chain"] {
    const address = formatAddress(host, port);
    const now = this.#clock.now();
    const known = this.#looks.get(address);
    if (known !== undefined && now - known.at < lookInterval) return known.chain;
    this.#looks.delete(address);
    if (this.#looks.size >= maxLooks) {
      const [oldest] = this.#looks.keys();
      this.#looks.delete(oldest!);
    }
    const chain = lookAt({
      host,
      port,
      timeout: Math.min(time, lookTimeout),
      refusalTimeout: 0,
      clock: this.#clock,
      ...(signal && { signal }),
    }).then((outcome) => "chain" in outcome ? outcome.chain : []);
    this.#looks.set(address, { at: now, chain });
    return chain;
  }
}
