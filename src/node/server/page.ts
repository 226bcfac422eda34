/** @file The page of the API: a form for every route, made from its description. */

/** The page. */
export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fm-lora</title>
<link rel="stylesheet" href="page.css">
<script type="module" src="page.js"></script>
<main>
  <h1>fm-lora</h1>
  <p>Models that keep learning. Each form below is one request of the server's API; the whole description is
    <a href="openapi.json">openapi.json</a>, and to show it things there is <a href="./">the playground</a>.</p>
  <p id="access" hidden><label>Token <input id="token" type="password" autocomplete="off"></label></p>
  <p id="failure" role="alert" hidden></p>
  <div id="routes"></div>
</main>
</html>
`;

/** Its looks. */
export const STYLE = `:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 25%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 46rem; margin: 0 auto; padding: 1rem; }
h2 { margin: 2rem 0 0.5rem; text-transform: capitalize; }
details { border: 1px solid var(--line); border-radius: 0.5rem; margin: 0.5rem 0; }
summary { padding: 0.5rem 0.75rem; cursor: pointer; }
summary code { margin-right: 0.5rem; overflow-wrap: anywhere; }
form { padding: 0 0.75rem 0.75rem; display: grid; gap: 0.6rem; }
label { display: grid; gap: 0.15rem; }
label small { opacity: 0.8; }
input, select, button { font: inherit; padding: 0.35rem 0.5rem; max-width: 100%; box-sizing: border-box; }
button { justify-self: start; cursor: pointer; }
pre, output { display: block; white-space: pre-wrap; overflow-wrap: anywhere; font: 0.85rem/1.45 ui-monospace, monospace; margin: 0; }
output { border-top: 1px solid var(--line); padding-top: 0.5rem; }
output:empty { display: none; }
progress { width: 100%; }
`;

/** What makes the forms, and sends them. */
export const SCRIPT = String.raw`const $ = (id) => document.getElementById(id);
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const authorization = () => ($("token").value === "" ? {} : { Authorization: "Bearer " + $("token").value });

/** An input for a parameter of a route. */
function field({ name, in: place, required, description, schema }) {
  const input = schema.enum
    ? element("select", {}, ...(required ? [] : [element("option", { value: "" })]), ...schema.enum.map((value) => element("option", { value }, value)))
    : element("input", { required, value: schema.example ?? "" });
  if (schema.default !== undefined) input.value = schema.default;
  Object.assign(input.dataset, { name, place });
  return element("label", {}, name, input, ...(description ? [element("small", {}, description)] : []));
}

/** Inputs for a body: files, under a name of one's own where names are classes; else its JSON fields. */
function bodyFields(content) {
  const form = content["multipart/form-data"]?.schema;
  if (form !== undefined) {
    const [name] = Object.keys(form.properties);
    const own = element("input", { value: name, required: true });
    own.dataset.place = "field";
    const files = element("input", { type: "file", multiple: true, required: true, accept: "image/jpeg,image/png,image/webp,image/gif" });
    files.dataset.place = "files";
    const named = form.additionalProperties ? [element("label", {}, "class", own)] : [element("span", { hidden: true }, own)];
    return [...named, element("label", {}, "images", files)];
  }
  const fields = content["application/json"].schema;
  return Object.entries(fields.properties).map(([name, schema]) => field({ name, in: "json", required: true, schema }));
}

/** What a form says, as a request. */
function requestOf(method, path, form) {
  const search = new URLSearchParams();
  const json = {};
  let body;
  for (const input of form.querySelectorAll("[data-place]")) {
    const { name, place } = input.dataset;
    if (place === "path") path = path.replace("{" + name + "}", encodeURIComponent(input.value));
    else if (place === "query" && input.value !== "") search.set(name, input.value);
    else if (place === "json") json[name] = input.value;
    else if (place === "files") {
      body = new FormData();
      const named = form.querySelector("[data-place=field]").value;
      for (const file of input.files) body.append(named, file, file.name);
    }
  }
  const headers = authorization();
  if (Object.keys(json).length > 0) {
    body = JSON.stringify(json);
    headers["Content-Type"] = "application/json";
  }
  const query = search.size === 0 ? "" : "?" + search;
  return [path.slice(1) + query, { method: method.toUpperCase(), headers, body }];
}

/** Shows an answer as it comes: events one by one, JSON laid out, archives as a download. */
async function show(response, output) {
  const type = response.headers.get("Content-Type") ?? "";
  output.textContent = response.status + " " + response.statusText + "\n";
  if (type.startsWith("application/json")) {
    const answer = await response.json();
    output.append(JSON.stringify(answer, null, 2));
    if (response.status === 202 && answer.status === "waiting") await follow(answer.id, output);
  } else if (type.startsWith("text/")) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) output.append(part.value);
  } else {
    const [, filename] = /filename="(.*)"/.exec(response.headers.get("Content-Disposition") ?? "") ?? [null, "download"];
    const href = URL.createObjectURL(await response.blob());
    output.append(element("a", { href, download: filename }, "save " + filename));
  }
}

/** A job's progress until it ends. */
async function follow(id, output) {
  const bar = element("progress", { max: 1, value: 0 });
  output.replaceChildren(bar);
  for (;;) {
    const job = await (await fetch("jobs/" + id, { headers: authorization() })).json();
    const { progress, status } = job;
    bar.value = progress ? progress.done / Math.max(progress.total, 1) : 0;
    if (["done", "failed", "cancelled"].includes(status)) {
      output.textContent = JSON.stringify(job, null, 2);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

const resolved = (api, schema) => (schema?.$ref ? api.components.schemas[schema.$ref.split("/").at(-1)] : schema);

async function start() {
  const api = await (await fetch("openapi.json")).json();
  $("access").hidden = api.security.length === 0;
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, route] of Object.entries(methods)) {
      const [tag] = route.tags;
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([method, path, route]);
    }
  }
  for (const [tag, routes] of groups) {
    $("routes").append(element("h2", {}, tag));
    for (const [method, path, route] of routes) {
      const content = route.requestBody?.content ?? {};
      for (const each of Object.values(content)) each.schema = resolved(api, each.schema);
      const output = element("output", { ariaLive: "polite" });
      const form = element(
        "form",
        {},
        ...(route.description ? [element("p", {}, route.description)] : []),
        ...(route.parameters ?? []).map(field),
        ...(route.requestBody ? bodyFields(content) : []),
        element("button", {}, "Send"),
        output,
      );
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        output.textContent = "…";
        const [address, request] = requestOf(method, path, form);
        await fetch(address, request).then((response) => show(response, output)).catch((error) => (output.textContent = String(error)));
      });
      $("routes").append(element("details", {}, element("summary", {}, element("code", {}, method.toUpperCase() + " " + path), route.summary), form));
    }
  }
}

start().catch((error) => Object.assign($("failure"), { hidden: false, textContent: "The description of the server can't be read: " + error }));
`;
