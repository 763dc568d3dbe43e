/**
 * The natural logarithm of a positive number, the same to the last bit on every JavaScript engine,
 * which `Math.log` need not be: only operations are used whose rounding the language fixes. So a
 * seed has one history on Deno, Node and Bun. Accurate to about 1e-15.
 */
export function portableLog(value: number): number {
  if (!(value > 0) || value === Infinity) return Math.log(value);
  // value = mantissa * 2^exponent, with the mantissa close to 1. Halving and doubling are exact.
  let mantissa = value;
  let exponent = 0;
  for (; mantissa >= Math.SQRT2; exponent++) mantissa /= 2;
  for (; mantissa < Math.SQRT1_2; exponent--) mantissa *= 2;
  // ln m = 2 artanh((m - 1) / (m + 1)), a series whose terms shrink by more than 33 each.
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let sum = 0;
  for (let degree = 25; degree >= 1; degree -= 2) sum = sum * square + 1 / degree;
  return 2 * ratio * sum + exponent * Math.LN2;
}
