/** @file What the model has learned: task by task, how well it still knows it, and what has changed inside. */
import type { TaskInfo } from "fm-lora";
import type { ComponentChildren } from "preact";
import { shareOf } from "./learning.ts";
import { info, nows, thens } from "./state.ts";

const percent = (share: number | null | undefined): string =>
  share === null || share === undefined ? "–" : `${Math.round(100 * share)} %`;

export function KnowledgePanel() {
  const found = info.value;
  if (found === null || found.tasks.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="knowledge-title">
      <h2 id="knowledge-title">What it knows</h2>
      <p class="muted">
        One in five pictures of a class is never learned: on these you see whether it forgets. {checkText()}
      </p>
      <Scroll label="Learned so far">
        <table>
          <thead>
            <tr>
              <th scope="col">Learned</th>
              <th scope="col" class="number">
                Pictures
              </th>
              <th scope="col">Network</th>
              <th scope="col" class="number">
                Right then
              </th>
              <th scope="col" class="number">
                Right now
              </th>
            </tr>
          </thead>
          <tbody>
            {found.tasks.map((task, i) => (
              <tr key={`${i}`}>
                <th scope="row">{namesOf(task).join(", ") || "removed classes"}</th>
                <td class="number">{task.images}</td>
                <td>{task.trained ? "trained" : "as it was"}</td>
                <td class="number">{percent(thens.value[i])}</td>
                <td class="number">{percent(shareOf(namesOf(task), nows.value))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <details>
        <summary>Inside</summary>
        <p>
          Method {found.method}, answers by {found.heads[0]}. What it has learned takes{" "}
          {(found.stateBytes / 1e6).toFixed(1)} MB, beside a network of{" "}
          {(found.backboneParameters / 1e6).toFixed(1)} million parameters that stays as it is.
        </p>
        <Similarity rows={found.similarity} tasks={found.tasks} />
        <Ranks tasks={found.tasks} />
      </details>
    </section>
  );
}

const namesOf = ({ added, updated }: TaskInfo): string[] =>
  [...added, ...updated].filter((name) => name !== "");

function checkText(): string {
  const images = Object.values(nows.value).reduce((sum, each) => sum + each.images, 0);
  return images === 0 ? "There are none yet: they need five pictures of a class." : `${images} so far.`;
}

/** How alike tasks are, by the cosine between their classes. */
function Similarity({
  rows,
  tasks,
}: {
  readonly rows: readonly (readonly (number | null)[])[];
  readonly tasks: readonly TaskInfo[];
}) {
  if (tasks.length < 2) return null;
  return (
    <Scroll label="Similarity of what was learned">
      <table class="heat">
        <caption>How alike what it learned is: 1 the same, 0 unrelated, below 0 opposite</caption>
        <tbody>
          {rows.map((row, i) => (
            <tr key={`${i}`}>
              <th scope="row">{namesOf(tasks[i]!).join(", ")}</th>
              {row.map((value, j) => (
                <td key={`${j}`} style={{ "--heat": Math.abs(value ?? 0) }} class="number">
                  {value === null ? "–" : value.toFixed(2)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Something wide, which narrow screens scroll. */
function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

/** The rank that each layer got for the last task that trained. */
function Ranks({ tasks }: { readonly tasks: readonly TaskInfo[] }) {
  const ranks = Object.entries(tasks.findLast((task) => Object.keys(task.ranks).length > 0)?.ranks ?? {});
  if (ranks.length === 0) return <p class="muted">Ranks show here once the network was trained.</p>;
  const most = Math.max(...ranks.map(([, rank]) => rank), 1);
  return (
    <figure>
      <div class="ranks" role="img" aria-label={ranks.map(([layer, rank]) => `${layer} ${rank}`).join(", ")}>
        {ranks.map(([layer, rank]) => (
          <span key={layer} title={`${layer}: ${rank}`} style={{ height: `${8 + (56 * rank) / most}px` }} />
        ))}
      </div>
      <figcaption class="muted">
        Rank of each layer's update in the last training, from the first layer on; {most} at most
      </figcaption>
    </figure>
  );
}
