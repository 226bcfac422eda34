/** @file TensorBoard's event files: TFRecords of Event messages (tensorflow/core/util/event.proto, summary.proto). */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A value of a summary. */
export type SummaryValue =
  | { readonly tag: string; readonly scalar: number }
  /** Markdown. */
  | { readonly tag: string; readonly text: string }
  | { readonly tag: string; readonly png: Uint8Array; readonly width: number; readonly height: number };

/** What an event says. */
export type EventContent =
  | { readonly fileVersion: string }
  | { readonly values: readonly SummaryValue[] }
  /** What was told of this step and later ones counts no more: the run continues from before it. */
  | { readonly restart: true };

/** One record of the file. @param time milliseconds since 1970 */
export function eventRecord(time: number, step: number, content: EventContent): Uint8Array {
  const event = new BinaryWriter();
  event.tag(1, WireType.Bit64).double(time / 1000);
  event.tag(2, WireType.Varint).int64(step);
  if ("fileVersion" in content) event.tag(3, WireType.LengthDelimited).string(content.fileVersion);
  if ("values" in content) event.tag(5, WireType.LengthDelimited).bytes(summary(content.values));
  // SessionLog { status: START }
  if ("restart" in content) event.tag(7, WireType.LengthDelimited).bytes(Uint8Array.of(8, 1));
  return tfRecord(event.finish());
}

function summary(values: readonly SummaryValue[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const value of values) writer.tag(1, WireType.LengthDelimited).bytes(valueMessage(value));
  return writer.finish();
}

function valueMessage(value: SummaryValue): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(value.tag);
  if ("scalar" in value) writer.tag(2, WireType.Bit32).float(value.scalar);
  if ("text" in value) {
    writer.tag(8, WireType.LengthDelimited).bytes(textTensor(value.text));
    writer.tag(9, WireType.LengthDelimited).bytes(pluginMetadata("text"));
  }
  if ("png" in value) {
    const image = new BinaryWriter();
    image.tag(1, WireType.Varint).int32(value.height);
    image.tag(2, WireType.Varint).int32(value.width);
    image.tag(3, WireType.Varint).int32(4); // red, green, blue, opacity
    image.tag(4, WireType.LengthDelimited).bytes(value.png);
    writer.tag(4, WireType.LengthDelimited).bytes(image.finish());
  }
  return writer.finish();
}

/** TensorProto of one text: dtype DT_STRING, shape [1]. */
function textTensor(text: string): Uint8Array {
  const size = new BinaryWriter().tag(1, WireType.Varint).int64(1).finish();
  const shape = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(size).finish();
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int32(7);
  writer.tag(2, WireType.LengthDelimited).bytes(shape);
  writer.tag(8, WireType.LengthDelimited).string(text);
  return writer.finish();
}

/** SummaryMetadata { plugin_data: { plugin_name } } */
function pluginMetadata(name: string): Uint8Array {
  const plugin = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name).finish();
  return new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(plugin).finish();
}

/** Length, its checksum, the data, its checksum; all little-endian. */
function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(16 + data.length);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** TFRecord's mask: a checksum of data that holds checksums would be weak. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Castagnoli's polynomial, reflected. */
const POLYNOMIAL = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value >>> 0;
});

/** CRC-32C of RFC 3720. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
