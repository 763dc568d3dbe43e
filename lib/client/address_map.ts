export { type AddressMap, addressMapper } from "../transport/base/address_map.ts";
