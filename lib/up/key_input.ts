import type { TerminalInput } from "../runtime/platform_port.ts";
import { type KeyCommand, type KeyReading, readKey } from "./key_commands.ts";

/** What typed keys lead to. */
export interface KeyEvents {
  readonly onCommand: (command: KeyCommand) => void;
  readonly onHint: (text: string) => void;
}

/** Reads keys of a terminal one by one, or of a pipe. The end of a pipe means nothing. */
export class KeyInput {
  readonly #input: TerminalInput;
  readonly #nodes: number;
  readonly #events: KeyEvents;
  #pending: KeyReading["pending"];

  /** `nodes`: how many there are. */
  constructor(input: TerminalInput, nodes: number, events: KeyEvents) {
    this.#input = input;
    this.#nodes = nodes;
    this.#events = events;
    if (input.isTerminal()) input.setRaw(true);
    void this.#read();
  }

  /** Gives the terminal back. */
  close(): void {
    if (this.#input.isTerminal()) this.#input.setRaw(false);
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(256);
    const decoder = new TextDecoder();
    for (;;) {
      const length = await this.#input.read(buffer);
      if (length === null) return;
      for (const key of decoder.decode(buffer.subarray(0, length), { stream: true })) {
        this.#onKey(key);
      }
    }
  }

  #onKey(key: string): void {
    const { pending, command, hint } = readKey(this.#pending, key, this.#nodes);
    this.#pending = pending;
    if (hint !== undefined) this.#events.onHint(hint);
    if (command !== undefined) this.#events.onCommand(command);
  }
}
