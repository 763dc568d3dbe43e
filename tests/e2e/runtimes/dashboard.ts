/** Opens a dashboard, looks at it as a browser does, and prints what came out as one line of JSON. */
import { ClusteredActorSystem } from "@casty/casty";
import { dashboard } from "@casty/casty/dashboard";

const system = await ClusteredActorSystem.start({
  name: "served",
  host: "127.0.0.1",
  port: 0,
  stallDetection: false,
});
const board = await dashboard(system, { port: 0, token: "the-same-on-all-runtimes" });

const refused = await fetch(board.url);
await refused.text();
const login = await fetch(board.openUrl);
await login.text();
const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
const page = await (await fetch(board.url, { headers: { cookie } })).text();
const script = await fetch(`${board.url}assets/main.js`, { headers: { cookie } });
const text = await script.text();

const live = await fetch(`${board.url}api/live/cluster`, { headers: { cookie } });
const reader = live.body!.getReader();
const decoder = new TextDecoder();
let events = "";
while (events.split("event: view").length < 3) {
  const { value, done } = await reader.read();
  if (done) break;
  events += decoder.decode(value, { stream: true });
}

const action = await fetch(`${board.url}api/actions`, {
  method: "POST",
  headers: { cookie, "x-casty-dashboard": "action" },
  body: JSON.stringify({ action: "leave", node: system.address }),
});
await action.text();
await system.shutdown();
const isClosed = await fetch(board.url).then(() => false, () => true);
console.log(JSON.stringify({
  refused: refused.status,
  page: page.includes("/assets/main.js"),
  script: [script.headers.get("content-type"), text.includes("render(")],
  live: [live.headers.get("content-type"), events.includes('"status":"up"')],
  action: action.status,
  isClosed,
}));
