/** Templates instead of JSX: the page needs no build. */
import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
