import { flag, list, option, optionTable, text, type TextForm, whole } from "../option.ts";

/** A header and an address can hold it. */
const visible: TextForm = {
  name: "16 to 200 visible ASCII characters without spaces",
  test: (text) => /^[\x21-\x7e]*$/.test(text),
  example: "hard-to-guess-0123456789",
};

const access = {
  token: option(text(16, 200, visible, { secret: true }), {
    defaultText: "a random one",
    text:
      "What a viewer has to show: once as `?token=` in the browser, or as `Authorization: Bearer` in each request.",
  }),
  hosts: option(list(text(1, 253), 0, 100), {
    defaultText: "none",
    text:
      "Host names under which the dashboard is reached, besides `localhost`, `127.0.0.1` and `[::1]`; requests for other names are refused, which keeps pages of other sites out (DNS rebinding).",
  }),
  actions: option(flag, {
    default: false,
    text:
      "Whether viewers may act: make nodes leave, declare them down, rebalance shards, stop actors and entities. Without it the dashboard shows only, and this node refuses actions of dashboards of other nodes.",
  }),
  peek: option(flag, {
    default: true,
    text:
      "Whether states and events of entities of this node, and contents of messages, are shown; false where they hold secrets.",
  }),
};

/** `dashboard(system, ...)`. */
export const dashboardTable = optionTable("dashboard", {
  port: option(whole(0, 65_535), {
    default: 25_580,
    text: "Port of the dashboard; 0: the system chooses.",
  }),
  hostname: option(text(1, 253), {
    default: "127.0.0.1",
    text:
      "Interface to listen on. The dashboard speaks HTTP without TLS: for others than this machine, put a proxy with TLS before it.",
  }),
  ...access,
});

/** `dashboardHandler(system, ...)`. */
export const dashboardHandlerTable = optionTable("dashboardHandler", access);

/** The defaults of {@linkcode dashboardTable}. */
export const dashboardDefaults = dashboardTable.defaults;
