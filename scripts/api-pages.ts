/** @file Pages of the API, as Markdown, from the comments of what "fm-lora", "fm-lora/node" and "fm-lora/web" export. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application, OptionDefaults, type ProjectReflection } from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Entry points, and how they are imported. */
const PACKAGES: Readonly<Record<string, string>> = {
  "src/index.ts": "fm-lora",
  "src/node/index.ts": "fm-lora/node",
  "src/web/index.ts": "fm-lora/web",
};

const PAGES: PluginOptions = {
  entryFileName: "index",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  hidePageTitle: false,
  sanitizeComments: true, // the site's Markdown has HTML: text must be none
  useHTMLEncodedBrackets: true,
};

/** Writes them. @throws if a comment names what is not there */
export async function writeApiPages(folder: string): Promise<void> {
  const app = await Application.bootstrapWithPlugins({
    name: "API",
    entryPoints: Object.keys(PACKAGES).map((file) => join(ROOT, file)),
    tsconfig: join(ROOT, "tsconfig.build.json"),
    plugin: ["typedoc-plugin-markdown"],
    blockTags: [...OptionDefaults.blockTags, "@file"],
    excludeInternal: true,
    excludePrivate: true,
    disableSources: true, // there is no address to link them to
    readme: "none",
    router: "member",
    validation: { notExported: false, invalidLink: true, invalidPath: true }, // a type that a signature names need not be public
    out: folder,
    skipErrorChecking: true, // tsc has checked them
    treatWarningsAsErrors: true,
    logLevel: "Warn",
    ...PAGES,
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc could not read the sources: its errors are above");
  rename(project);
  app.validate(project);
  await app.generateOutputs(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) {
    throw new Error("the API's comments are not right: TypeDoc's warnings are above");
  }
}

/** TypeDoc calls entry points after their files. */
function rename(project: ProjectReflection): void {
  const names = Object.values(PACKAGES);
  for (const [place, module] of (project.children ?? []).entries()) module.name = names[place]!;
}
