import { describe, expect, test } from "vitest";
import type { RunMetrics } from "../../src/metrics/run-metrics.ts";
import { chartDocument } from "../../src/node/runs/chart-document.ts";
import { reportHtml } from "../../src/report/html.ts";
import { groupSites } from "../../src/report/site-ranks.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { exampleRun } from "./example.ts";

function render({ config, metrics, events }: ReturnType<typeof exampleRun>): string {
  return reportHtml(chartDocument(), config, metrics, events);
}

/** Titles of the page's sections. */
function titles(html: string): string[] {
  return [...html.matchAll(/<h2>(.*?)<\/h2>/g)].map((match) => match[1]!);
}

/** Texts of the chart in the section of this title. */
function chartTexts(html: string, title: string): string[] {
  const part = html.split(`<h2>${title}</h2>`)[1]!.split("</section>")[0]!;
  return [...part.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map((match) => match[1]!);
}

describe("reportHtml", () => {
  const example = exampleRun(10);
  const html = render(example);

  test("has every section, in order", () => {
    expect(titles(html)).toEqual([
      "Verdict",
      "Classes",
      "Confusions",
      "Accuracy over tasks",
      "Accuracy matrix",
      "Forgetting by task",
      "Ranks",
      "Similarity of tasks",
      "Training loss",
      "Tasks",
      "Reported by the method",
      "Skipped images",
      "Notes",
      "Configuration",
    ]);
    // Two rank panels, accuracy and loss for pages and phones, and two other matrices.
    expect(html.match(/<svg /g)).toHaveLength(8);
  });

  test("fetches and runs nothing", () => {
    expect(html).not.toMatch(/<(script|link|img|iframe|object|embed|base|form)\b/i);
    expect(html).not.toMatch(/\b(src|href|action)\s*=|url\(|@import|javascript:|\son\w+\s*=/i);
    expect(html.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:/);
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  });

  test("shows the headline numbers", () => {
    const headline = /<dl class="headline">.*?<\/dl>/s.exec(html)![0];
    const values = [...headline.matchAll(/<dd>(.*?)<\/dd>/g)].map((match) =>
      match[1]!.replace(/<\/?small>/g, ""),
    );
    expect(values).toEqual(["83.2 %", "15.0 points", "1.97 MB", "28.3 images/s", "10 min 25 s"]);
  });

  test("says first what came of it, beside no training and guessing", () => {
    const text = /<p class="verdict">(.*?)<\/p>/s.exec(html)![1]!.replaceAll(/<[^>]*>/g, "");
    expect(text).toBe(
      "76.2 % of 5,000 test images are classified right after all 10 tasks (75 to 77 with 95 % confidence), 6.2 points over no training at all.",
    );
    const verdict = (changes: Partial<RunMetrics>): string =>
      /<section><h2>Verdict.*?<\/section>/s.exec(
        render({ ...example, metrics: { ...example.metrics, ...changes } }),
      )![0];
    const few = verdict({
      lastAccuracy: 0.8,
      testImages: [20],
      baseline: { method: "lda", lastAccuracy: 0.9 },
    });
    expect(few).toContain("10.0 points under no training at all: so few images can’t tell the two apart");
    expect(verdict({ baseline: { method: "lda", lastAccuracy: 0.762 } })).toContain(
      "as much as no training at all",
    );
    expect(verdict({ baseline: undefined })).not.toContain("frozen LDA");
    expect(verdict({ forgetting: 0 })).toContain("nothing was forgotten");
    expect(render({ ...example, metrics: { ...example.metrics, lastAccuracy: null } })).not.toContain(
      "Verdict",
    );
  });

  test("names the classes that are known worst and the pairs that are confused most", () => {
    const { metrics } = example;
    const page = render({
      ...example,
      metrics: {
        ...metrics,
        classNames: ["cat", "dog", "emu"],
        confusions: [
          [0, 0, 9],
          [0, 1, 1],
          [1, 0, 6],
          [1, 1, 3],
          [1, -1, 1],
          [2, 2, 10],
        ],
      },
    });
    const section = (title: string): string => page.split(`<h2>${title}</h2>`)[1]!.split("</section>")[0]!;
    const bars = [...section("Classes").matchAll(/<li><span>(.*?)<\/span>.*?<span>([^<]*)<\/span><\/li>/g)];
    expect(bars.map(([, name, value]) => `${name} ${value}`)).toEqual([
      "dog 3 of 10",
      "cat 9 of 10",
      "emu 10 of 10",
    ]);
    const rows = [...section("Confusions").matchAll(/<tr>(<td.*?)<\/tr>/g)];
    expect(
      rows.map(([, row]) =>
        row!
          .replaceAll(/<[^>]*>/g, " ")
          .trim()
          .split(/ +/),
      ),
    ).toEqual([
      ["dog", "cat", "6", "10"],
      ["cat", "dog", "1", "10"],
      ["dog", "(no", "answer)", "1", "10"],
    ]);
    expect(chartTexts(page, "Confusions")).toContain("60");
  });

  test("writes each accuracy into its cell", () => {
    const texts = chartTexts(html, "Accuracy matrix");
    for (const value of example.metrics.accuracyMatrix.flat())
      expect(texts).toContain((100 * value!).toFixed(1));
    expect(texts.filter((text) => /^\d+\.\d$/.test(text))).toHaveLength(55);
  });

  test("writes each rank and each similarity once", () => {
    expect(chartTexts(html, "Ranks").filter((text) => text === "16").length).toBe(
      example.metrics.ranks.flatMap((row) => Object.values(row)).filter((rank) => rank === 16).length,
    );
    expect(chartTexts(html, "Similarity of tasks").filter((text) => /^0\.\d\d$/.test(text))).toHaveLength(45);
  });

  test("shows the configuration by dotted names", () => {
    expect(html).toContain('<td class="left">methodOptions.rank</td><td class="text">16</td>');
    expect(html).toContain("[&quot;query&quot;,&quot;value&quot;]");
    expect(html).toContain('<td class="left">output</td><td class="text">null</td>');
  });

  test("is light, dark and fit for a phone", () => {
    expect(html).toContain("@media (prefers-color-scheme:dark)");
    expect(html).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
  });

  test("names every color that charts use", () => {
    for (const [, name] of html.matchAll(/var\((--[\w-]+)\)/g)) expect(html).toContain(`${name}:`);
  });

  test("the same run gives the same page and stays unchanged", () => {
    const before = JSON.stringify(example);
    expect(render(example)).toBe(html);
    expect(JSON.stringify(example)).toBe(before);
  });

  test("one document serves all pages, and nothing is added to it", () => {
    const { config, metrics, events } = example;
    const document = chartDocument();
    const before = String(document);
    expect(reportHtml(document, config, metrics, events)).toBe(html);
    expect(reportHtml(document, config, metrics, events)).toBe(html);
    expect(String(document)).toBe(before);
  });

  test("100 tasks stay below 500 kB, 10 tasks below 100 kB", () => {
    const hundred = render(exampleRun(100));
    expect(new TextEncoder().encode(hundred).length).toBeLessThan(500_000);
    expect(new TextEncoder().encode(html).length).toBeLessThan(100_000);
    expect(hundred).toContain("<summary>Numbers, in %</summary>");
  });
});

test("hostile names stay text everywhere", () => {
  const evil = `<script>alert("1")</script>'&`;
  const { metrics, events } = exampleRun(3, 2);
  const hostile: RunMetrics = {
    ...metrics,
    method: evil,
    benchmark: evil,
    backbone: evil,
    readout: evil,
    taskNames: [evil, evil, evil],
    readouts: { [evil]: metrics, [`${evil}2`]: metrics },
    ranks: metrics.ranks.map(() => ({ [`blocks.0.${evil}`]: 3, [evil]: 2, constructor: 1 })),
  };
  const hostileEvents: RunEvent[] = [
    ...events.map((event) =>
      event.type === "run-start"
        ? { ...event, notes: [evil] }
        : event.type === "task-start"
          ? { ...event, classNames: [evil] }
          : event.type === "method"
            ? { ...event, values: { [evil]: 1 } }
            : event,
    ),
    { type: "skipped-image", id: evil, reason: evil },
  ];
  const mistakes = [{ image: "data:,", label: evil, answer: evil, sureness: 0.5 }];
  const html = reportHtml(chartDocument(), { [evil]: { [evil]: evil } }, hostile, hostileEvents, mistakes);
  expect(html).not.toMatch(/<script/i);
  expect(html).not.toMatch(/="[^"<>]*<[^"]*"/);
  expect(html).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;");
});

test("sections without data are left out", () => {
  const { metrics } = exampleRun(1);
  const bare: RunMetrics = {
    ...metrics,
    ranks: [],
    stateBytes: [],
    readouts: {},
    confusions: [],
    peakRssBytes: 0,
    taskSeconds: [],
  };
  const html = reportHtml(chartDocument(), null, bare, []);
  expect(titles(html)).toEqual(["Verdict", "Tasks", "Configuration"]);
  expect(titles(reportHtml(chartDocument(), {}, bare, []))).not.toContain("Configuration");
  expect(html).not.toMatch(/NaN|undefined|Infinity|peak memory/);
});

test("a resumed run's repeated events count once, and a diverged loss leaves a gap", () => {
  const { config, metrics, events } = exampleRun(2, 2);
  const diverged = { type: "epoch", task: 1, epoch: 4, loss: null as unknown as number, seconds: 1 } as const;
  const html = reportHtml(chartDocument(), config, metrics, [...events, ...events, diverged]);
  const dots = (page: string): number =>
    page
      .split("<h2>Training loss</h2>")[1]!
      .split('class="narrow"')[0]!
      .match(/<circle/g)!.length;
  expect(dots(reportHtml(chartDocument(), config, metrics, events))).toBe(10);
  expect(dots(html)).toBe(9);
  expect(html.match(/truncated JPEG/g)).toHaveLength(1);
});

test("sites are grouped by projection and sorted by block number", () => {
  const names = [
    "blocks.10.query",
    "blocks.2.query",
    "head",
    "blocks.2.value",
    "vit.encoder.layer.0.attention.query",
  ];
  expect(groupSites(names).map((group) => [group.projection, group.sites.map((site) => site.label)])).toEqual(
    [
      ["attention.query", ["0"]],
      ["other sites", ["head"]],
      ["query", ["2", "10"]],
      ["value", ["2"]],
    ],
  );
});
