/**
 * Inflates in steps (RFC 1951). The engine's inflater works through its whole input at once, and 16 MiB of
 * blocks that hold nothing keep it busy for 1.5 s. This one counts its work, so that a step takes as long
 * as its caller permits, whatever the input is.
 *
 * @module
 */
import { malformed } from "./errors.ts";
import { unfilled } from "./memory.ts";

/** What the tables of a block cost, in bytes that could be inflated instead. */
const tableWork = 512;
/** The same for a block without tables of its own. */
const blockWork = 16;

/** Codes of up to so many bits are looked up at once; longer ones are found bit by bit. */
const lookupBits = 10;
const lookupMask = (1 << lookupBits) - 1;
const longestCode = 15;

const endOfBlock = 256;
/** Literals and lengths, and distances, that a block may have codes for. */
const maxLiterals = 286;
const maxDistances = 30;

/** The order in which the lengths of the codes for lengths come. */
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

// Of each code for a length (from 257 on) and a distance: the least that it means, and its extra bits.
const lengthExtra = extraBits(29, 4);
const lengthBase = basesOf(lengthExtra, 3);
const distanceExtra = extraBits(30, 2);
const distanceBase = basesOf(distanceExtra, 1);
// The last length has a code of its own.
lengthBase[28] = 258;
lengthExtra[28] = 0;

function extraBits(codes: number, together: number): Uint8Array {
  return Uint8Array.from({ length: codes }, (_, i) => Math.max(0, Math.floor(i / together) - 1));
}

function basesOf(extra: Uint8Array, first: number): Uint16Array {
  const bases = new Uint16Array(extra.length);
  for (let i = 0, base = first; i < extra.length; base += 1 << extra[i]!, i++) bases[i] = base;
  return bases;
}

/** A canonical Huffman code. An entry is a symbol times 16, plus the length of its code in bits. */
class Code {
  /** The entries of short codes, by the bits that they begin with; 0: there is none. */
  readonly lookup: Uint16Array = new Uint16Array(1 << lookupBits);
  /** Codes of each length. */
  readonly #counts = new Uint16Array(longestCode + 1);
  /** Symbols in the order of their codes. */
  readonly #symbols = new Uint16Array(288);

  /** Builds the code for `lengths`; false: there is none. `single`: a code of one bit may stand alone. */
  build(lengths: Uint8Array, single: boolean): boolean {
    const counts = this.#counts.fill(0);
    for (const length of lengths) counts[length]!++;
    const used = lengths.length - counts[0]!;
    counts[0] = 0;
    let left = 1;
    for (let length = 1; length <= longestCode; length++) {
      left = 2 * left - counts[length]!;
      if (left < 0) return false;
    }
    if (left > 0 && !(single && used === counts[1]! && used <= 1)) return false;
    this.#fill(lengths);
    return true;
  }

  #fill(lengths: Uint8Array): void {
    const next = new Uint16Array(longestCode + 2);
    const place = new Uint16Array(longestCode + 2);
    for (let length = 1; length <= longestCode; length++) {
      next[length + 1] = (next[length]! + this.#counts[length]!) << 1;
      place[length + 1] = place[length]! + this.#counts[length]!;
    }
    const lookup = this.lookup.fill(0);
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      const length = lengths[symbol]!;
      if (length === 0) continue;
      this.#symbols[place[length]!++] = symbol;
      const code = next[length]!++;
      if (length > lookupBits) continue;
      const entry = symbol << 4 | length;
      for (let at = reversed(code, length); at < lookup.length; at += 1 << length) {
        lookup[at] = entry;
      }
    }
  }

  /** The entry of the code that `bits` begin with, lowest bit first; 0: there is none. */
  entryAt(bits: number): number {
    return this.lookup[bits & lookupMask]! || this.#longEntry(bits);
  }

  #longEntry(bits: number): number {
    let code = 0;
    let first = 0;
    let place = 0;
    for (let length = 1; length <= longestCode; length++) {
      code = code << 1 | (bits >>> (length - 1) & 1);
      first <<= 1;
      const count = this.#counts[length]!;
      if (code < first + count) return this.#symbols[place + code - first]! << 4 | length;
      first += count;
      place += count;
    }
    return 0;
  }
}

function reversed(code: number, length: number): number {
  let result = 0;
  for (let i = 0; i < length; i++) result |= (code >>> i & 1) << (length - 1 - i);
  return result;
}

interface Codes {
  readonly literals: Code;
  readonly distances: Code;
}

/** The codes of blocks that bring none, made for the first of them. */
let fixed: Codes | undefined;

