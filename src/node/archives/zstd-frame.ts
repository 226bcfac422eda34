/** @file Looks at a Zstandard frame before it is decompressed: RFC 8878, sections 3.1.1.1 and 3.1.1.2. */

const MAGIC = 0xfd2fb528;
const RAW = 0;
const RUN = 1;
const COMPRESSED = 2;
/** Bytes that a block gives at most. */
const LARGEST_BLOCK = 2 ** 17;

/**
 * Stops on anything but one frame that says how many bytes it gives, as many as are wanted.
 * @throws Error that says what is there instead
 */
export function checkZstdFrame(bytes: Uint8Array, wanted: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 6 || view.getUint32(0, true) !== MAGIC) throw new Error("it is no Zstandard frame");
  const flags = bytes[4]!;
  const single = (flags >> 5) & 1;
  const sizeBytes = [single, 2, 4, 8][flags >> 6]!;
  let at = 5 + (1 - single) + [0, 1, 2, 4][flags & 3]!;
  if (sizeBytes === 0 || contentSize(view, at, sizeBytes) !== wanted) {
    throw new Error(`its Zstandard frame does not say that it has ${wanted} bytes`);
  }
  at += sizeBytes;
  for (let [last, given] = [false, 0]; !last; ) {
    const head = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const [kind, size] = [(head >> 1) & 3, head >> 3];
    last = (head & 1) === 1;
    if (kind > COMPRESSED || size > LARGEST_BLOCK) throw new Error("a Zstandard block is damaged");
    // A compressed one gives an unknown number of bytes, `LARGEST_BLOCK` at most.
    if (kind === RAW || kind === RUN) given += size;
    if (given > wanted) throw new Error("its Zstandard blocks give more than the frame says");
    at += 3 + (kind === RUN ? 1 : size);
  }
  at += flags & 4;
  if (at !== bytes.length) throw new Error("its Zstandard frame ends elsewhere than the page");
}

function contentSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  if (bytes === 4) return view.getUint32(at, true);
  return Number(view.getBigUint64(at, true));
}
