// The Monaco facade: one call per thing the notebook wants, so that the border to Rust stays narrow.
//
// Importing this module loads Monaco's stylesheet too; when the import resolves, `mount` draws at once.
import { editor as monaco, KeyCode, KeyMod, Range, Uri } from "monaco-editor/editor.js";
import "monaco-editor/features/bracketMatching/register.js";
import "monaco-editor/features/caretOperations/register.js";
import "monaco-editor/features/clipboard/register.js";
import "monaco-editor/features/codicon/register.js";
import "monaco-editor/features/comment/register.js";
import "monaco-editor/features/find/register.js";
import "monaco-editor/features/folding/register.js";
import "monaco-editor/features/hover/register.js";
import "monaco-editor/features/indentation/register.js";
import "monaco-editor/features/lineSelection/register.js";
import "monaco-editor/features/linesOperations/register.js";
import "monaco-editor/features/multicursor/register.js";
import "monaco-editor/features/placeholderText/register.js";
import "monaco-editor/features/readOnlyMessage/register.js";
import "monaco-editor/features/smartSelect/register.js";
import "monaco-editor/features/snippet/register.js";
import "monaco-editor/editor/contrib/suggest/browser/suggestController.js";
import "monaco-editor/features/suggest/register.js";
import "monaco-editor/features/tokenization/register.js";
import "monaco-editor/features/toggleTabFocusMode/register.js";
import "monaco-editor/features/wordHighlighter/register.js";
import "monaco-editor/features/wordOperations/register.js";

import { Carets, type PeerCaret } from "./carets.js";
import { helpFor, type Helper } from "./help.js";
import { languageId } from "./languages.js";
import { onLook } from "./look.js";
import { applyTheme, presentTheme, type ThemeName } from "./themes.js";

export interface Options {
  /** Names the text among others: the cell's id. Its model, undo-free and with its view state, is kept. */
  key?: string;
  text: string;
  language: string;
  readOnly: boolean;
  /** What a screen reader calls the editor. */
  label: string;
  theme?: ThemeName;
  lineNumbers: boolean;
}

export interface Events extends Helper {
  /** `[offset, deleted, inserted, …]`, UTF-16, positions before the change, from the end of the text to its start. */
  change(flat: (number | string)[]): void;
  selection(anchor: number, head: number): void;
  /** A notebook key: `true` where the notebook dealt with it. */
  key(name: KeyName): boolean;
  focus(): void;
  blur(): void;
  height(px: number): void;
  /** An input method has begun, or is done: until then nobody but the person here may change the text. */
  composing(on: boolean): void;
}

export type KeyName = "escape" | "run-next" | "run" | "run-below" | "save" | "undo" | "redo" | "up" | "down" | "split";

/** Compositions that follow each other without a pause count as one for so long. */
const CHAIN_MS = 2_000;

const PLAIN = "!suggestWidgetVisible && !findWidgetVisible && !renameInputVisible";

// One stylesheet and one worker for all editors.
await stylesheet(EDITOR_CSS);
(globalThis as { MonacoEnvironment?: unknown }).MonacoEnvironment = {
  getWorker: () => new Worker(EDITOR_WORKER, { type: "module", name: "editor" }),
};

// Every editor follows the page's colours by itself.
onLook(() => applyTheme(presentTheme()));

const mounted = new Map<monaco.IStandaloneCodeEditor, Editor>();

/** Put an editor into `host`. */
export function mount(host: HTMLElement, options: Options, events: Events): Editor {
  return new Editor(host, options, events);
}

/** Give the colours of the page to every editor; call it again when the page's theme changes. */
export function theme(name: ThemeName): void {
  applyTheme(name);
}

export class Editor {
  readonly #code: monaco.IStandaloneCodeEditor;
  readonly #host: HTMLElement;
  readonly #events: Events;
  readonly #carets: Carets;
  readonly #size: ResizeObserver;
  readonly #texts = new Map<string, { model: monaco.ITextModel; view: monaco.ICodeEditorViewState | null }>();
  #key = "";
  /** While this is set, what happens to the text was not done by the person here. */
  #guarded = false;
  #composing = false;
  #composingSince = 0;
  #settling: number | undefined;

