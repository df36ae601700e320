// Monaco's colours, taken from the page's design tokens, so that an editor looks like the static cell it replaces.
import { editor } from "monaco-editor/editor.js";

/** The colours themselves come from the page; the name tells only whether contrast is wanted: `hc`, `hc-light`, `hc-dark`. */
export type ThemeName = "light" | "dark" | "hc" | "hc-light" | "hc-dark";

const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** Use the page's present colours for every editor. */
export function applyTheme(name: ThemeName): void {
  const tokens = getComputedStyle(document.documentElement);
  const color = (token: string, fallback: string): string => hex(tokens.getPropertyValue(token).trim() || fallback);
  const dark = luminance(color("--bg-code", "#F8FAF9")) < 0.4;
  const text = color("--text", dark ? "#E5ECEA" : "#14201E");
  const rule = (token: string, variable: string, fontStyle?: string) => ({
    token,
    foreground: color(variable, text).slice(1, 7),
    ...(fontStyle === undefined ? {} : { fontStyle }),
  });
  const base = name.startsWith("hc") ? (dark ? "hc-black" : "hc-light") : dark ? "vs-dark" : "vs";
  const id = `datalayer-${name}-${dark ? "dark" : "light"}`;
  editor.defineTheme(id, {
    base,
    inherit: false,
    rules: [
      { token: "", foreground: text.slice(1, 7) },
      rule("keyword", "--syn-keyword"),
      rule("string", "--syn-string"),
      rule("number", "--syn-number"),
      rule("function", "--syn-func"),
      rule("predefined", "--syn-func"),
      rule("type", "--syn-type"),
      rule("comment", "--syn-comment", "italic"),
      rule("delimiter", "--syn-op"),
      rule("operator", "--syn-op"),
      rule("annotation", "--syn-deco"),
      rule("tag", "--syn-deco"),
      rule("attribute.name", "--syn-type"),
      rule("attribute.value", "--syn-string"),
      rule("variable", "--text"),
      rule("strong", "--text", "bold"),
      rule("emphasis", "--text", "italic"),
    ],
    colors: {
      "editor.background": "#00000000",
      "editor.foreground": text,
      "editorCursor.foreground": color("--text", text),
      "editor.selectionBackground": `${color("--accent", "#0A7A6E").slice(0, 7)}38`,
      "editor.inactiveSelectionBackground": `${color("--accent", "#0A7A6E").slice(0, 7)}20`,
      "editor.lineHighlightBackground": "#00000000",
      "editor.lineHighlightBorder": "#00000000",
      "editorLineNumber.foreground": color("--text-3", "#5E6B68"),
      "editorLineNumber.activeForeground": color("--text-2", "#475552"),
      "editorIndentGuide.background1": color("--line", "#E4E9E7"),
      "editorIndentGuide.activeBackground1": color("--line-strong", "#CDD5D3"),
      "editorBracketMatch.background": `${color("--accent", "#0A7A6E").slice(0, 7)}22`,
      "editorBracketMatch.border": color("--accent-line", "#8CCDC3"),
      "editorWidget.background": color("--bg-raised", "#FFFFFF"),
      "editorWidget.foreground": text,
      "editorWidget.border": color("--line-strong", "#CDD5D3"),
      "editorHoverWidget.background": color("--bg-raised", "#FFFFFF"),
      "editorHoverWidget.border": color("--line-strong", "#CDD5D3"),
      "editorSuggestWidget.background": color("--bg-raised", "#FFFFFF"),
      "editorSuggestWidget.border": color("--line-strong", "#CDD5D3"),
      "editorSuggestWidget.foreground": text,
      "editorSuggestWidget.selectedBackground": color("--bg-selected", "#E4F3F0"),
      "editorSuggestWidget.selectedForeground": text,
      "editorSuggestWidget.highlightForeground": color("--accent-text", "#086A60"),
      "editorSuggestWidget.focusHighlightForeground": color("--accent-text", "#086A60"),
      "list.hoverBackground": color("--bg-hover", "#EDF1F0"),
      "editor.findMatchBackground": color("--mark", "#FFF0B8"),
      "editor.findMatchHighlightBackground": `${color("--mark", "#FFF0B8").slice(0, 7)}99`,
      "input.background": color("--bg-surface", "#FFFFFF"),
      "input.foreground": text,
      "input.border": color("--line-control", "#84918E"),
      focusBorder: color("--focus", "#0A7A6E"),
      "scrollbarSlider.background": `${color("--text-3", "#5E6B68").slice(0, 7)}40`,
      "scrollbarSlider.hoverBackground": `${color("--text-3", "#5E6B68").slice(0, 7)}70`,
      "scrollbarSlider.activeBackground": `${color("--text-3", "#5E6B68").slice(0, 7)}90`,
    },
  });
  editor.setTheme(id);
}

/** What the page looks like now. */
export function presentTheme(): ThemeName {
  const { dataset } = document.documentElement;
  const more = dataset["contrast"] === undefined ? window.matchMedia("(prefers-contrast: more)").matches : dataset["contrast"] === "more";
  const dark = dataset["theme"] === undefined ? window.matchMedia("(prefers-color-scheme: dark)").matches : dataset["theme"] === "dark";
  return more ? (dark ? "hc-dark" : "hc-light") : dark ? "dark" : "light";
}

/** Any CSS colour as `#rrggbb` or `#rrggbbaa`. */
function hex(color: string): string {
  if (/^#([0-9a-f]{6}|[0-9a-f]{8})$/i.test(color) || paint === null) return color;
  paint.clearRect(0, 0, 1, 1);
  paint.fillStyle = color;
  paint.fillRect(0, 0, 1, 1);
  const [r = 0, g = 0, b = 0, a = 255] = paint.getImageData(0, 0, 1, 1).data;
  return `#${[r, g, b, ...(a === 255 ? [] : [a])].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

function luminance(color: string): number {
  const part = (at: number): number => parseInt(color.slice(at, at + 2), 16) / 255;
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}
