/** @file The learn button, and what is seen while it learns. */
import { signal } from "@preact/signals";
import { cancel, learn, sentence, undo } from "./learning.ts";
import { freshCards, info, losses, phase, progress, result, secondsLeft } from "./state.ts";

const WISHES = [
  ["auto", "where it pays"],
  ["always", "always"],
  ["never", "never, which is fast"],
] as const;

const wish = signal<(typeof WISHES)[number][0]>("auto");

const PHASES = {
  reading: "Reading pictures",
  looking: "Looking at pictures",
  training: "Training",
  checking: "Checking on held-out pictures",
  classifying: "Classifying",
} as const;

export function LearnPanel() {
  const pictures = freshCards.value.reduce((sum, { fresh }) => sum + fresh.length, 0);
  const names = freshCards.value.map(({ name }) => name);
  const learning = phase.value === "working" && progress.value !== null;
  return (
    <section class="panel" aria-labelledby="learn-title">
      <h2 id="learn-title">Learn</h2>
      <p class="muted">
        {pictures === 0
          ? "Nothing new yet: show it something first."
          : `${pictures} new ${pictures === 1 ? "picture" : "pictures"} of ${names.join(", ")}.`}
      </p>
      <div class="row">
        <button
          type="button"
          class="primary"
          disabled={phase.value !== "ready" || pictures === 0}
          onClick={() => void learn(wish.value)}
        >
          Learn
        </button>
        {learning && (
          <button type="button" onClick={cancel}>
            Stop
          </button>
        )}
        <button
          type="button"
          disabled={phase.value !== "ready" || info.value?.canUndo !== true}
          onClick={() => void undo()}
        >
          Undo the last learn
        </button>
        <label class="inline">
          Train the network
          <select
            value={wish.value}
            onChange={({ currentTarget }) => {
              wish.value = currentTarget.value as typeof wish.value;
            }}
          >
            {WISHES.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
      {learning && <Progress />}
      {losses.value.length > 1 && <Losses />}
      {result.value !== null && (
        <p>
          {result.value.heldOut !== null &&
            `${Math.round(100 * result.value.heldOut.accuracy)} % of ${result.value.heldOut.images} held-out pictures right. `}
          {sentence(result.value.reason)}
        </p>
      )}
    </section>
  );
}

function Progress() {
  const { phase: now, done, total } = progress.value!;
  const left = secondsLeft.value;
  return (
    <label class="progress">
      <span>
        {PHASES[now]}: {done} of {total}
        {left === null ? "" : `, ${left < 1 ? "less than a second" : `about ${Math.ceil(left)} s`} left`}
      </span>
      <progress value={done} max={total} />
    </label>
  );
}

const [WIDTH, HEIGHT] = [320, 72];

/** The loss of every step. */
function Losses() {
  const all = losses.value;
  const most = Math.max(...all);
  const points = all.map(
    (loss, i) =>
      `${((WIDTH * i) / (all.length - 1)).toFixed(1)},${(HEIGHT - 4 - (HEIGHT - 8) * (loss / most)).toFixed(1)}`,
  );
  const last = all.at(-1)!;
  return (
    <figure class="losses">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label="Loss by step">
        <polyline points={points.join(" ")} />
      </svg>
      <figcaption class="muted">
        Loss by step: {all[0]!.toFixed(2)} at first, {last.toFixed(2)} at step {all.length}
      </figcaption>
    </figure>
  );
}
