/** @file The model as a file: taken along, brought back, or begun anew. */
import { modelFile, replace } from "./learning.ts";
import { complain, info, phase } from "./state.ts";

export function FilesPanel() {
  const ready = phase.value === "ready";
  const empty = Object.keys(info.value?.classes ?? {}).length === 0;
  return (
    <section class="panel files" aria-labelledby="files-title">
      <h2 id="files-title">The model's file</h2>
      <p class="muted">
        The same file works in Node: put it into a folder as <code>model.safetensors</code>, then{" "}
        <code>fmlora predict photo.jpg --model FOLDER</code>.
      </p>
      <div class="row">
        <button type="button" disabled={!ready || empty} onClick={() => void save()}>
          Save the file
        </button>
        <label class="button">
          Open a file
          <input
            type="file"
            accept=".safetensors"
            class="hidden-input"
            disabled={!ready}
            onChange={({ currentTarget }) => {
              const file = currentTarget.files?.[0];
              currentTarget.value = "";
              if (file !== undefined) void replace(file);
            }}
          />
        </label>
        <button
          type="button"
          disabled={!ready || empty}
          onClick={() => {
            if (confirm("Forget the model and all pictures in this browser?")) void replace(null);
          }}
        >
          Forget everything
        </button>
      </div>
    </section>
  );
}

async function save(): Promise<void> {
  try {
    const url = URL.createObjectURL(await modelFile());
    const link = document.createElement("a");
    link.href = url;
    link.download = "model.safetensors";
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    complain(error);
  }
}
