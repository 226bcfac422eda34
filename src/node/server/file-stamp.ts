/** @file Tells a model's file from the one that has replaced it. */
import { statSync } from "node:fs";

/** Another text for another file, or another content written in its place. */
export function fileStamp(file: string): string {
  const { ino, size, mtimeMs } = statSync(file);
  return [file, ino, size, mtimeMs].join(" ");
}
