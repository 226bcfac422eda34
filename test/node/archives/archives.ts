/** @file Tiny tar and zip archives, right and wrong, made in memory. */
import { buffer } from "node:stream/consumers";
import { crc32, deflateRawSync } from "node:zlib";
import { type Header, pack } from "tar-stream";

/** A file of an archive, and how it differs from a plain one. */
export interface ArchiveFile {
  readonly path: string;
  readonly bytes?: Uint8Array;
  readonly type?: Header["type"];
}

/** A tar as GNU tar would write it. */
export async function tarOf(files: readonly ArchiveFile[]): Promise<Buffer> {
  const writer = pack();
  for (const { path, bytes = new Uint8Array(), type = "file" } of files) {
    if (type === "file") writer.entry({ name: path, type }, Buffer.from(bytes));
    else writer.entry({ name: path, type, linkname: "elsewhere" });
  }
  writer.finalize();
  return buffer(writer as unknown as AsyncIterable<Uint8Array>);
}

/** How a zip entry lies. */
export interface ZipFile extends ArchiveFile {
  readonly stored?: boolean;
  readonly encrypted?: boolean;
  /** Claimed instead of the real size. */
  readonly size?: number;
  readonly method?: number;
  /** The name's bytes, where they are not the path in UTF-8. */
  readonly name?: Uint8Array;
}

/** A zip without comments or extra fields. */
export function zipOf(files: readonly ZipFile[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { path, bytes = new Uint8Array(), type, stored = false, encrypted = false, ...lies } of files) {
    const name = Buffer.from(lies.name ?? Buffer.from(path));
    const content = stored ? Buffer.from(bytes) : deflateRawSync(bytes);
    const shared = Buffer.alloc(26); // what both headers have, from "version needed" on
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(encrypted ? 1 : 0, 2);
    shared.writeUInt16LE(lies.method ?? (stored ? 0 : 8), 4);
    shared.writeUInt32LE(crc32(bytes), 10);
    shared.writeUInt32LE(content.length, 14);
    shared.writeUInt32LE(lies.size ?? bytes.length, 18);
    shared.writeUInt16LE(name.length, 22);
    bodies.push(Buffer.from("PK\x03\x04"), shared, name, content);
    const end = Buffer.alloc(14);
    end.writeUInt32LE(((type === "symlink" ? 0o120777 : 0o100644) << 16) >>> 0, 6);
    end.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x03", "latin1"), shared, end, name);
    offset += 30 + name.length + content.length;
  }
  const last = Buffer.alloc(22);
  last.write("PK\x05\x06", "latin1");
  last.writeUInt16LE(files.length, 8);
  last.writeUInt16LE(files.length, 10);
  last.writeUInt32LE(Buffer.concat(directory).length, 12);
  last.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, ...directory, last]);
}
