/**
 * Refuses a request that is none of the gateway's, with a sentence for its author. It has no failure as
 * operations have: nothing was asked of an operation.
 */
export function plainRefusal(
  status: number,
  why: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${why}\n`, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}
