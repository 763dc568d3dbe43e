/** What a phase can be told. */
export interface RotationOptions {
  /** Writes nothing, and answers what would be written. Default: false. */
  readonly dryRun?: boolean;
  /** Opens the authority's key, if that is encrypted; the next one's is encrypted with it. */
  readonly passphrase?: string;
}
