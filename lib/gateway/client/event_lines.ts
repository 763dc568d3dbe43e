/** An event of a stream of server-sent events. */
export interface ServerSentEvent {
  /** The id of the last event with one. */
  readonly id: string;
  /** Empty: the event only has an id. */
  readonly data: string;
}

/**
 * Reads the format of server-sent events (the standard of WHATWG) as far as a gateway writes it: `id` and
 * `data`, lines that end with a line feed. Pure: pieces of text go in, events come out.
 */
export class EventLines {
  #rest = "";
  #id = "";
  #data: string[] = [];

  /** The events that a piece completes. */
  push(text: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (line === "") {
        events.push({ id: this.#id, data: this.#data.join("\n") });
        this.#data = [];
      } else if (line.startsWith("id: ")) this.#id = line.slice(4);
      else if (line.startsWith("data: ")) this.#data.push(line.slice(6));
    }
    return events;
  }
}
