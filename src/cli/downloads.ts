/** @file Downloads from the Hub, as a user sees them. */
import { bringBackbone } from "../node/backbones/backbones.ts";
import type { DownloadProgress } from "../node/hub/index.ts";
import { bytes, duration } from "../report/format.ts";
import type { StatusLine } from "./progress.ts";

/** Smaller files come and go without a line of their own. */
const SMALL = 1_000_000;

/** Shows each file's bytes, bytes per second and time left, and a line when a large one is there. */
export function downloadListener(
  status: StatusLine,
  now: () => number = () => performance.now() / 1000,
): (progress: DownloadProgress) => void {
  let current: { readonly name: string; readonly from: number; readonly since: number } | undefined;
  return ({ repo, path, done, total }) => {
    const name = `${repo}/${path}`;
    if (current?.name !== name || done < current.from) {
      current = { name, from: done, since: now() };
      if (done > 0) status.line(`${name}: continuing at ${bytes(done)}`);
    }
    const seconds = now() - current.since;
    const speed = (done - current.from) / seconds;
    if (done === total) {
      if (done >= SMALL) status.line(`${name}: ${bytes(done)} in ${duration(seconds)}`);
      return;
    }
    const parts = [
      `${name} ${bytes(done)}${total === undefined ? "" : ` of ${bytes(total)}`}`,
      ...(speed > 0 ? [`${bytes(speed)}/s`] : []),
      ...(speed > 0 && total !== undefined ? [`${duration((total - done) / speed)} left`] : []),
    ];
    status.update(parts.join(", "), total === undefined ? 0 : done / total);
  };
}

/** Downloads a backbone that is on the Hub, with progress. Returns a name that needs no network. */
export async function bringing(name: string, status: StatusLine): Promise<string> {
  try {
    return await bringBackbone(name, { onProgress: downloadListener(status) });
  } finally {
    status.stop();
  }
}
