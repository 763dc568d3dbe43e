/**
 * Whether a page of that origin may use the gateway: a browser sends cookies along whatever page makes
 * the request. Programs that are no browser send no origin, and are judged by their credentials alone.
 *
 * @param origins the origins that may, besides that of the gateway itself; `"*"`: all.
 */
export function mayUse(request: Request, origins: readonly string[]): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || origins.includes("*") || origins.includes(origin)) return true;
  return isSameOrigin(origin, request);
}

/** Compared by host: behind a proxy that ends TLS the schemes differ. */
function isSameOrigin(origin: string, request: Request): boolean {
  const host = request.headers.get("host") ?? new URL(request.url).host;
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** The headers that let a page of a foreign origin, which may, read an answer. */
export function corsHeaders(request: Request, origins: readonly string[]): Record<string, string> {
  const origin = request.headers.get("origin");
  if (origin === null || isSameOrigin(origin, request) || !mayUse(request, origins)) return {};
  const isListed = origins.includes(origin);
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type, last-event-id",
    "access-control-max-age": "600",
    vary: "origin",
    // Never for all: any page could act for the visitor who is signed in.
    ...(isListed && { "access-control-allow-credentials": "true" }),
  };
}
