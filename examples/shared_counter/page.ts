/** The script of the page: a counter that all visitors share. */
import { gatewayClient, type GatewayError } from "@casty/casty/gateway-client";
import type { Api } from "./api.ts";

/** What this script uses of a page: the types of all of it would count for the other programs, too. */
declare const document: {
  getElementById(id: string): { textContent: string; onclick: () => void } | null;
  readonly body: { readonly dataset: Record<string, string> };
};

const element = (id: string) => document.getElementById(id)!;
const name = new URLSearchParams(location.search).get("counter") ?? "hits";
const client = gatewayClient<Api>({ url: new URL("/gateway", location.href).href });
const counter = client.entity("counters", name);

function show(value: number): void {
  element("value").textContent = String(value);
}

function note(text: string): void {
  element("note").textContent = text;
}

async function add(amount: number): Promise<void> {
  try {
    show(await counter.add({ amount }));
    note("");
  } catch (error) {
    const { outcome, message } = error as GatewayError;
    note(outcome === "none" ? `Nothing was changed: ${message}.` : `Perhaps changed: ${message}.`);
    await load();
  }
}

async function load(): Promise<void> {
  try {
    show(await counter.get(undefined, { timeout: 30_000 }));
  } catch (error) {
    note((error as GatewayError).message);
  }
}

element("name").textContent = name;
element("plus").onclick = () => add(1);
element("minus").onclick = () => add(-1);
client.onState(({ state, resumed }) => {
  document.body.dataset.state = state;
  document.body.dataset.session = resumed ? "resumed" : "new";
});

const changes = client.topic("changes").subscribe();
// Behind the subscription, so that no change falls between the two.
void load();
for await (const event of changes) {
  // Changes are missing: the state itself is asked for.
  if (event.type === "gap") await load();
  else if (event.message.counter === name) show(event.message.value);
}
