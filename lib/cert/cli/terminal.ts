import { platform } from "../../runtime/platform.ts";
import type { CertIo } from "./command.ts";
import { readStream } from "../authority/certificate_files.ts";
import { CertError } from "../errors.ts";

/** The process: its environment, its standard input, its terminal. */
export const systemIo: CertIo = {
  env: (name) => platform.process.env(name),
  input: () => readStream(platform.process.stdin, "standard input"),
  get ask() {
    return platform.process.stdin.isTerminal() ? askTerminal : undefined;
  },
};

/** Bytes as they are typed, `null` when there are no more. */
export interface KeySource {
  readonly read: (buffer: Uint8Array) => Promise<number | null>;
}

const key = { ctrlC: 0x03, ctrlD: 0x04, backspace: 0x08, lineFeed: 0x0a, enter: 0x0d, erase: 0x7f };
/** More than any passphrase. */
const maxBytes = 4_096;

/**
 * Reads a line that is not shown.
 *
 * @throws {CertError} code `cancelled`, when the input ends or Ctrl-C is typed.
 */
export async function readSecret(source: KeySource): Promise<string> {
  const typed: number[] = [];
  const buffer = new Uint8Array(256);
  while (true) {
    const count = await source.read(buffer);
    if (count === null) throw cancelled();
    for (const byte of buffer.subarray(0, count)) {
      if (byte === key.enter || byte === key.lineFeed) {
        return new TextDecoder().decode(Uint8Array.from(typed));
      }
      if (byte === key.ctrlC || byte === key.ctrlD) throw cancelled();
      if (byte === key.erase || byte === key.backspace) eraseOne(typed);
      else if (byte >= 0x20 && typed.length < maxBytes) typed.push(byte);
    }
  }
}

async function askTerminal(question: string): Promise<string> {
  const show = (text: string) => platform.process.stderr.writeSync(new TextEncoder().encode(text));
  // First: early input must not be echoed.
  platform.process.stdin.setRaw(true);
  show(question);
  try {
    return await readSecret(platform.process.stdin);
  } finally {
    platform.process.stdin.setRaw(false);
    show("\n");
  }
}

/** One character, which may be several bytes of UTF-8. */
function eraseOne(typed: number[]): void {
  while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
}

function cancelled(): CertError {
  return new CertError("cancelled", "no passphrase was given", {
    remedy: "type one, or name a variable with --passphrase-env",
  });
}
