export { type AddressMap, addressMapper } from "../transport/address_map.ts";
