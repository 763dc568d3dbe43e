import { askPath } from "../actor/ref/reply_path.ts";

/** Digits of the largest uid. */
const maxDigits = 16;

/** Whether `bytes[start]` to `bytes[end - 1]` is the path of the reply reference with this uid. */
export function isReplyPath(bytes: Uint8Array, start: number, end: number, uid: number): boolean {
  const digits = start + askPath.length;
  if (end <= digits || end > digits + maxDigits || bytes[digits] === 0x30) return false;
  for (let i = 0; i < askPath.length; i++) {
    if (bytes[start + i] !== askPath.charCodeAt(i)) return false;
  }
  let number = 0;
  for (let i = digits; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return false;
    number = number * 10 + digit;
  }
  return number === uid;
}
