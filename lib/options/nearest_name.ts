/**
 * The name that was probably meant, or undefined if none is close: the one with the smallest edit
 * distance (optimal string alignment: insert, delete, replace, swap two neighbours), at most a third
 * of the letters. Otherwise the only one that starts or ends with the name, such as `systemName` for
 * `name`. Upper and lower case count as equal. Constant work: longer names are cut.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const given = name.slice(0, longest).toLowerCase();
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(given, candidate.slice(0, longest).toLowerCase());
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest ?? onlyWith(given, known);
}

/** The only known name that starts or ends with this one. */
function onlyWith(given: string, known: Iterable<string>): string | undefined {
  if (given.length < shortestPart) return undefined;
  const found = [...known].filter((candidate) => {
    const name = candidate.toLowerCase();
    return name.startsWith(given) || name.endsWith(given);
  });
  return found.length === 1 ? found[0] : undefined;
}

/** Shorter parts stand in too many names by chance. */
const shortestPart = 4;

/** No option has a longer name. */
const longest = 64;

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
