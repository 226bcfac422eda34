/** @file Pictures from cameras, files and folders, made small, and names of classes from folders. */

/** Pixels of a picture's shorter side: more than the network sees, little to keep. */
const SIDE = 224;
const IMAGE = /\.(jpe?g|png|webp|gif)$/i;

/** A picture of a class. */
export interface Picture {
  readonly blob: Blob;
  /** For <img>. */
  readonly url: string;
}

export const pictureOf = (blob: Blob): Picture => ({ blob, url: URL.createObjectURL(blob) });

/** The middle of what the camera shows, as the network is to see it. */
export function frameOf(video: HTMLVideoElement): ImageData {
  const { videoWidth: width, videoHeight: height } = video;
  const side = Math.min(width, height);
  const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(video, (width - side) / 2, (height - side) / 2, side, side, 0, 0, SIDE, SIDE);
  return context.getImageData(0, 0, SIDE, SIDE);
}

export async function blobOf(frame: ImageData): Promise<Blob> {
  const canvas = new OffscreenCanvas(frame.width, frame.height);
  canvas.getContext("2d")!.putImageData(frame, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/** A file as a small picture. @throws Error in one line for what is no image */
export async function shrunk(file: Blob & { readonly name?: string }): Promise<Blob> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name ?? "this"} is no picture that the browser can read`);
  }
  const scale = Math.min(1, SIDE / Math.min(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(width!, height!);
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width!, height!);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/png" });
}

/** Files by the name of their folder; "" for those in none. */
export type FilesByFolder = ReadonlyMap<string, readonly File[]>;

/** Of an <input type="file">, also one for a folder of class folders. */
export function byFolder(files: Iterable<File>): FilesByFolder {
  return grouped([...files].map((file) => [file.webkitRelativePath.split("/").at(-2) ?? "", file] as const));
}

/** Of a drop: files, folders, and folders of folders. */
export async function droppedFiles(transfer: DataTransfer): Promise<FilesByFolder> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []); // before any await
  const found: (readonly [string, File])[] = [];
  for (const entry of entries) await walk(entry, "", found);
  return grouped(found);
}

async function walk(
  entry: FileSystemEntry,
  folder: string,
  found: (readonly [string, File])[],
): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push([folder, file]);
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return; // it hands out a hundred at a time
    for (const each of some) await walk(each, entry.name, found);
  }
}

function grouped(all: readonly (readonly [folder: string, file: File])[]): FilesByFolder {
  const groups = new Map<string, File[]>();
  for (const [folder, file] of all) {
    if (!file.type.startsWith("image/") && !IMAGE.test(file.name)) continue;
    groups.set(folder, [...(groups.get(folder) ?? []), file]);
  }
  return groups;
}
