/** @file Which of the server's models is on the page. */
import { start } from "./learning.ts";
import { choose, modelName, models } from "./server-home.ts";
import { info, phase } from "./state.ts";

export function ServerPanel() {
  const names = [...new Set([...models.value, modelName.value])].filter((name) => name !== "");
  const learned = Object.keys(info.value?.classes ?? {}).length > 0;
  const busy = phase.value !== "ready";
  const open = (name: string): void => {
    choose(name);
    void start();
  };
  return (
    <section class="panel server" aria-labelledby="server-title">
      <h2 id="server-title">Model on the server</h2>
      <div class="row">
        <label class="inline">
          Model
          <select
            value={modelName.value}
            disabled={busy}
            onChange={({ currentTarget }) => open(currentTarget.value)}
          >
            {names.map((name) => (
              <option key={name} value={name}>
                {models.value.includes(name) || learned ? name : `${name} (new)`}
              </option>
            ))}
          </select>
        </label>
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault();
            const field = event.currentTarget.elements.namedItem("name") as HTMLInputElement;
            if (field.value.trim() !== "") open(field.value.trim());
            field.value = "";
          }}
        >
          <input
            class="name-input"
            name="name"
            aria-label="Name of a new model"
            placeholder="new model"
            disabled={busy}
          />
          <button type="submit" disabled={busy}>
            Begin it
          </button>
        </form>
        <a href="api">The server's API</a>
      </div>
    </section>
  );
}
