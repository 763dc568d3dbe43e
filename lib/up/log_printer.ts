/** SGR codes of colours that can be told apart on dark and light terminals. */
const colours = [36, 33, 32, 35, 34, 31, 96, 93, 92];

/**
 * Lines of all nodes as one log, each with its origin before it.
 *
 * @param inColour whether the origins have colours.
 */
export class LogPrinter {
  readonly #print: (line: string) => void;
  readonly #inColour: boolean;
  readonly #width: number;

  constructor(print: (line: string) => void, inColour: boolean) {
    this.#print = print;
    this.#inColour = inColour;
    this.#width = "node-1".length;
  }

  /** A line of a node, 1 to 9. */
  node(number: number, line: string): void {
    this.#line(`node-${number}`, colours[(number - 1) % colours.length]!, line);
  }

  /** A line of `up`. */
  up(line: string): void {
    this.#line("up", 1, line);
  }

  #line(origin: string, code: number, line: string): void {
    const prefix = `${origin.padEnd(this.#width)} |`;
    this.#print(`${this.#inColour ? `\x1b[${code}m${prefix}\x1b[0m` : prefix} ${line}`);
  }
}
