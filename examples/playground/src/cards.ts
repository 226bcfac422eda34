/** @file Cards of classes, and pictures on them. */
import { type FilesByFolder, pictureOf, shrunk } from "./pictures.ts";
import { type Card, cardOf, cards, chosen, complain, kept } from "./state.ts";
import { keepSoon } from "./storage.ts";

/** A new card, chosen. @param wanted a free name if it is left out */
export function addCard(wanted?: string): Card {
  const names = cards.value.map(({ name }) => name);
  let number = cards.value.length + 1;
  while (names.includes(`Class ${number}`)) number++;
  const card = cardOf({ name: wanted ?? `Class ${number}`, fresh: [], faces: [], checks: [] });
  cards.value = [...cards.value, card];
  chosen.value = card.id;
  keepSoon(kept, complain);
  return card;
}

/** Pictures to be learned: files are made small. What is no picture is left out, and said. */
export async function addPictures(id: number, files: readonly Blob[]): Promise<void> {
  for (const file of files) {
    try {
      const picture = pictureOf(await shrunk(file));
      change(id, ({ fresh }) => ({ fresh: [...fresh, picture] }));
    } catch (error) {
      complain(error);
    }
  }
}

/** Files of no folder go to the card, folders to the cards of their names. */
export async function addFiles(groups: FilesByFolder, id: number | undefined): Promise<void> {
  if (groups.size === 0) complain("there was no picture in it; JPEG, PNG, WebP and GIF are read");
  for (const [folder, files] of groups) {
    const named = cards.value.find(({ name }) => name === folder);
    const own = folder === "" ? (id ?? chosen.value ?? addCard().id) : (named ?? addCard(folder)).id;
    await addPictures(own, files);
  }
}

export const dropFresh = (id: number, url: string): void =>
  change(id, ({ fresh }) => ({ fresh: fresh.filter((picture) => picture.url !== url) }));

function change(id: number, changes: (card: Card) => Partial<Card>): void {
  cards.value = cards.value.map((card) => (card.id === id ? { ...card, ...changes(card) } : card));
  keepSoon(kept, complain);
}
