/** @file Images to learn from, where there are none at hand: drawings of animals and fruit from npm packages, as PNG files. */
import { mkdir, readFile } from "node:fs/promises";
import sharp from "sharp";

const PARTS = {
  monday: ["cat-face", "dog-face", "penguin"],
  tuesday: ["pig-face", "banana", "red-apple"],
  test: ["cat-face", "dog-face", "penguin", "pig-face", "banana", "red-apple"],
  strangers: ["bicycle"],
};
/** The first four draw what is learned, the last what is asked. */
const ARTISTS = ["noto", "twemoji", "openmoji", "emojione", "fluent-emoji-flat"];

/** Each drawing as it is, mirrored, and turned a little. */
const VIEWS = [(image) => image, (image) => image.flop(), (image) => image.rotate(12)];

for (const [part, names] of Object.entries(PARTS)) {
  for (const artist of part.endsWith("day") ? ARTISTS.slice(0, -1) : ARTISTS.slice(-1)) {
    const set = JSON.parse(await readFile(`node_modules/@iconify-json/${artist}/icons.json`, "utf8"));
    for (const name of names) {
      const folder = `${part}/${name.replace(/^red-|-face$/, "")}`;
      await mkdir(folder, { recursive: true });
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="128" height="128" viewBox="0 0 ${set.width} ${set.height}">${set.icons[name].body}</svg>`;
      for (const [number, view] of VIEWS.entries()) {
        const image = view(sharp(Buffer.from(svg)).flatten({ background: "white" }).png());
        await image.toFile(`${folder}/${artist}-${number}.png`);
      }
    }
  }
}