function fixedCodes(): Codes {
  if (fixed !== undefined) return fixed;
  const literals = new Code();
  const lengthOf = (i: number) => i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  literals.build(Uint8Array.from({ length: 288 }, (_, i) => lengthOf(i)), false);
  const distances = new Code();
  distances.build(new Uint8Array(32).fill(5), false);
  return fixed = { literals, distances };
}

/** What comes next. */
const State = { header: 0, stored: 1, coded: 2, done: 3 } as const;

/** See the module's text. */
export class Inflater {
  /** Work that was done so far: inflated bytes, and what blocks cost besides. */
  work = 0;
  #bytes: Uint8Array;
  #at: number;
  #end: number;
  readonly #out: Uint8Array;
  #filled = 0;
  /** Bits that were taken from the bytes and not used, the next one lowest. */
  #hold = 0;
  #bits = 0;
  #state: typeof State[keyof typeof State] = State.header;
  #last = false;
  /** Bytes of a stored block that are missing. */
  #stored = 0;
  #literals: Code | undefined;
  #distances: Code | undefined;
  /** The codes of blocks that bring their own; each block builds them anew. */
  #own: Codes | undefined;

  /** Inflates `bytes[start]` to `bytes[end - 1]` to exactly `size` bytes. */
  constructor(bytes: Uint8Array, start: number, end: number, size: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#out = new Uint8Array(unfilled(size));
  }

  /** Whether all is inflated. */
  get done(): boolean {
    return this.#state === State.done;
  }

  /** What was inflated. Precondition: `done`. */
  get output(): Uint8Array {
    return this.#out;
  }

  /** Bytes of memory that the message takes, deflated and inflated. */
  get memory(): number {
    return this.#end - this.#at + this.#out.length;
  }

  /** Copies what is not read yet, so that the bytes may change between two steps. */
  keepBytes(): void {
    this.#bytes = this.#bytes.slice(this.#at, this.#end);
    this.#end -= this.#at;
    this.#at = 0;
  }

