// What build.mjs puts in place of these words.
declare const EDITOR_CSS: string;
declare const EDITOR_WORKER: string;
declare const FRAME_VERSION: string;
declare const PLOTLY: string;
declare const VEGA: string;

declare module "monaco-editor/editor/editor.worker.js";
declare module "monaco-editor/features/*";
declare module "monaco-editor/editor/contrib/*";
declare module "monaco-editor/languages/definitions/*/register.js";
declare module "monaco-editor/languages/definitions/python/python.js" {
  import type { languages } from "monaco-editor/editor.js";
  export const conf: languages.LanguageConfiguration;
}
