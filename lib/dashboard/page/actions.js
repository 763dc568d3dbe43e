/** Actions, each asked for twice: the node says what will happen, and is asked again. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";

async function post(body) {
  const response = await fetch("/api/actions", {
    method: "POST",
    headers: { "content-type": "application/json", "x-casty-dashboard": "action" },
    body: JSON.stringify(body),
  });
  return await response.json();
}

/** A button for an action; nothing where the dashboard only shows. */
export function ActionButton({ enabled, name, action, onAsk }) {
  if (!enabled) return null;
  return html`
    <button type="button" class="danger" onClick=${() => onAsk({ name, action })}>${name}…</button>
  `;
}

/** Asks twice, and shows the result. */
export function ActionDialog({ asked, onClose }) {
  const dialog = useRef(null);
  const [step, setStep] = useState({});
  useEffect(() => {
    if (asked === undefined) return;
    setStep({ waits: true });
    dialog.current.showModal();
    post(asked.action).then(setStep, (error) => setStep({ failed: error.message }));
  }, [asked]);
  if (asked === undefined) return null;
  const { name } = asked;
  const carryOut = () => {
    setStep({ waits: true });
    post({ confirm: step.confirm }).then(setStep, (error) => setStep({ failed: error.message }));
  };
  const close = () => dialog.current.close();
  return html`
    <dialog ref=${dialog} aria-labelledby="action-title" onClose=${onClose}>
      <h2 id="action-title">${name}</h2>
      <div role="status">
        ${step.waits && html`<p>The node is asked.</p>`}
        ${step.consequence && html`<p>${step.consequence}</p>`}
        ${step.sure &&
          html`<p><b>Carry it out now?</b> It is logged, and cannot be taken back.</p>`}
        ${step.done && html`<p>Done: ${step.done}.</p>`}
        ${step.failed && html`<p class="failed">Not done: ${step.failed}.</p>`}
      </div>
      <div class="buttons">
        <button type="button" onClick=${close}>${step.done || step.failed
          ? "Close"
          : "Cancel"}</button>
        ${step.confirm && !step.sure && html`
          <button type="button" class="danger" onClick=${() => setStep({ ...step, sure: true })}>
            Continue
          </button>
        `}
        ${step.sure && html`
          <button type="button" class="danger" onClick=${carryOut}>Yes, ${name
            .toLowerCase()}</button>
        `}
      </div>
    </dialog>
  `;
}
