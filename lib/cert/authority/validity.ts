import { CertError } from "../errors.ts";

/** How long a certificate is to be valid. */
export interface ValidityOptions {
  /** Such as `"90d"`, `"24h"` or `"30m"`; a plain number means days. 1 minute to 36 500 days. */
  readonly validity?: string;
  /** The same in whole days, 1 to 36 500; not together with `validity`. */
  readonly validityDays?: number;
}

/** A duration as requested. */
export interface Span {
  readonly ms: number;
  /** Milliseconds of the requested unit. */
  readonly unit: number;
  /** Such as `90 days`. */
  readonly text: string;
}

const units: Readonly<Record<string, readonly [ms: number, name: string]>> = {
  d: [86_400_000, "days"],
  h: [3_600_000, "hours"],
  m: [60_000, "minutes"],
};
const longest = 36_500 * 86_400_000;
const spanText = /^(-?\d+)([dhm]?)$/;

/** Whether a text has the form of a span, be it possible or not. */
export function isSpan(text: string): boolean {
  return spanText.test(text);
}

/**
 * Reads `90d`, `24h`, `30m`, or a number of days.
 *
 * @throws {CertError} code `badValidity`.
 */
export function parseSpan(text: string, what = "a validity"): Span {
  const match = spanText.exec(text);
  const [unit, name] = units[match?.[2] || "d"]!;
  const ms = match === null ? NaN : Number(match[1]) * unit;
  if (ms >= 60_000 && ms <= longest) return { ms, unit, text: `${Number(match![1])} ${name}` };
  const said = match === null ? JSON.stringify(text) : `${match[1]!.slice(0, 20)} ${name}`;
  throw new CertError("badValidity", `${what} of ${said} is not possible`, {
    value: text,
    remedy: "use 1 minute to 36500 days, such as 90d, 24h or 30m",
  });
}

/**
 * The validity in the options, if there is one.
 *
 * @throws {CertError} code `badValidity`.
 */
export function validitySpan({ validity, validityDays }: ValidityOptions): Span | undefined {
  if (validityDays === undefined) return validity === undefined ? undefined : parseSpan(validity);
  if (validity !== undefined) {
    throw new CertError("badValidity", "validity and validityDays are both given", {
      value: [validity, validityDays],
      remedy: "use one of them",
    });
  }
  if (Number.isInteger(validityDays)) return parseSpan(String(validityDays));
  throw new CertError("badValidity", `a validity of ${validityDays} days is not possible`, {
    value: validityDays,
    remedy: "use a whole number from 1 to 36500",
  });
}

/** X.509 times have no milliseconds. */
export function wholeSeconds(time: number): Date {
  return new Date(Math.floor(time / 1_000) * 1_000);
}

/** The day of a time, UTC. */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}
