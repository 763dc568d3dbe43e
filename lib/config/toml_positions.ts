/**
 * Where keys and values stand in a TOML document. The document is one that a parser has accepted:
 * this only finds places, and judges nothing. smol-toml gives places for syntax errors only.
 *
 * @module
 */

/** A place in a text, both from 1; columns count UTF-16 code units. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** Where one key and its value stand. The value of a table header is the header. */
export interface KeyPosition {
  readonly key: TextPosition;
  readonly value: TextPosition;
}

/** A key of a path: the name in a table, or the index in an array. */
export type PathPart = string | number;

/** Places by path; the first one counts where a table is opened several times. */
export class TomlPositions {
  readonly #places = new Map<string, KeyPosition>();

  /** Finds the places of all keys of a document. */
  static of(text: string): TomlPositions {
    const positions = new TomlPositions();
    new Scanner(text, (path, place) => positions.#add(path, place)).scan();
    return positions;
  }

  /** The place of a path, or of the longest part of it that has one. */
  find(path: readonly PathPart[]): KeyPosition | undefined {
    for (let length = path.length; length > 0; length--) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return undefined;
  }

  #add(path: readonly PathPart[], place: KeyPosition): void {
    const id = JSON.stringify(path);
    if (!this.#places.has(id)) this.#places.set(id, place);
  }
}

type Found = (path: readonly PathPart[], place: KeyPosition) => void;

interface Key {
  readonly parts: readonly string[];
  /** Where each part begins. */
  readonly at: readonly number[];
}

class Scanner {
  readonly #text: string;
  readonly #found: Found;
  /** Offsets at which lines begin. */
  readonly #lines: number[] = [0];
  #at = 0;
  /** The path of the table that is open. */
  #table: readonly PathPart[] = [];
  /** Elements so far of each array of tables, by path. */
  readonly #elements = new Map<string, number>();

  constructor(text: string, found: Found) {
    this.#text = text;
    this.#found = found;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
      this.#lines.push(at + 1);
    }
  }

  scan(): void {
    // A byte order mark is no part of the first key.
    if (this.#text.charCodeAt(0) === 0xfeff) this.#at = 1;
    for (;;) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) return;
      const before = this.#at;
      if (this.#text[this.#at] === "[") this.#header();
      else this.#pair(this.#table);
      // A document that no parser would accept must not stop the scan from ending.
      if (this.#at === before) this.#at++;
    }
  }

  #header(): void {
    const start = this.#at;
    const isArray = this.#text[start + 1] === "[";
    this.#at += isArray ? 2 : 1;
    this.#skipSpace();
    const { parts, at } = this.#key();
    const path: PathPart[] = [];
    for (const [index, part] of parts.entries()) {
      path.push(part);
      const place = this.#place(at[index]!, start);
      this.#found(path, place);
      if (isArray && index === parts.length - 1) path.push(this.#nextElement(path));
      else this.#enterLastElement(path);
      if (typeof path.at(-1) === "number") this.#found(path, place);
    }
    this.#table = path;
    const end = this.#text.indexOf("]", this.#at);
    this.#at = end < 0 ? this.#text.length : end + (isArray ? 2 : 1);
  }

  #nextElement(path: readonly PathPart[]): number {
    const id = JSON.stringify(path);
    const index = this.#elements.get(id) ?? 0;
    this.#elements.set(id, index + 1);
    return index;
  }

