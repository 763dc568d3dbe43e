/** The type of DNS records. */
export type DnsRecordType = "A" | "AAAA" | "SRV";

/** One answer: a host, and for SRV records its port. */
export interface DnsRecord {
  /** An IP address, or for SRV records a host name without the final dot. */
  readonly host: string;
  /** The port of an SRV record. */
  readonly port?: number;
}

/** Asks DNS. */
export interface Resolver {
  /**
   * The records of a name, in any order.
   *
   * @throws {Error} when the name is unknown or no server answers.
   */
  resolve(name: string, type: DnsRecordType): Promise<readonly DnsRecord[]>;
}
