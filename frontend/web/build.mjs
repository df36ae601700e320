// Bundles what the browser gets beside the Rust app: build.mjs --out DIR [--dev] [--app app.js]
//
// Without --app: Monaco's facade, the output frame, the store, the chart libraries; every file is named by its
// content, and DIR/bundles.json maps logical names to file names. With --app: the glue wasm-bindgen wrote for a module, in one file.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values } = parseArgs({
  options: { out: { type: "string" }, app: { type: "string" }, dev: { type: "boolean", default: false } },
});
const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(values.out ?? "dist");
const names = {};

const common = {
  absWorkingDir: here,
  bundle: true,
  format: "esm",
  target: ["es2022"],
  minify: !values.dev,
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  outdir: out,
  entryNames: "[name].[hash]",
  chunkNames: "chunk.[hash]",
  assetNames: "[name].[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
  loader: { ".ttf": "file", ".svg": "dataurl" },
};

/** The file an entry point became, and its stylesheet if it has one. */
function outputOf(result, entry) {
  for (const [path, about] of Object.entries(result.metafile.outputs)) {
    if (about.entryPoint === entry) return { js: basename(path), css: about.cssBundle && basename(about.cssBundle) };
  }
  throw new Error(`esbuild wrote nothing for ${entry}`);
}

/** A text under a name made from its content. */
function put(name, ending, text) {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const file = `${name}.${hash}.${ending}`;
  writeFileSync(join(out, file), text);
  names[`${name}.${ending}`] = file;
  return file;
}

/** A program that runs inside the output frame, as one text. */
async function program(entry) {
  const result = await build({ ...common, entryPoints: [entry], format: "iife", write: false, outdir: out });
  return result.outputFiles[0].text;
}

if (values.app) {
  await build({
    ...common,
    entryPoints: [resolve(values.app)],
    entryNames: basename(values.app, ".js"),
    target: ["es2022"],
    // The glue mentions Node's modules only in branches the browser never takes.
    external: ["fs", "util"],
  });
} else {
  const worker = await build({ ...common, entryPoints: { "editor.worker": "src/editor.worker.ts" } });
  names["editor.worker.js"] = outputOf(worker, "src/editor.worker.ts").js;

  const frame = await program("src/frame.ts");
  put("frame", "js", frame);
  const shell = readFileSync(join(here, "src/frame.html"), "utf8").replace("/*frame*/", () => frame.replaceAll("</script", "<\\/script"));
  writeFileSync(join(out, "frame.html"), shell);
  const version = createHash("sha256").update(shell).digest("hex").slice(0, 16);

  const plotly = put("plotly", "js", readFileSync(join(here, "node_modules/plotly.js-strict-dist-min/plotly-strict.min.js"), "utf8"));
  const vega = put("vega", "js", await program("src/vega.ts"));

  // The editor loads its own stylesheet, so the stylesheet's name must be known first.
  const editor = { ...common, entryPoints: ["src/editor.ts"], splitting: true };
  const styles = outputOf(await build({ ...editor, write: false, define: { ...common.define, EDITOR_CSS: '""', EDITOR_WORKER: '""' } }), "src/editor.ts").css;
  const address = (file) => JSON.stringify(`/pkg/${file}`);
  const result = await build({
    ...common,
    splitting: true,
    entryPoints: ["src/editor.ts", "src/host.ts", "src/store.ts"],
    define: {
      ...common.define,
      EDITOR_CSS: address(styles),
      EDITOR_WORKER: address(names["editor.worker.js"]),
      FRAME_VERSION: JSON.stringify(version),
      PLOTLY: address(plotly),
      VEGA: address(vega),
    },
  });
  const made = outputOf(result, "src/editor.ts");
  if (made.css !== styles) throw new Error("the editor's stylesheet changed its name between two builds");
  names["editor.js"] = made.js;
  names["editor.css"] = made.css;
  names["host.js"] = outputOf(result, "src/host.ts").js;
  names["store.js"] = outputOf(result, "src/store.ts").js;
  writeFileSync(join(out, "bundles.json"), JSON.stringify(names, null, 2));
}
