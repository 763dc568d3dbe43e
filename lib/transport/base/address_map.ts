/**
 * Where to dial for an address, for tunnels and translated networks: an object, a `Map` or a
 * function. Other addresses are dialled unchanged. The certificate must still name the host of the
 * address itself, not the one that is dialled.
 */
export type AddressMap =
  | Readonly<Record<string, string>>
  | ReadonlyMap<string, string>
  | ((address: string) => string);

/** The map as a function. */
export function addressMapper(map: AddressMap | undefined): (address: string) => string {
  if (map === undefined) return (address) => address;
  if (typeof map === "function") return map;
  const entries = map instanceof Map ? map : new Map(Object.entries(map));
  return (address) => entries.get(address) ?? address;
}