  /** A header below an array of tables belongs to its last element. */
  #enterLastElement(path: PathPart[]): void {
    const elements = this.#elements.get(JSON.stringify(path));
    if (elements !== undefined) path.push(elements - 1);
  }

  /** `key = value`. */
  #pair(table: readonly PathPart[]): void {
    const { parts, at } = this.#key();
    this.#skipSpace();
    if (this.#text[this.#at] !== "=") return;
    this.#at++;
    this.#skipBlank();
    const value = this.#at;
    for (const [index, start] of at.entries()) {
      this.#found([...table, ...parts.slice(0, index + 1)], this.#place(start, value));
    }
    this.#value([...table, ...parts]);
  }

  /** A bare, quoted or dotted key. */
  #key(): Key {
    const parts: string[] = [];
    const at: number[] = [];
    for (;;) {
      this.#skipSpace();
      at.push(this.#at);
      const quote = this.#text[this.#at];
      if (quote === '"' || quote === "'") parts.push(this.#string());
      else {
        const start = this.#at;
        while (/[^\s.=\][{},#"']/.test(this.#text[this.#at] ?? " ")) this.#at++;
        parts.push(this.#text.slice(start, this.#at));
      }
      this.#skipSpace();
      if (this.#text[this.#at] !== ".") return { parts, at };
      this.#at++;
    }
  }

  #value(path: readonly PathPart[]): void {
    switch (this.#text[this.#at]) {
      case '"':
      case "'":
        this.#string();
        return;
      case "[":
        return this.#array(path);
      case "{":
        return this.#inlineTable(path);
      default:
        while (/[^,\]}#\n]/.test(this.#text[this.#at] ?? "\n")) this.#at++;
    }
  }

  #array(path: readonly PathPart[]): void {
    this.#at++;
    for (let index = 0;; index++) {
      this.#skipBlank();
      if (this.#closes("]")) return;
      const item = [...path, index];
      this.#found(item, this.#place(this.#at, this.#at));
      this.#value(item);
      if (!this.#comma()) return void this.#closes("]");
    }
  }

  #inlineTable(path: readonly PathPart[]): void {
    this.#at++;
    for (;;) {
      this.#skipBlank();
      if (this.#closes("}")) return;
      const before = this.#at;
      this.#pair(path);
      if (this.#at === before || !this.#comma()) return void this.#closes("}");
    }
  }

  /** Whether an array or inline table ends here; it does at the end of the text. */
  #closes(bracket: string): boolean {
    if (this.#at < this.#text.length && this.#text[this.#at] !== bracket) return false;
    this.#at++;
    return true;
  }

  #comma(): boolean {
    this.#skipBlank();
    if (this.#text[this.#at] !== ",") return false;
    this.#at++;
    return true;
  }

  /** Any of the four kinds of strings; returns the text of those that keys may have. */
  #string(): string {
    const quote = this.#text[this.#at]!;
    const triple = quote.repeat(3);
    if (this.#text.startsWith(triple, this.#at)) {
      this.#skipMultiLine(quote, triple);
      return "";
    }
    const start = ++this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== quote) {
      if (this.#text[this.#at] === "\n") break;
      this.#at += quote === '"' && this.#text[this.#at] === "\\" ? 2 : 1;
    }
    const raw = this.#text.slice(start, this.#at);
    this.#at++;
    return quote === '"' ? unescaped(raw) : raw;
  }

  #skipMultiLine(quote: string, triple: string): void {
    this.#at += 3;
    while (this.#at < this.#text.length && !this.#text.startsWith(triple, this.#at)) {
      this.#at += quote === '"' && this.#text[this.#at] === "\\" ? 2 : 1;
    }
    this.#at += 3;
    // Up to two quotes may stand before the delimiter.
    for (let more = 0; more < 2 && this.#text[this.#at] === quote; more++) this.#at++;
  }

  #skipSpace(): void {
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at++;
  }

  /** White space, line ends and comments. */
  #skipBlank(): void {
    for (;;) {
      while (/\s/.test(this.#text[this.#at] ?? "x")) this.#at++;
      if (this.#text[this.#at] !== "#") return;
      const end = this.#text.indexOf("\n", this.#at);
      this.#at = end < 0 ? this.#text.length : end;
    }
  }

  #place(key: number, value: number): KeyPosition {
    return { key: this.#position(key), value: this.#position(value) };
  }

  #position(at: number): TextPosition {
    let low = 0;
    let high = this.#lines.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#lines[middle]! <= at) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: at - this.#lines[low]! + 1 };
  }
}

const escapes: Readonly<Record<string, string>> = {
  b: "\b",
  t: "\t",
  n: "\n",
  f: "\f",
  r: "\r",
  e: "\u001b",
};

function unescaped(raw: string): string {
  return raw.replace(
    /\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|([^]))/g,
    (_, short?: string, long?: string, byte?: string, char = "") => {
      const code = short ?? long ?? byte;
      if (code === undefined) return escapes[char] ?? char;
      const point = Number.parseInt(code, 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : "";
    },
  );
}
