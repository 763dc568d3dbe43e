/**
 * Where to dial for an address of the cluster, for clients behind tunnels. What is not mapped is
 * dialled as it is.
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
