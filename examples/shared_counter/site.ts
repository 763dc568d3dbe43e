import type { ClusteredActorSystem } from "@casty/casty";
import { gatewayHandler } from "@casty/casty/gateway";
import { api } from "./api.ts";

const here = (name: string) => new URL(name, import.meta.url);

/** The script of the page with all that it imports, for a browser. */
async function bundle(): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform=browser", "--minify", here("page.ts").pathname],
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The address of a visitor: limits count for each. A program with accounts would use those. */
function visitor(info: unknown): string {
  const { remoteAddr } = info as Deno.ServeHandlerInfo<Deno.NetAddr>;
  return remoteAddr.hostname;
}

/** Serves the page, and the gateway that it uses. */
export async function serveSite(node: ClusteredActorSystem, port: number) {
  const script = await bundle();
  const page = await Deno.readTextFile(here("page.html"));
  const gateway = gatewayHandler(node, api, {
    authenticate: (_request, _token, info) => ({ id: visitor(info) }),
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, (request, info) => {
    switch (new URL(request.url).pathname) {
      case "/":
        return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
      case "/page.js":
        return new Response(script, { headers: { "content-type": "text/javascript" } });
      default:
        return gateway(request, info);
    }
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    async [Symbol.asyncDispose]() {
      gateway.close();
      await server.shutdown();
    },
  };
}
