/** @file Classes as cards. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { addCard, addFiles, addPictures, dropFresh } from "./cards.ts";
import { remove, rename } from "./learning.ts";
import { byFolder, droppedFiles } from "./pictures.ts";
import { type Card, cards, chosen, complain, info, known, phase } from "./state.ts";

/** Pictures on a card; more are counted. */
const SHOWN = 12;

export function ClassesPanel() {
  useEffect(() => {
    const paste = (event: ClipboardEvent): void => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      void addPictures(chosen.value ?? addCard().id, files);
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  }, []);
  return (
    <section class="panel" aria-labelledby="classes-title">
      <h2 id="classes-title">Classes</h2>
      <p class="muted">
        Choose a class and hold the camera's button, paste or drop pictures on it, or add a folder that has a
        folder for each class.
      </p>
      <ul class="cards">
        {cards.value.map((card) => (
          <ClassCard key={card.id} card={card} />
        ))}
      </ul>
      <div class="row">
        <button type="button" onClick={() => addCard()}>
          Add a class
        </button>
        <label class="button">
          Add a folder
          <input
            type="file"
            multiple
            class="hidden-input"
            ref={(input) => input?.setAttribute("webkitdirectory", "")}
            onChange={({ currentTarget }) => {
              const files = [...(currentTarget.files ?? [])]; // a live list
              currentTarget.value = "";
              void addFiles(byFolder(files), undefined);
            }}
          />
        </label>
      </div>
    </section>
  );
}

const over = signal<number | null>(null);

function ClassCard({ card }: { readonly card: Card }) {
  const { id, name, fresh, faces } = card;
  const isChosen = chosen.value === id;
  const busy = phase.value !== "ready";
  const learned = info.value?.classes[name] ?? 0;
  const pictures = [...fresh].reverse().slice(0, SHOWN);
  const classes = ["card", isChosen ? "chosen" : "", over.value === id ? "over" : ""].join(" ");
  return (
    <li
      class={classes}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = id;
      }}
      onDragLeave={() => {
        over.value = null;
      }}
      onDrop={(event) => {
        event.preventDefault();
        over.value = null;
        if (event.dataTransfer === null) return;
        droppedFiles(event.dataTransfer).then((groups) => addFiles(groups, id), complain);
      }}
    >
      <div class="row head">
        <input
          class="name-input"
          aria-label={`Name of the class ${name}`}
          value={name}
          disabled={busy}
          onChange={({ currentTarget }) => {
            void rename(card, currentTarget.value).then(() => {
              currentTarget.value = cards.value.find((each) => each.id === id)?.name ?? name;
            });
          }}
        />
        <button
          type="button"
          class="plain"
          disabled={busy}
          aria-label={`Remove the class ${name}`}
          title={known.value.has(name) ? "Remove it from the answers" : "Remove"}
          onClick={() => void remove(card)}
        >
          ✕
        </button>
      </div>
      <p class="muted">
        {learned > 0 ? `${learned} learned` : "not learned yet"}
        {fresh.length > 0 ? `, ${fresh.length} new` : ""}
      </p>
      <div class="pictures">
        {pictures.map(({ url }, i) => (
          <button
            key={url}
            type="button"
            class="picture"
            aria-label={`Leave out new picture ${fresh.length - i} of ${name}`}
            onClick={() => dropFresh(id, url)}
          >
            <img src={url} alt="" />
          </button>
        ))}
        {fresh.length > SHOWN && <span class="more">+{fresh.length - SHOWN}</span>}
        {fresh.length === 0 && faces.map(({ url }) => <img key={url} class="face" src={url} alt="" />)}
      </div>
      <div class="row">
        <button
          type="button"
          aria-pressed={isChosen}
          onClick={() => {
            chosen.value = isChosen ? null : id;
          }}
        >
          {isChosen ? "Chosen" : "Choose"}
          <span class="visually-hidden"> {name}</span>
        </button>
        <label class="button">
          Add files<span class="visually-hidden"> to {name}</span>
          <input
            type="file"
            accept="image/*"
            multiple
            class="hidden-input"
            onChange={({ currentTarget }) => {
              const files = [...(currentTarget.files ?? [])];
              currentTarget.value = "";
              void addPictures(id, files);
            }}
          />
        </label>
      </div>
    </li>
  );
}
