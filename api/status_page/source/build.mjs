// Builds ../built: assets/ with hashed names, and manifest.json, which says what the page has to load.
import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const SOURCE = fileURLToPath(new URL(".", import.meta.url));
const BUILT = fileURLToPath(new URL("../built", import.meta.url));

// A test compares this with the files, so that nobody forgets to build.
async function digest() {
  const files = (await readdir(SOURCE, { withFileTypes: true })).filter((entry) => entry.isFile());
  const hash = createHash("sha256");
  for (const name of files.map((entry) => entry.name).sort()) hash.update(await readFile(join(SOURCE, name)));
  return hash.digest("hex");
}

await rm(BUILT, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: SOURCE,
  entryPoints: ["main.js"],
  outdir: `${BUILT}/assets`,
  entryNames: "[name]-[hash]",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  metafile: true,
  legalComments: "none",
});
const [script, { cssBundle }] = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === "main.js");
const manifest = { script: basename(script), style: basename(cssBundle), source: await digest() };
await writeFile(`${BUILT}/manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
await writeFile(`${BUILT}/LICENCES.txt`, await readFile(join(SOURCE, "node_modules/uplot/LICENSE"), "utf8"));
