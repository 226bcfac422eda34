/** @file The report's style sheet, and the colors that charts name. */

/** Steps of the heat maps' color ramp, --heat-0 (low) to --heat-9. */
export const HEAT_LEVELS = 10;

/** From this step on, a number on the ramp is written in --heat-ink-high. */
export const DARK_TEXT_LEVELS = 6;

/** Width that the page gives a chart, and that a phone does. */
export const CHART_WIDTH = 828;
export const PHONE_WIDTH = 320;

/** Distinguishable line colors, --line-0 to --line-7. */
export const LINE_COLORS = 8;

// One hue from the page's own background to a strong tone, so that low values recede in either mode.
const LIGHT = {
  heat: "eaf1fb d3e2f7 b9d0f1 9bbcea 7ba6e2 5b8fd8 3f76c8 2a62b8 1a4d9f 103a82",
  line: "2563c9 c2571a 17806a 8a4fbf 9a7200 c0396b 5b6b7b 0e7f94",
};
const DARK = {
  heat: "1c2636 1e3048 223d60 274b79 2e5b93 3a6dad 528ad0 6ea0e0 8fb9ee b4d3fb",
  line: "6ea8ff f09a5e 4fcba0 bd93f0 e0b84a f07ba6 a3b1bf 4fc3dc",
};

function variables(colors: typeof LIGHT): string {
  return Object.entries(colors)
    .flatMap(([name, list]) => list.split(" ").map((color, k) => `--${name}-${k}:#${color};`))
    .join("");
}

/** The whole style sheet; light or dark as the reader's system asks. */
export const STYLE = `
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1a2230;--muted:#5a6575;--rule:#dfe3e9;--heat-ink-low:#15202f;--heat-ink-high:#fff;${variables(LIGHT)}}
@media (prefers-color-scheme:dark){:root{--page:#10151d;--card:#171e29;--ink:#e6ebf2;--muted:#9aa7b8;--rule:#2b3544;--heat-ink-low:#e6ebf2;--heat-ink-high:#0b1422;${variables(DARK)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:904px;margin:0 auto;padding:28px 16px 48px}
h1{font-size:26px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 2px}
h3{font-size:14px;margin:12px 0 4px;color:var(--muted);font-weight:600}
p{margin:4px 0}
.about,.caption{color:var(--muted);font-size:13.5px;overflow-wrap:anywhere}
.caption{margin:0 0 10px}
section{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:16px 18px;margin-top:16px}
.headline{display:grid;grid-template-columns:repeat(auto-fit,minmax(124px,1fr));gap:10px;margin:18px 0 0;padding:0}
.headline div{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:11px 11px}
.headline dt{color:var(--muted);font-size:12.5px;white-space:nowrap}
.headline dd{margin:2px 0 0;font-size:24px;font-weight:650;line-height:1.2;font-variant-numeric:tabular-nums;white-space:nowrap}
.headline small{margin-left:-3px;font-size:12.5px;font-weight:400;color:var(--muted)}
.wide{overflow-x:auto;background:linear-gradient(to right,var(--card) 30%,transparent) 0 0/40px 100% local no-repeat,linear-gradient(to left,var(--card) 30%,transparent) 100% 0/40px 100% local no-repeat,linear-gradient(to right,var(--rule),transparent) 0 0/14px 100% scroll no-repeat,linear-gradient(to left,var(--rule),transparent) 100% 0/14px 100% scroll no-repeat}
.wide:focus-visible,summary:focus-visible{outline:2px solid var(--line-0);outline-offset:2px}
.broad,.narrow{margin-bottom:10px}
.narrow{display:none}
.verdict{font-size:17px;margin:0 0 10px}
.verdict strong{font-size:32px;line-height:1.15;font-variant-numeric:tabular-nums}
.bars{list-style:none;margin:8px 0;padding:0;font-size:13.5px;font-variant-numeric:tabular-nums}
.bars li{display:grid;grid-template-columns:minmax(80px,26%) 1fr minmax(64px,auto);gap:10px;align-items:center;padding:2px 0}
.bars li>:first-child{overflow-wrap:anywhere}
.bars li>:last-child{text-align:right}
.track{position:relative;height:12px;border-radius:3px;background:var(--heat-0)}
.track i{position:absolute;inset:0 auto 0 0;border-radius:3px;background:var(--line-0)}
.track .muted{background:var(--line-6)}
.track b{position:absolute;top:-2px;bottom:-2px;border:solid var(--ink);border-width:0 2px;background:linear-gradient(var(--ink),var(--ink)) 0 50%/100% 2px no-repeat}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:14px 12px}
figure{margin:0;font-size:12.5px;line-height:1.35;overflow-wrap:anywhere;break-inside:avoid}
figure img{display:block;width:100%;height:auto;aspect-ratio:1;border-radius:6px;margin-bottom:4px;background:var(--heat-0)}
figcaption{color:var(--muted)}
figcaption b{color:var(--ink);font-weight:600}
dl.words{margin:6px 0 0;font-size:13.5px}
dl.words dt{font-weight:600}
dl.words dd{margin:0 0 6px;color:var(--muted)}
.wide+.wide{margin-top:12px}
.panels{display:flex;flex-wrap:wrap;gap:8px 20px}
.panels>div{max-width:100%}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--rule);white-space:nowrap;vertical-align:top}
th{color:var(--muted);font-weight:600;white-space:normal;vertical-align:bottom}
tr>:first-child{padding-left:0}
tr:last-child>td{border-bottom:0}
.left{text-align:left}
.many td,.many th{padding-inline:5px}
.many tr>:first-child{position:sticky;left:0;padding-left:0;background:var(--card)}
.text{text-align:left;white-space:normal;min-width:180px;overflow-wrap:anywhere}
code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
.key{display:flex;flex-wrap:wrap;gap:2px 18px;list-style:none;margin:0 0 8px;padding:0;font-size:13.5px}
.key i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:7px;vertical-align:middle}
.key .line{margin-right:7px;vertical-align:middle}
.legend{white-space:nowrap;margin-left:14px}
.ramp{display:inline-flex;vertical-align:middle;margin:0 7px}
.ramp i{width:13px;height:11px}
ul.notes{margin:4px 0;padding-left:20px}
summary{cursor:pointer;color:var(--muted);font-size:13.5px;margin-top:8px}
@media (max-width:640px){main{padding:16px 10px 32px}section{padding:12px 12px}.broad{display:none}.narrow{display:block}.legend{margin-left:0;display:block}.left{white-space:normal;overflow-wrap:anywhere}.bars li{grid-template-columns:1fr auto;gap:1px 10px;padding:5px 0}.bars .track{grid-row:2;grid-column:1/3}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#1a2230;--muted:#4a5565;--rule:#dfe3e9;--heat-ink-low:#15202f;--heat-ink-high:#fff;${variables(LIGHT)}}body{font-size:12px;print-color-adjust:exact;-webkit-print-color-adjust:exact}section{break-inside:avoid;border:0;padding:4px 0}.wide{overflow:visible;background:none}main{max-width:none;padding:0}summary{display:none}details::details-content{content-visibility:visible;height:auto}pre{white-space:pre-wrap}}
pre{overflow-x:auto;font:12px/1.45 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;margin:8px 0 0}
`;
