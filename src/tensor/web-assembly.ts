/** @file WebAssembly that comes along in base64. */

/** What every module of ours has. */
export interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
}

const PAGE = 2 ** 16;

/** The module, compiled when it is first asked for; one for a thread. */
export function kernelOf<Own extends Kernel>(base64: string): () => Own {
  let instance: Own | undefined;
  return () => {
    const bytes = (): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
    instance ??= new WebAssembly.Instance(new WebAssembly.Module(bytes())).exports as unknown as Own;
    return instance;
  };
}

/** Its memory, with room for so many bytes. What had been taken before may be of no use any more. */
export function memoryOf({ memory }: Kernel, bytes: number): ArrayBuffer {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  return memory.buffer;
}
