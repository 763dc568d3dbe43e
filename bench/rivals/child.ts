/**
 * Measures one figure of one subject in its own process: `child.ts SUBJECT FIGURE FOLDER`. Prints
 * the value, or an empty line if the subject does not support it.
 *
 * @module
 */
import { figures } from "../local/figures.ts";
import { columns } from "./subjects.ts";

const [subject, key, folder] = Deno.args;
const column = columns.find((column) => column.key === subject);
const figure = figures.find((figure) => figure.key === key);
if (column === undefined || figure === undefined || folder === undefined) {
  throw new Error(`cannot measure ${Deno.args.join(" ")}`);
}
const value = await figure.run(column.make(folder));
console.log(value ?? "");
// Exit even if timers of a library are pending.
Deno.exit(0);
