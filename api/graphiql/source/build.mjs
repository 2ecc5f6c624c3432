// Builds ../built: assets/ with hashed names, and manifest.json, which says what the page has to load.
import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const SOURCE = fileURLToPath(new URL(".", import.meta.url));
const BUILT = fileURLToPath(new URL("../built", import.meta.url));

const shared = {
  absWorkingDir: SOURCE,
  outdir: `${BUILT}/assets`,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  metafile: true,
  legalComments: "none",
  jsx: "automatic",
  // The old name is CommonJS, whose exports a dynamic import does not see: Prettify would find no parser.
  alias: { "prettier/parser-graphql": "prettier/plugins/graphql" },
  define: { "process.env.NODE_ENV": '"production"' },
};

// GraphiQL's style sheet carries 35 fonts as base64. Monaco's icons and the Latin of the editors' font are worth
// their bytes, as files of their own; the rest is left to the system's fonts.
const fonts = {
  name: "fonts",
  setup({ onLoad, onResolve }) {
    const isKept = (face) => face.includes("codicon") || (face.includes("Fira Code") && face.includes("U+0000-00FF"));
    onLoad({ filter: /graphiql\/dist\/style\.css$/ }, async ({ path }) => {
      const sheet = await readFile(path, "utf8");
      const contents = sheet.replaceAll(/@font-face\s*\{[^}]*\}/g, (face) => (isKept(face) ? face : ""));
      return { contents, loader: "css" };
    });
    onResolve({ filter: /^data:font\// }, ({ path }) => {
      const [, kind, data] = /^data:font\/(\w+);base64,(.*)$/s.exec(path);
      return { path: `font.${kind}`, namespace: "font", pluginData: data };
    });
    onLoad({ filter: /.*/, namespace: "font" }, ({ pluginData }) => ({
      contents: Buffer.from(pluginData, "base64"),
      loader: "file",
    }));
    // The same rules once more: GraphiQL's style sheet already holds all of Monaco's.
    onLoad({ filter: /monaco-editor\/.*\.css$/ }, () => ({ contents: "", loader: "empty" }));
  },
};

function built({ metafile }, entryPoint) {
  const [path, output] = Object.entries(metafile.outputs).find(([, { entryPoint: from }]) => from?.endsWith(entryPoint));
  return { script: basename(path), style: output.cssBundle && basename(output.cssBundle) };
}

// The licences of what is bundled ask to be passed on; the bundles themselves carry none of their comments.
async function licences(...metafiles) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const folders = inputs.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean);
  const texts = [...new Set(folders)].sort().map(async (folder) => {
    const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((candidate) => /^licen[cs]e/i.test(candidate));
    const text = file ? (await readFile(join(folder, file), "utf8")).trim() : "";
    return `${name} ${version} (${license})\n\n${text}`.trim();
  });
  return `${(await Promise.all(texts)).join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

// A test compares this with the files, so that nobody forgets to build.
async function digest() {
  const files = (await readdir(SOURCE, { withFileTypes: true })).filter((entry) => entry.isFile());
  const hash = createHash("sha256");
  for (const name of files.map((entry) => entry.name).sort()) hash.update(await readFile(join(SOURCE, name)));
  return hash.digest("hex");
}

await rm(BUILT, { recursive: true, force: true });

const workers = await build({
  ...shared,
  entryPoints: [
    "monaco-editor/esm/vs/editor/editor.worker.js",
    "monaco-editor/esm/vs/language/json/json.worker.js",
    "monaco-graphql/esm/graphql.worker.js",
  ],
});
const names = ["editor", "json", "graphql"].map((name) => [name, built(workers, `/${name}.worker.js`).script]);

const app = await build({
  ...shared,
  entryPoints: ["main.jsx"],
  plugins: [fonts],
  alias: {
    ...shared.alias,
    "prettier/plugins/estree": "./json_printer.js",
    "prettier/parser-babel": "./json_printer.js",
  },
  define: { ...shared.define, WORKERS: JSON.stringify(Object.fromEntries(names)) },
});

const manifest = { ...built(app, "main.jsx"), source: await digest() };
await writeFile(`${BUILT}/manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
await writeFile(`${BUILT}/LICENCES.txt`, await licences(workers.metafile, app.metafile));
