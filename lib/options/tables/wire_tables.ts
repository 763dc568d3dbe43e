import { bytes, callback, code, option, optionTable, text, whole } from "../option.ts";

/** The longest string that any option allows, in bytes. */
export const longestString = 268_435_456;

/** Bounds of one message. Not for users: they follow from `transport.maxMessage`. */
export const wireTable = optionTable("wire limits", {
  maxMessage: option(bytes(1, 1_073_741_824), {
    default: 16_777_216,
    text: "Longest message, path and value together.",
  }),
  maxDepth: option(whole(1, 512), { default: 64, text: "Deepest nesting in a message." }),
  maxValues: option(whole(1, 268_435_456), {
    default: 262_144,
    text: "Most values in one message.",
  }),
  maxString: option(bytes(1, longestString), {
    default: 16_777_216,
    text: "Longest string or key.",
  }),
  maxBinary: option(bytes(1, 1_073_741_824), {
    default: 16_777_216,
    text: "Longest typed array or `ArrayBuffer`.",
  }),
  maxArray: option(whole(1, 33_554_432), { default: 131_072, text: "Longest array." }),
  maxMap: option(whole(1, 16_777_216), { default: 65_536, text: "Most entries of an object." }),
  maxPath: option(bytes(1, 65_535), { default: 2_048, text: "Longest actor path." }),
});

/** The defaults of the bounds of a message. */
export const wireDefaults = wireTable.defaults;

/** Most serializers that one system may have. */
export const maxSerializers = 64;
/** Longest name of a serializer, in characters. */
export const maxSerializerName = 64;
/** The highest version of a serializer. */
export const maxSerializerVersion = 65_535;

/** `serializer(...)`. */
export const serializerTable = optionTable("serializer", {
  name: option(
    text(1, maxSerializerName, {
      name: `a text of 1 to ${maxSerializerName} letters, digits and . _ / -, ` +
        "beginning with a letter or digit",
      test: (name) => /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(name),
      example: "money",
    }),
    { required: true, text: "The name that both ends know it by." },
  ),
  version: option(whole(1, maxSerializerVersion), {
    default: 1,
    text: "Version of the form of the data.",
  }),
  type: option(
    code(
      "a class, or a test",
      (type) =>
        typeof type === "function" && typeof type.prototype === "object" && type.prototype !== null,
    ),
    { text: "The class whose direct instances are meant. Either `type` or `test`." },
  ),
  test: option(callback("a function of an object"), { text: "Whether an object is meant." }),
  encode: option(callback("a function of a value"), {
    required: true,
    text: "Returns the data that stand for a value.",
  }),
  decode: option(callback("a function of the data"), {
    required: true,
    text: "Returns the value of the data.",
  }),
});

/** The defaults of a serializer. */
export const serializerDefaults = serializerTable.defaults;
