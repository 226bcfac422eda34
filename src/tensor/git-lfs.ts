/** @file Git LFS: what lies in a repository in the place of a large file, until somebody fetches it. */

/** Every pointer begins so, and is shorter than this. */
const FIRST_LINE = "version https://git-lfs";
const LONGEST = 1024;

/** Whether a file's first bytes are those of a pointer. @param size of the whole file */
export function isLfsPointer(first: Uint8Array, size: number): boolean {
  return (
    size <= LONGEST && new TextDecoder("latin1").decode(first.subarray(0, FIRST_LINE.length)) === FIRST_LINE
  );
}

/** What is said of one. */
export const LFS_POINTER =
  "a Git LFS pointer, not the file itself; run git lfs pull in its repository, or download the file";
