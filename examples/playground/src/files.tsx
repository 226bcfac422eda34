/** @file The model taken along, brought back, or begun anew. */
import { signal } from "@preact/signals";
import type { Form } from "./home.ts";
import { replace, take } from "./learning.ts";
import { home, info, phase } from "./state.ts";

const FORMS = [
  ["peft", "Save for PEFT", "a LoRA adapter"],
  ["onnx", "Save as ONNX", "for transformers.js and any ONNX Runtime"],
  ["safetensors", "Save for transformers", "a whole network"],
] as const;

/** Whether exports leave prompt tokens out. */
const dropPrompts = signal(false);

export function FilesPanel() {
  const keepsModel = home.value?.keepsModel === true;
  const ready = phase.value === "ready";
  const empty = Object.keys(info.value?.classes ?? {}).length === 0;
  return (
    <section class="panel files" aria-labelledby="files-title">
      <h2 id="files-title">Take it along</h2>
      {keepsModel && <ModelFile ready={ready} empty={empty} />}
      <p class="muted">In the formats of other programs, with a README that says how they load it:</p>
      <div class="row">
        {FORMS.map(([form, text, title]) => (
          <button
            key={form}
            type="button"
            title={title}
            disabled={!ready || empty}
            onClick={() => void save(form)}
          >
            {text}
          </button>
        ))}
      </div>
      <label class="inline">
        <input
          type="checkbox"
          checked={dropPrompts.value}
          onChange={({ currentTarget }) => {
            dropPrompts.value = currentTarget.checked;
          }}
        />
        Leave prompt tokens out, which PEFT and transformers have no place for; answers change
      </label>
      {keepsModel && <Anew ready={ready} />}
    </section>
  );
}

interface Readiness {
  readonly ready: boolean;
}

function ModelFile({ ready, empty }: Readiness & { readonly empty: boolean }) {
  return (
    <>
      <p class="muted">
        The model's file works in Node, too: put it into a folder as <code>model.safetensors</code>, then{" "}
        <code>fmlora predict photo.jpg --model FOLDER</code>.
      </p>
      <div class="row">
        <button type="button" disabled={!ready || empty} onClick={() => void save("model")}>
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
      </div>
    </>
  );
}

/** Forgetting, and another network. */
function Anew({ ready }: Readiness) {
  const sure = (): boolean => confirm("Forget the model and all pictures in this browser?");
  return (
    <details>
      <summary>Begin anew</summary>
      <div class="row">
        <button type="button" disabled={!ready} onClick={() => sure() && void replace(null)}>
          Forget everything
        </button>
      </div>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          const field = event.currentTarget.elements.namedItem("network") as HTMLInputElement;
          const name = field.value.trim();
          if (name !== "" && sure()) void replace(null, name);
        }}
      >
        <label class="stacked">
          Another network, by its name on the Hugging Face Hub
          <input class="name-input" name="network" placeholder="facebook/dinov2-small" disabled={!ready} />
        </label>
        <button type="submit" disabled={!ready}>
          Forget everything, and fetch it
        </button>
      </form>
    </details>
  );
}

async function save(form: Form): Promise<void> {
  const parcel = await take(form, dropPrompts.value);
  if (parcel === undefined) return;
  const url = URL.createObjectURL(parcel.blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = parcel.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
