/** @file The page. */
import { effect, signal } from "@preact/signals";
import { CameraPanel } from "./camera.tsx";
import { ClassesPanel } from "./classes.tsx";
import { FilesPanel } from "./files.tsx";
import { KnowledgePanel } from "./knowledge.tsx";
import { LearnPanel } from "./learn.tsx";
import { start } from "./learning.ts";
import { download, home, message, phase } from "./state.ts";

const THEMES = ["auto", "light", "dark"] as const;
const THEME = "playground-theme";

const theme = signal(THEMES.find((each) => each === localStorage.getItem(THEME)) ?? "auto");
effect(() => {
  document.documentElement.style.colorScheme = theme.value === "auto" ? "light dark" : theme.value;
  localStorage.setItem(THEME, theme.value);
});

export function App() {
  const Panel = home.value?.Panel;
  return (
    <>
      <header class="top">
        <div>
          <h1>
            <span class="mark">fm-lora</span> playground
          </h1>
          <p class="muted">Teach it things today and others tomorrow. {home.value?.promise}</p>
        </div>
        <label class="theme">
          <span>Colors</span>
          <select
            value={theme.value}
            onChange={({ currentTarget }) => {
              theme.value = currentTarget.value as (typeof THEMES)[number];
            }}
          >
            {THEMES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </header>
      <Start />
      {Panel !== undefined && phase.value !== "locked" && <Panel />}
      <main>
        <div class="column">
          <CameraPanel />
          <FilesPanel />
        </div>
        <div class="column wide">
          <ClassesPanel />
          <LearnPanel />
          <KnowledgePanel />
        </div>
      </main>
      <p class={message.value?.bad ? "toast bad" : "toast"} role={message.value?.bad ? "alert" : "status"}>
        {message.value !== null && (
          <>
            <span>{message.value.text}</span>
            <button
              type="button"
              class="plain"
              aria-label="Close the message"
              onClick={() => {
                message.value = null;
              }}
            >
              ✕
            </button>
          </>
        )}
      </p>
    </>
  );
}

/** The backbone on its way, or why there is no learner. */
function Start() {
  if (phase.value === "failed") {
    return (
      <section class="banner" aria-label="Start">
        <span>The learner did not start.</span>
        <button type="button" onClick={() => void start()}>
          Try again
        </button>
      </section>
    );
  }
  if (phase.value === "locked") return <Lock />;
  if (phase.value !== "starting") return null;
  const { received, total } = download.value ?? { received: 0, total: undefined };
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  return (
    <div class="banner" role="status">
      <label>
        {download.value === null
          ? "Starting"
          : `Fetching the network, once: ${megabytes(received)}${total === undefined ? "" : ` of ${megabytes(total)}`} MB`}
        <progress value={total === undefined ? undefined : received} max={total ?? 1} />
      </label>
    </div>
  );
}

/** The server wants a token. */
function Lock() {
  return (
    <form
      class="banner"
      aria-label="Access"
      onSubmit={(event) => {
        event.preventDefault();
        const { value } = event.currentTarget.elements.namedItem("token") as HTMLInputElement;
        home.value?.unlock?.(value.trim());
        void start();
      }}
    >
      <label class="stacked">
        Token of this server; the tab keeps it until it is closed
        <input class="name-input" type="password" name="token" autocomplete="off" required />
      </label>
      <button type="submit" class="start">
        Go on
      </button>
    </form>
  );
}