  /**
   * Inflates on until about `most` more work is done. Returns the work that was done.
   *
   * @throws {WireError} code `malformed`.
   */
  step(most: number): number {
    const before = this.work;
    const until = before + most;
    while (this.work < until && this.#state !== State.done) {
      if (this.#state === State.header) this.#header();
      else if (this.#state === State.stored) this.#copyStored(until - this.work);
      else this.#inflate(until);
    }
    return this.work - before;
  }

  #header(): void {
    if (this.#last) return this.#finish();
    this.work += blockWork;
    this.#last = this.#take(1) === 1;
    switch (this.#take(2)) {
      case 0:
        return this.#beginStored();
      case 1:
        ({ literals: this.#literals, distances: this.#distances } = fixedCodes());
        this.#state = State.coded;
        return;
      case 2:
        this.work += tableWork;
        this.#readCodes();
        this.#state = State.coded;
        return;
      default:
        throw wrong("a block is of no known kind");
    }
  }

  #finish(): void {
    if (this.#filled !== this.#out.length) {
      throw wrong(`it has ${this.#filled} bytes instead of the declared ${this.#out.length}`);
    }
    const left = this.#end - this.#at + (this.#bits >>> 3);
    if (left > 0) throw wrong(`${left} bytes follow the last block`);
    this.#state = State.done;
  }

  #beginStored(): void {
    this.#take(this.#bits & 7);
    const length = this.#take(16);
    if ((length ^ this.#take(16)) !== 0xffff) throw wrong("a stored block has a wrong length");
    // What is held beyond are whole bytes.
    this.#at -= this.#bits >>> 3;
    this.#hold = this.#bits = 0;
    this.#stored = length;
    this.#state = State.stored;
    this.#expectRoom(length);
    if (length > this.#end - this.#at) throw truncated();
  }

  #copyStored(most: number): void {
    const size = Math.min(this.#stored, most);
    this.#out.set(this.#bytes.subarray(this.#at, this.#at + size), this.#filled);
    this.#at += size;
    this.#filled += size;
    this.work += size;
    this.#stored -= size;
    if (this.#stored === 0) this.#state = State.header;
  }

  #readCodes(): void {
    const numLiterals = this.#take(5) + 257;
    const numDistances = this.#take(5) + 1;
    const numLengths = this.#take(4) + 4;
    if (numLiterals > maxLiterals || numDistances > maxDistances) {
      throw wrong("a block has too many codes");
    }
    const lengths = new Uint8Array(19);
    for (let i = 0; i < numLengths; i++) lengths[lengthOrder[i]!] = this.#take(3);
    const { literals, distances } = this.#own ??= { literals: new Code(), distances: new Code() };
    const all = this.#readLengths(lengths, numLiterals + numDistances, distances);
    if (all[endOfBlock] === 0) throw wrong("a block has no end");
    const isValid = literals.build(all.subarray(0, numLiterals), true) &&
      distances.build(all.subarray(numLiterals), true);
    if (!isValid) throw wrong("a block has invalid codes");
    this.#literals = literals;
    this.#distances = distances;
  }

  /** The lengths of all codes, which are coded themselves; `scratch` is built anew afterwards. */
  #readLengths(lengths: Uint8Array, count: number, scratch: Code): Uint8Array {
    if (!scratch.build(lengths, false)) throw wrong("a block has invalid codes");
    const all = new Uint8Array(count);
    for (let i = 0; i < count;) {
      const symbol = this.#symbol(scratch);
      if (symbol < 16) {
        all[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) throw wrong("a block repeats a length that is missing");
      const value = symbol === 16 ? all[i - 1]! : 0;
      const repeated = symbol === 18 ? 11 + this.#take(7) : 3 + this.#take(symbol === 16 ? 2 : 3);
      if (i + repeated > count) throw wrong("a block has too many lengths");
      all.fill(value, i, i + repeated);
      i += repeated;
    }
    return all;
  }

  #symbol(code: Code): number {
    this.#refill();
    const entry = code.entryAt(this.#hold);
    if (entry === 0) throw wrong("a code is unknown");
    this.#drop(entry & 15);
    return entry >>> 4;
  }

  /** Literals and matches, until the block ends or the work is done. */
  #inflate(until: number): void {
    const { lookup } = this.#literals!;
    const out = this.#out;
    while (this.work < until) {
      if (this.#literalRun(lookup, out, until)) continue;
      const symbol = this.#symbol(this.#literals!);
      this.work++;
      if (symbol < endOfBlock) {
        if (this.#filled === out.length) throw tooMuch(out.length);
        out[this.#filled++] = symbol;
      } else if (symbol === endOfBlock) {
        this.#state = State.header;
        return;
      } else this.#match(symbol - endOfBlock - 1);
    }
  }

  /** The literals that come next, without a call for each. Returns whether there were any. */
  #literalRun(lookup: Uint16Array, out: Uint8Array, until: number): boolean {
    const bytes = this.#bytes;
    const first = this.#filled;
    const limit = Math.min(out.length, first + until - this.work);
    let [at, filled, hold, bits] = [this.#at, first, this.#hold, this.#bits];
    while (filled < limit) {
      while (bits < 25 && at < this.#end) {
        hold |= bytes[at++]! << bits;
        bits += 8;
      }
      const entry = lookup[hold & lookupMask]!;
      const length = entry & 15;
      // A longer code, the end, a match, or the last bits.
      if (length === 0 || entry >= endOfBlock << 4 || length > bits) break;
      out[filled++] = entry >>> 4;
      hold >>>= length;
      bits -= length;
    }
    [this.#at, this.#filled, this.#hold, this.#bits] = [at, filled, hold, bits];
    this.work += filled - first;
    return filled > first;
  }

  #match(code: number): void {
    if (code >= lengthBase.length) throw wrong("a code is unknown");
    const length = lengthBase[code]! + this.#take(lengthExtra[code]!);
    const far = this.#symbol(this.#distances!);
    if (far >= distanceBase.length) throw wrong("a code is unknown");
    const distance = distanceBase[far]! + this.#take(distanceExtra[far]!);
    if (distance > this.#filled) throw wrong("a match begins before the first byte");
    this.#expectRoom(length);
    const out = this.#out;
    let at = this.#filled;
    for (const end = at + length; at < end; at++) out[at] = out[at - distance]!;
    this.#filled = at;
    this.work += length;
  }

  #expectRoom(size: number): void {
    if (size > this.#out.length - this.#filled) throw tooMuch(this.#out.length);
  }

  /** At least 25 bits are held afterwards, or all that there are. */
  #refill(): void {
    while (this.#bits < 25 && this.#at < this.#end) {
      this.#hold |= this.#bytes[this.#at++]! << this.#bits;
      this.#bits += 8;
    }
  }

  #drop(bits: number): void {
    if (bits > this.#bits) throw truncated();
    this.#hold >>>= bits;
    this.#bits -= bits;
  }

  /** The next `bits`, at most 16. */
  #take(bits: number): number {
    this.#refill();
    const value = this.#hold & ((1 << bits) - 1);
    this.#drop(bits);
    return value;
  }
}

function wrong(what: string) {
  return malformed(`a compressed message cannot be inflated: ${what}`);
}

function truncated() {
  return wrong("it is cut short");
}

function tooMuch(size: number) {
  return wrong(`it has more than the declared ${size} bytes`);
}
