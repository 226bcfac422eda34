/** @file The camera, and what the model says about it. */
import { signal } from "@preact/signals";
import type { Prediction } from "fm-lora";
import { useEffect, useRef } from "preact/hooks";
import { addPictures } from "./cards.ts";
import { theLearner } from "./learning.ts";
import { blobOf, frameOf, shrunk } from "./pictures.ts";
import { cards, chosen, complain, home, info, known, phase } from "./state.ts";

/** Time between two pictures while the button is held. */
const INTERVAL_MS = 200;
/** Between two answers where the network is faster. */
const PAUSE_MS = 100;

const stream = signal<MediaStream | null>(null);
const answer = signal<Prediction | null>(null);

async function toggle(): Promise<void> {
  if (stream.value !== null) {
    for (const track of stream.value.getTracks()) track.stop();
    stream.value = null;
    answer.value = null;
    return;
  }
  try {
    stream.value = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 640 }, height: { ideal: 480 } },
    });
  } catch (error) {
    complain(`the camera can't be used (${(error as Error).message}); drop or choose pictures instead`);
  }
}

export function CameraPanel() {
  const video = useRef<HTMLVideoElement>(null);
  const on = stream.value !== null;
  useEffect(() => {
    if (video.current !== null) video.current.srcObject = stream.value;
  }, [stream.value]);
  useEffect(() => watching(video), []);
  return (
    <section class="panel" aria-labelledby="camera-title">
      <h2 id="camera-title">Camera</h2>
      <div class={on ? "viewer on" : "viewer"}>
        <video ref={video} autoplay muted playsInline hidden={!on} aria-label="What the camera shows" />
        {!on && <p class="muted">The camera is off. {home.value?.promise}</p>}
      </div>
      <div class="row">
        <button type="button" onClick={() => void toggle()}>
          {on ? "Camera off" : "Camera on"}
        </button>
        <Shutter video={video} />
      </div>
      <Answer />
      <TryPicture />
    </section>
  );
}

/** Takes one picture, or many while it is held. */
function Shutter({ video }: { readonly video: { readonly current: HTMLVideoElement | null } }) {
  const timer = useRef<ReturnType<typeof setInterval>>();
  const card = cards.value.find(({ id }) => id === chosen.value);
  const take = async (): Promise<void> => {
    if (card === undefined || video.current === null || video.current.videoWidth === 0) return;
    await addPictures(card.id, [await blobOf(frameOf(video.current))]);
  };
  const release = (): void => clearInterval(timer.current);
  useEffect(() => release, []);
  const hold = (): void => {
    release();
    void take();
    timer.current = setInterval(() => void take(), INTERVAL_MS);
  };
  return (
    <button
      type="button"
      class="primary"
      disabled={stream.value === null || card === undefined}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        hold();
      }}
      onPointerUp={release}
      onPointerCancel={release}
      onKeyDown={(event) => {
        if (event.key !== " " && event.key !== "Enter") return;
        event.preventDefault();
        if (!event.repeat) hold();
      }}
      onKeyUp={release}
      onBlur={release}
    >
      {card === undefined ? "Choose a class to show" : `Hold to show ${card.name}`}
    </button>
  );
}

/** Asks the model for as long as the camera is on. @returns what ends it */
function watching(video: { readonly current: HTMLVideoElement | null }): () => void {
  let over = false;
  const loop = async (): Promise<void> => {
    while (!over) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      const element = video.current;
      const ready = stream.value !== null && element !== null && element.videoWidth > 0;
      if (!ready || phase.value !== "ready" || known.value.size === 0 || document.hidden) continue;
      try {
        const [found] = await theLearner().predict([frameOf(element)]);
        if (stream.value !== null) answer.value = found ?? null;
      } catch {
        // A class was removed, or the model replaced, in the meantime: the next picture tells.
      }
    }
  };
  void loop();
  return () => {
    over = true;
  };
}

function TryPicture() {
  const look = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    answer.value = null;
    try {
      const [found] = await theLearner().predict([await shrunk(file)]);
      answer.value = found ?? null;
    } catch (error) {
      complain(error);
    }
  };
  return (
    <label class="button start">
      Ask about a picture
      <input
        type="file"
        accept="image/*"
        class="hidden-input"
        disabled={phase.value !== "ready" || known.value.size === 0}
        onChange={({ currentTarget }) => {
          void look(currentTarget.files?.[0]);
          currentTarget.value = "";
        }}
      />
    </label>
  );
}

/** Bars in the order of the classes, so that they don't jump. */
function Answer() {
  const names = Object.keys(info.value?.classes ?? {});
  if (names.length === 0) return <p class="muted">What it sees shows here once it has learned something.</p>;
  const found = answer.value;
  const shares = new Map(found?.classes.map(({ className, probability }) => [className, probability]));
  const unknown = found?.unknown === true;
  return (
    <ul class="answer" aria-label="What it sees">
      {names.map((name) => (
        <Bar
          key={name}
          name={name}
          share={found === null ? 0 : (shares.get(name) ?? 0)}
          state={unknown ? "dim" : name === found?.label ? "best" : ""}
        />
      ))}
      <li class={unknown ? "bar best" : "bar dim"}>
        <span class="name">none of these</span>
        <span class="track" />
        <span class="share">{unknown ? "yes" : ""}</span>
      </li>
    </ul>
  );
}

function Bar({
  name,
  share,
  state,
}: {
  readonly name: string;
  readonly share: number;
  readonly state: string;
}) {
  return (
    <li class={`bar ${state}`}>
      <span class="name">{name}</span>
      <span class="track" aria-hidden="true">
        <span class="fill" style={{ width: `${100 * share}%` }} />
      </span>
      <span class="share">{Math.round(100 * share)} %</span>
    </li>
  );
}
