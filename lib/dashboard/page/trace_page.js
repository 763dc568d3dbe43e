/** The messages that the actors below a path handle. */
import { count, timeOf } from "./format.js";
import { html } from "./html.js";
import { useTyped } from "./typed.js";
import { ActionButton } from "./actions.js";
import { Answered, Card, NodeChoice, Table } from "./parts.js";

export function TracePage({ data, about, onAsk, parameters, set }) {
  const { answer, nodes, self, suggestions } = data;
  const [path, setPath] = useTyped(parameters.path ?? "");
  const node = parameters.node || self;
  const start = (event) => {
    event.preventDefault();
    set({ path });
  };
  return html`
    <form class="bar" onSubmit=${start}>
      <${NodeChoice} members=${nodes} value=${parameters.node} self=${self}
        onChange=${(node) => set({ node })} />
      <label class="field">Path of an actor
        <input name="path" value=${path} placeholder="/_region-accounts" list="paths" spellcheck="false" autocomplete="off"
          onInput=${(event) => setPath(event.target.value)} />
      </label>
      <datalist id="paths">
        ${suggestions.map((path) => html`<option key=${path} value=${path}></option>`)}
      </datalist>
      <button type="submit" class="primary">Trace</button>
      <${ActionButton} enabled=${about.actions &&
        parameters.path} name=${`Stop actor ${parameters.path}`}
        action=${{ action: "stopActor", node, path: parameters.path }} onAsk=${onAsk} />
    </form>
    ${!parameters.path
      ? html`
        <p class="dim">
          Name an actor to see the messages that it and its children handle, such as
          <span class="mono"> /_region-accounts</span> for the entities of the type "accounts". No actor is observed until
          somebody looks, and ten seconds later none is any more.
        </p>
      `
      : html`
        <${Answered} answer=${answer} members=${nodes}>
          ${({ path, seen, messages }) =>
            html`
              <${Card} title=${`Messages below ${path}`} wide
                note=${`${count(seen)} handled since somebody looks; at most 50 a second are kept`}>
                <${Table} caption="Traced messages" rows=${messages} keyOf=${({ number }) => number}
                  empty="none yet" columns=${[
                    { head: "Time", cell: ({ at }) => timeOf(at) },
                    { head: "Actor", mono: true, wrap: true, cell: ({ path }) => path },
                    { head: "Type", cell: ({ messageType }) => html`<b>${messageType}</b>` },
                    {
                      head: "Message",
                      mono: true,
                      text: true,
                      cell: ({ message }) => message ?? "not shown",
                    },
                  ]} />
                </${Card}>
            `}
        </${Answered}>
      `}
  `;
}
