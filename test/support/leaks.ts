/** @file Whether something stands in a file that must not. */

/** How many secrets have the `length` bytes out of their middle in the file. */
export const leaks = (file: Buffer, secrets: readonly Uint8Array[], length: number): number =>
  secrets.filter((secret) => {
    const middle = Math.floor((secret.length - length) / 2);
    return file.includes(Buffer.from(secret.subarray(middle, middle + length)));
  }).length;

/** Numbers as they lie in memory. */
export const bytesOf = (values: Float32Array | Float64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
