/**
 * @file ONNX's messages, as much of them as is written: each field with its number in onnx.proto. Tests read what comes out
 * by code generated from the whole of it, which is ten times this and would be in every page.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Kinds of attributes, by onnx.proto's numbers. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;
/** Where a tensor's bytes are, if not in the message. */
export const EXTERNAL = 1;

/** A named attribute of a node. */
export interface AttributeProto {
  readonly name: string;
  readonly f?: number;
  readonly i?: number;
  readonly s?: string;
  readonly ints?: readonly number[];
  readonly type: number;
}

/** One application of an operator. */
export interface NodeProto {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name?: string;
  readonly opType: string;
  readonly attribute: readonly AttributeProto[];
  readonly domain?: string;
}

/** A constant. */
export interface TensorProto {
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly name: string;
  readonly rawData?: Uint8Array;
  readonly externalData?: readonly { readonly key: string; readonly value: string }[];
  readonly dataLocation?: number;
}

/** An input or output: its axes are numbers, or names where any length will do. */
export interface ValueProto {
  readonly name: string;
  readonly elemType: number;
  readonly dims: readonly (number | string)[];
}

/** A graph. */
export interface GraphProto {
  readonly node: readonly NodeProto[];
  readonly name: string;
  readonly initializer: readonly TensorProto[];
  readonly input: readonly ValueProto[];
  readonly output: readonly ValueProto[];
}

/** A whole file. */
export interface ModelProto {
  readonly irVersion: number;
  readonly producerName: string;
  readonly docString?: string;
  readonly graph: GraphProto;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
}

/** Appends a field of that number. */
type Write<Content> = (writer: BinaryWriter, field: number, value: Content) => void;

const int: Write<number> = (writer, field, value) => writer.tag(field, WireType.Varint).int64(value);
const float: Write<number> = (writer, field, value) => writer.tag(field, WireType.Bit32).float(value);
const text: Write<string> = (writer, field, value) =>
  writer.tag(field, WireType.LengthDelimited).string(value);
const bytes: Write<Uint8Array> = (writer, field, value) =>
  writer.tag(field, WireType.LengthDelimited).bytes(value);

const each =
  <Content>(write: Write<Content>): Write<readonly Content[]> =>
  (writer, field, values) => {
    for (const value of values) write(writer, field, value);
  };

/** Number and kind of every field, in the order of numbers. */
type Fields<Message> = {
  readonly [Name in keyof Message]-?: readonly [number, Write<Exclude<Message[Name], undefined>>];
};

function writeFields<Message extends object>(
  writer: BinaryWriter,
  fields: Fields<Message>,
  message: Message,
): void {
  for (const name of Object.keys(fields) as (keyof Message)[]) {
    const [field, write] = fields[name];
    const value = message[name];
    if (value !== undefined) write(writer, field, value as Exclude<Message[keyof Message], undefined>);
  }
}

const message =
  <Message extends object>(fields: Fields<Message>): Write<Message> =>
  (writer, field, value) => {
    writer.tag(field, WireType.LengthDelimited).fork();
    writeFields(writer, fields, value);
    writer.join();
  };

const attribute = message<AttributeProto>({
  name: [1, text],
  f: [2, float],
  i: [3, int],
  s: [4, text],
  ints: [8, each(int)],
  type: [20, int],
});

const node = message<NodeProto>({
  input: [1, each(text)],
  output: [2, each(text)],
  name: [3, text],
  opType: [4, text],
  attribute: [5, each(attribute)],
  domain: [7, text],
});

const tensor = message<TensorProto>({
  dims: [1, each(int)],
  dataType: [2, int],
  name: [8, text],
  rawData: [9, bytes],
  externalData: [13, each(message({ key: [1, text], value: [2, text] }))],
  dataLocation: [14, int],
});

const dimension: Write<number | string> = (writer, field, value) =>
  typeof value === "number"
    ? message<{ value: number }>({ value: [1, int] })(writer, field, { value })
    : message<{ name: string }>({ name: [2, text] })(writer, field, { name: value });

const tensorType = message<Omit<ValueProto, "name">>({
  elemType: [1, int],
  dims: [
    2,
    (writer, field, dims) =>
      message<{ dim: ValueProto["dims"] }>({ dim: [1, each(dimension)] })(writer, field, { dim: dims }),
  ],
});

const value: Write<ValueProto> = (writer, field, { name, ...type }) =>
  message<{ name: string; type: { tensor: typeof type } }>({
    name: [1, text],
    type: [2, message<{ tensor: typeof type }>({ tensor: [1, tensorType] })],
  })(writer, field, { name, type: { tensor: type } });

const graph = message<GraphProto>({
  node: [1, each(node)],
  name: [2, text],
  initializer: [5, each(tensor)],
  input: [11, each(value)],
  output: [12, each(value)],
});

/** The file's bytes. */
export function modelBytes(model: ModelProto): Uint8Array {
  const writer = new BinaryWriter();
  const fields: Fields<ModelProto> = {
    irVersion: [1, int],
    producerName: [2, text],
    docString: [6, text],
    graph: [7, graph],
    opsetImport: [8, each(message({ domain: [1, text], version: [2, int] }))],
  };
  writeFields(writer, fields, model);
  return writer.finish();
}
