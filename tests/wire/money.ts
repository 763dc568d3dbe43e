import { serializer } from "../../lib/wire/serializer.ts";

/** A class of a user. */
export class Money {
  readonly cents: bigint;
  readonly currency: string;

  constructor(cents: bigint, currency: string) {
    this.cents = cents;
    this.currency = currency;
  }
}

/** Another one, whose values hold those of the first. */
export class Price {
  readonly net: Money;
  readonly data: Uint8Array;

  constructor(net: Money, data: Uint8Array) {
    this.net = net;
    this.data = data;
  }
}

/** How money crosses the wire. */
export const money = serializer({
  name: "money",
  type: Money,
  encode: ({ cents, currency }) => [cents, currency],
  decode: (data) => {
    const [cents, currency] = data as unknown[];
    if (typeof cents !== "bigint" || typeof currency !== "string") throw new Error("no money");
    return new Money(cents, currency);
  },
});

/** How a price crosses the wire. */
export const price = serializer({
  name: "price",
  type: Price,
  encode: ({ net, data }) => ({ net, data }),
  decode: (given) => {
    const { net, data } = given as Record<string, unknown>;
    if (!(net instanceof Money) || !(data instanceof Uint8Array)) throw new Error("no price");
    return new Price(net, data);
  },
});
