/** The root actor of a path, as a label of metrics: paths of children and entities are without number. */
export function labelOf(path: string): string {
  const end = path.indexOf("/", 1);
  return end < 0 ? path : path.slice(0, end);
}
