/**
 * Characters that could forge a line or change how text is shown: control characters, line and
 * paragraph separators, characters that are not shown or change the direction of text, and halves
 * of surrogate pairs.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** The text with these characters as escapes, for logs. */
export function escapeUnprintable(text: string): string {
  return text.replace(unprintable, (char) => {
    const code = char.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** The text with U+FFFD instead of each of them, for messages and terminals. */
export function replaceUnprintable(text: string): string {
  return text.replace(unprintable, "\ufffd");
}

/** The same for a text of several lines: its line feeds stay. */
export function replaceUnprintableInLines(text: string): string {
  return text.split("\n").map(replaceUnprintable).join("\n");
}
