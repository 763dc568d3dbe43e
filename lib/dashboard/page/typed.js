/** What a viewer types into a field. */
import { useState } from "preact/hooks";

/**
 * The text of a field that the address of the page may fill in. When that changes, also by the buttons
 * of the browser, the text follows: it never belongs to another page than the one that is shown.
 */
export function useTyped(given) {
  const [typed, setTyped] = useState({ given, text: given });
  const text = typed.given === given ? typed.text : given;
  return [text, (text) => setTyped({ given, text })];
}