  constructor(host: HTMLElement, options: Options, events: Events) {
    this.#host = host;
    this.#events = events;
    applyTheme(options.theme ?? presentTheme());
    const tokens = getComputedStyle(document.documentElement);
    this.#code = monaco.create(host, {
      model: null,
      ariaLabel: options.label,
      fontFamily: tokens.getPropertyValue("--font-mono").trim() || "ui-monospace, monospace",
      fontSize: 12.5,
      lineHeight: 20,
      fontLigatures: false,
      lineNumbers: options.lineNumbers ? "on" : "off",
      // With numbers the text begins where it does in a cell that is not written in (`.code__numbers`).
      lineNumbersMinChars: 4,
      lineDecorationsWidth: 14,
      folding: true,
      showFoldingControls: "never",
      glyphMargin: false,
      minimap: { enabled: false },
      overviewRulerLanes: 0,
      overviewRulerBorder: false,
      hideCursorInOverviewRuler: true,
      renderLineHighlight: "none",
      padding: { top: 9, bottom: 10 },
      scrollBeyondLastLine: false,
      scrollBeyondLastColumn: 2,
      // The page scrolls, not the cell: only what the cell can use itself is taken from the wheel.
      scrollbar: { vertical: "hidden", horizontalScrollbarSize: 8, alwaysConsumeMouseWheel: false, useShadows: false },
      mouseWheelZoom: false,
      automaticLayout: false,
      fixedOverflowWidgets: true,
      contextmenu: false,
      links: false,
      tabSize: 4,
      insertSpaces: true,
      detectIndentation: false,
      wordBasedSuggestions: "off",
      quickSuggestions: { other: true, comments: false, strings: false },
      quickSuggestionsDelay: 120,
      suggest: { showStatusBar: false, preview: false },
      parameterHints: { enabled: false },
      occurrencesHighlight: "singleFile",
      // It would start the worker for every text only to mark letters that are not ASCII.
      unicodeHighlight: { ambiguousCharacters: false, invisibleCharacters: false, nonBasicASCII: false },
      accessibilitySupport: "auto",
      stickyScroll: { enabled: false },
      dragAndDrop: false,
      "semanticHighlighting.enabled": false,
    });
    this.#carets = new Carets(this.#code);
    this.#listen();
    mounted.set(this.#code, this);
    this.show(options.key ?? "", options.text, options.language, options.readOnly, options.label);
    this.#size = new ResizeObserver(() => this.layout());
    this.#size.observe(host);
    void document.fonts.ready.then(() => monaco.remeasureFonts());
  }

  /** Show another text; the one left keeps its scroll, folds and selection for when it comes back. */
  show(key: string, text: string, language: string, readOnly: boolean, label: string): void {
    const same = key === this.#key && this.#texts.has(key);
    const leaving = this.#texts.get(this.#key);
    if (leaving !== undefined && !same) leaving.view = this.#code.saveViewState();
    this.#guard(() => {
      if (!same) this.#carets.set([]);
      let entry = this.#texts.get(key);
      if (entry === undefined) {
        // Empty at first: what a model is made of loses a U+FEFF at its beginning, and everybody else counts it.
        const model = monaco.createModel("", languageId(language), Uri.parse(`cell:/${nextModel++}`));
        model.setEOL(monaco.EndOfLineSequence.LF);
        bring(model, lines(text));
        entry = { model, view: null };
        this.#texts.set(key, entry);
        this.#evict(key);
      } else {
        bring(entry.model, lines(text));
        monaco.setModelLanguage(entry.model, languageId(language));
      }
      this.#key = key;
      const prose = languageId(language) === "markdown" || languageId(language) === "plaintext";
      this.#code.updateOptions({ readOnly, ariaLabel: label, wordWrap: prose ? "on" : "off", domReadOnly: readOnly });
      if (this.#code.getModel() !== entry.model) this.#code.setModel(entry.model);
      if (entry.view !== null && !same) this.#code.restoreViewState(entry.view);
    });
    this.layout();
  }

  /** Someone else's edits: `[offset, deleted, inserted, …]` in positions before any of them. */
  apply(flat: (number | string)[]): void {
    const model = this.#code.getModel();
    if (model === null) return;
    const edits: monaco.IIdentifiedSingleEditOperation[] = [];
    for (let at = 0; at + 2 < flat.length; at += 3) {
      const offset = Number(flat[at]);
      const from = model.getPositionAt(offset);
      const to = model.getPositionAt(offset + Number(flat[at + 1]));
      edits.push({ range: Range.fromPositions(from, to), text: lines(String(flat[at + 2])), forceMoveMarkers: false });
    }
    this.#guard(() => model.applyEdits(edits));
    this.#carets.follow();
  }

  text(): string {
    return this.#code.getModel()?.getValue(monaco.EndOfLinePreference.LF) ?? "";
  }

  select(anchor: number, head: number): void {
    const model = this.#code.getModel();
    if (model === null) return;
    const [from, to] = [model.getPositionAt(anchor), model.getPositionAt(head)];
    this.#code.setSelection({
      selectionStartLineNumber: from.lineNumber,
      selectionStartColumn: from.column,
      positionLineNumber: to.lineNumber,
      positionColumn: to.column,
    });
    this.#code.revealPosition(to);
  }

  /** Where the others are in this text. */
  carets(peers: PeerCaret[]): void {
    this.#carets.set(peers);
  }

  focus(): void {
    this.#code.focus();
  }

  /** Let what an input method has in hand stand as it is, soon. */
  endComposition(): void {
    setTimeout(() => {
      if (!this.#composing) return;
      const writing = this.#code.hasTextFocus();
      if (writing) (document.activeElement as HTMLElement | null)?.blur();
      this.#settle();
      if (writing) this.#code.focus();
    });
  }

  hasFocus(): boolean {
    return this.#code.hasTextFocus();
  }

  /** Take the host's width, or the one given, and the content's height. */
  layout(width = this.#host.clientWidth): void {
    const height = this.#code.getContentHeight();
    this.#host.style.height = `${height}px`;
    this.#code.layout({ width, height });
  }

  theme(name: ThemeName): void {
    applyTheme(name);
  }

  /** Show or hide the numbers of the lines. */
  lineNumbers(on: boolean): void {
    this.#code.updateOptions({ lineNumbers: on ? "on" : "off" });
    this.#carets.follow();
  }

  language(name: string): void {
    const model = this.#code.getModel();
    if (model !== null) monaco.setModelLanguage(model, languageId(name));
  }

  /** Forget a text that will not be shown again, such as a deleted cell's. */
  drop(key: string): void {
    const entry = this.#texts.get(key);
    if (entry === undefined) return;
    this.#texts.delete(key);
    if (this.#code.getModel() === entry.model) this.#guard(() => this.#code.setModel(null));
    entry.model.dispose();
  }

  dispose(): void {
    clearTimeout(this.#settling);
    this.#size.disconnect();
    this.#carets.dispose();
    mounted.delete(this.#code);
    this.#guarded = true;
    this.#code.dispose();
    for (const { model } of this.#texts.values()) model.dispose();
    this.#texts.clear();
  }

  /** A notebook key pressed here; what the notebook does not want, Monaco gets. */
  press(name: KeyName): void {
    if ((name === "up" || name === "down") && !this.#atEdge(name)) {
      this.#code.trigger("keyboard", name === "up" ? "cursorUp" : "cursorDown", null);
      return;
    }
    if (this.#events.key(name)) return;
    const fallback: Partial<Record<KeyName, string>> = { up: "cursorUp", down: "cursorDown" };
    const command = fallback[name];
    if (command !== undefined) this.#code.trigger("keyboard", command, null);
  }

  #listen(): void {
    const code = this.#code;
    code.onDidChangeModelContent((event) => {
      if (this.#guarded || event.isEolChange) return;
      const changes = [...event.changes].sort((a, b) => b.rangeOffset - a.rangeOffset);
      this.#events.change(changes.flatMap((change) => [change.rangeOffset, change.rangeLength, lines(change.text)]));
      this.#carets.follow();
    });
    code.onDidChangeCursorSelection(({ selection }) => {
      const model = code.getModel();
      if (this.#guarded || model === null) return;
      const anchor = model.getOffsetAt({ lineNumber: selection.selectionStartLineNumber, column: selection.selectionStartColumn });
      this.#events.selection(anchor, model.getOffsetAt(selection.getPosition()));
    });
    code.onDidFocusEditorText(() => this.#events.focus());
    code.onDidBlurEditorWidget(() => this.#events.blur());
    code.onDidCompositionStart(() => {
      clearTimeout(this.#settling);
      if (this.#composing) return;
      this.#composing = true;
      this.#composingSince = performance.now();
      this.#events.composing(true);
    });
    code.onDidCompositionEnd(() => this.#composed());
    // Whoever is taken out of the page hears of no end.
    code.onDidBlurEditorText(() => this.#composed());
    code.onDidContentSizeChange((change) => {
      if (!change.contentHeightChanged) return;
      this.layout();
      this.#events.height(change.contentHeight);
    });
    code.onDidChangeModel(() => {
      const model = code.getModel();
      if (model !== null) helpFor(model, this.#events);
    });
    // The mark some programs begin a file with is no part of its text, and Python refuses it.
    const unmarked = (event: ClipboardEvent): void => {
      const text = event.clipboardData?.getData("text/plain") ?? "";
      if (!text.startsWith("\u{feff}") || !code.hasTextFocus()) return;
      event.preventDefault();
      event.stopPropagation();
      code.trigger("keyboard", "paste", { text: text.slice(1), pasteOnNewLine: false, multicursorText: null });
    };
    this.#host.addEventListener("paste", unmarked, { capture: true });
  }

  /** The input method is done; some browsers tell the last of its text only afterwards. */
  #composed(): void {
    if (!this.#composing) return;
    clearTimeout(this.#settling);
    // Some begin the next syllable with the key that ends this one: who writes on and on must see the others all the same.
    if (performance.now() - this.#composingSince > CHAIN_MS) this.#settle();
    else this.#settling = window.setTimeout(() => this.#settle());
  }

  #settle(): void {
    clearTimeout(this.#settling);
    if (!this.#composing) return;
    this.#composing = false;
    this.#events.composing(false);
  }

  /** Is the caret on the first or the last line as drawn, with nothing selected? */
  #atEdge(name: "up" | "down"): boolean {
    const model = this.#code.getModel();
    const selection = this.#code.getSelection();
    if (model === null || selection === null || !selection.isEmpty()) return false;
    const line = name === "up" ? 1 : model.getLineCount();
    const edge = name === "up" ? { lineNumber: 1, column: 1 } : { lineNumber: line, column: model.getLineMaxColumn(line) };
    const at = selection.getPosition();
    return this.#code.getTopForPosition(at.lineNumber, at.column) === this.#code.getTopForPosition(edge.lineNumber, edge.column);
  }

  #guard(work: () => void): void {
    const before = this.#guarded;
    this.#guarded = true;
    try {
      work();
    } finally {
      this.#guarded = before;
    }
  }

  /** Keep the texts used last; a pool that walks through ten thousand cells must not keep them all. */
  #evict(newest: string): void {
    for (const [key, { model }] of this.#texts) {
      if (this.#texts.size <= 40) return;
      if (key === newest || model === this.#code.getModel()) continue;
      this.#texts.delete(key);
      model.dispose();
    }
  }
}

let nextModel = 1;

/** Make a kept model say what the document says now, with the smallest edit. */
function bring(model: monaco.ITextModel, text: string): void {
  const old = model.getValue(monaco.EndOfLinePreference.LF);
  if (old === text) return;
  let start = 0;
  const most = Math.min(old.length, text.length);
  while (start < most && old.charCodeAt(start) === text.charCodeAt(start)) start += 1;
  let end = 0;
  while (end < most - start && old.charCodeAt(old.length - 1 - end) === text.charCodeAt(text.length - 1 - end)) end += 1;
  const range = Range.fromPositions(model.getPositionAt(start), model.getPositionAt(old.length - end));
  model.applyEdits([{ range, text: text.slice(start, text.length - end) }]);
}

/** Every line ends with LF: anything else would shift the offsets the others count. */
function lines(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

function stylesheet(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = address;
    link.onload = () => resolve();
    link.onerror = () => reject(new Error("the editor's styles could not be loaded; check the connection and try again"));
    document.head.append(link);
  });
}

/** The keys that belong to the notebook, in every editor. */
const KEYS: [KeyName, number[], string][] = [
  ["escape", [KeyCode.Escape], `${PLAIN} && !editorHasMultipleSelections && !editorHoverVisible && !inSnippetMode`],
  ["run-next", [KeyMod.Shift | KeyCode.Enter], "!findWidgetVisible"],
  ["run", [KeyMod.CtrlCmd | KeyCode.Enter, KeyMod.WinCtrl | KeyCode.Enter], "!findWidgetVisible"],
  ["run-below", [KeyMod.Alt | KeyCode.Enter], "!findWidgetVisible"],
  ["save", [KeyMod.CtrlCmd | KeyCode.KeyS], ""],
  ["undo", [KeyMod.CtrlCmd | KeyCode.KeyZ], ""],
  ["redo", [KeyMod.CtrlCmd | KeyMod.Shift | KeyCode.KeyZ, KeyMod.CtrlCmd | KeyCode.KeyY], ""],
  ["up", [KeyCode.UpArrow], `${PLAIN} && !editorHasMultipleSelections`],
  ["down", [KeyCode.DownArrow], `${PLAIN} && !editorHasMultipleSelections`],
  ["split", [KeyMod.CtrlCmd | KeyMod.Shift | KeyCode.Minus], ""],
];

for (const [name, keybindings, when] of KEYS) {
  const command = `datalayer.${name}`;
  monaco.addCommand({
    id: command,
    run: () => {
      for (const [code, editor] of mounted) {
        if (code.hasTextFocus()) return editor.press(name);
      }
    },
  });
  monaco.addKeybindingRules(
    keybindings.map((keybinding) => ({
      keybinding,
      command,
      when: ["editorTextFocus", when].filter(Boolean).join(" && "),
    })),
  );
}
