/** @file The emoji that six artists' sets have in common, from npm packages: a small DomainNet that `npm ci` installs. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Dataset, StoredImage } from "../../data/dataset.ts";
import { InputError } from "../../tensor/errors.ts";
import { renderSvg } from "../images/transform.ts";

/** What both benchmarks of drawings say of where they come from. */
export const EMOJI_SOURCE = {
  home: "https://github.com/iconify/icon-sets",
  hub: null,
  license:
    "fluent-emoji-flat MIT; noto and noto-v1 Apache-2.0; emojione and twemoji CC BY 4.0; openmoji CC BY-SA 4.0",
  bytes: null,
} as const;

/** The sets, each an npm package `@iconify-json/<style>`. */
export const EMOJI_STYLES = [
  "twemoji",
  "openmoji",
  "fluent-emoji-flat",
  "noto",
  "noto-v1",
  "emojione",
] as const;

/** Side of a drawing in pixels: what small backbones use, and enlarged without much loss for 224. */
const SIDE = 96;

/** One emoji that all sets have. */
export interface Emoji {
  /** The sets' own name: "red-heart". */
  readonly name: string;
  /** Unicode's subgroup: "animal-mammal". */
  readonly subgroup: string;
}

/** The common emoji in Unicode's order, and a reader of samples named "<style>/<emoji>". */
export interface EmojiDrawings {
  readonly emoji: readonly Emoji[];
  readonly read: Dataset["read"];
}

interface IconSet {
  readonly width?: number;
  readonly height?: number;
  readonly icons: Readonly<Record<string, Icon>>;
}

interface Icon {
  readonly body: string;
  readonly width?: number;
  readonly height?: number;
}

interface UnicodeEmoji {
  readonly hexcode: string;
  readonly order?: number;
  readonly subgroup?: number;
}

let loaded: Promise<EmojiDrawings> | undefined;

/**
 * Reads the six sets, once a process; drawings are made when first asked for and then kept as PNG.
 * @throws InputError with the npm command if a package is missing.
 */
export function emojiDrawings(): Promise<EmojiDrawings> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<EmojiDrawings> {
  requirePackages([...EMOJI_STYLES.map((style) => `@iconify-json/${style}`), "emojibase-data"]);
  const sets = new Map<string, IconSet>();
  for (const style of EMOJI_STYLES) {
    sets.set(style, await packageJson<IconSet>(`@iconify-json/${style}/icons.json`));
  }
  const emoji = await commonEmoji([...sets.values()]);
  // The sets hold 65 MB of drawings, most of them not common: only these are kept.
  const drawings = new Map<string, string>();
  for (const [style, set] of sets) {
    for (const { name } of emoji) drawings.set(`${style}/${name}`, svgOf(set, set.icons[name]!));
  }
  const rendered = new Map<string, Promise<StoredImage>>();
  return {
    emoji,
    read(sample) {
      let image = rendered.get(sample.id);
      if (image === undefined) {
        const svg = drawings.get(sample.id);
        if (svg === undefined)
          return Promise.reject(new InputError(`${sample.id}: there is no such drawing`));
        image = renderSvg(svg, SIDE);
        rendered.set(sample.id, image);
      }
      return image;
    },
  };
}

/** Emoji whose name is in every set. Two sets have no table of code points, so names join them; noto's gives Unicode's data. */
async function commonEmoji(sets: readonly IconSet[]): Promise<Emoji[]> {
  const codePoints = await packageJson<Record<string, string>>("@iconify-json/noto/chars.json");
  const unicode = await packageJson<readonly UnicodeEmoji[]>("emojibase-data/en/data.json");
  const groups = await packageJson<{ subgroups: Record<string, string> }>("emojibase-data/meta/groups.json");
  const byCodePoints = new Map(unicode.map((entry) => [plainCode(entry.hexcode), entry]));
  const found: (Emoji & { order: number })[] = [];
  for (const [code, name] of Object.entries(codePoints)) {
    const entry = byCodePoints.get(plainCode(code));
    const subgroup = groups.subgroups[String(entry?.subgroup)];
    if (entry === undefined || subgroup === undefined || !sets.every((set) => Object.hasOwn(set.icons, name)))
      continue;
    found.push({ name, subgroup, order: entry.order ?? 0 });
  }
  return found.sort((a, b) => a.order - b.order).map(({ name, subgroup }) => ({ name, subgroup }));
}

/** Code points without the variation selector, which some tables leave out. */
function plainCode(hexcode: string): string {
  return hexcode.toLowerCase().replaceAll("-fe0f", "");
}

function svgOf(set: IconSet, icon: Icon): string {
  const width = icon.width ?? set.width ?? 16; // Iconify's default
  const height = icon.height ?? set.height ?? 16;
  const namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"';
  return `<svg ${namespaces} width="${SIDE}" height="${SIDE}" viewBox="0 0 ${width} ${height}">${icon.body}</svg>`;
}

const require = createRequire(import.meta.url);

/**
 * Stops if packages are not installed.
 * @throws InputError with the npm command for all that are missing.
 */
export function requirePackages(names: readonly string[]): void {
  const missing = names.filter((name) => {
    try {
      require.resolve(`${name}/package.json`);
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length > 0) {
    throw new InputError(
      `the emoji benchmarks need npm packages that are not installed; run: npm install ${missing.join(" ")}`,
    );
  }
}

async function packageJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(require.resolve(path), "utf8")) as T;
}
