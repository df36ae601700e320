// Completion and hover, answered by the kernel through whoever owns the cell.
import { type editor as monaco, languages, Range } from "monaco-editor/editor.js";

export interface Helper {
  /** A `complete_reply`, its cursors in UTF-16 units of `code`. */
  complete(code: string, cursor: number): Promise<unknown>;
  /** An `inspect_reply`. */
  inspect(code: string, cursor: number): Promise<unknown>;
}

interface Completion {
  matches?: unknown;
  cursor_start?: unknown;
  cursor_end?: unknown;
  metadata?: { _jupyter_types_experimental?: unknown };
}

interface Typed {
  text?: unknown;
  type?: unknown;
  signature?: unknown;
}

const helpers = new WeakMap<monaco.ITextModel, Helper>();
const KINDS: Record<string, languages.CompletionItemKind> = {
  function: languages.CompletionItemKind.Function,
  method: languages.CompletionItemKind.Method,
  class: languages.CompletionItemKind.Class,
  module: languages.CompletionItemKind.Module,
  instance: languages.CompletionItemKind.Variable,
  statement: languages.CompletionItemKind.Variable,
  keyword: languages.CompletionItemKind.Keyword,
  param: languages.CompletionItemKind.Property,
  property: languages.CompletionItemKind.Property,
  path: languages.CompletionItemKind.File,
  magic: languages.CompletionItemKind.Operator,
};

/** Who answers for this text. */
export function helpFor(model: monaco.ITextModel, helper: Helper): void {
  helpers.set(model, helper);
}

languages.registerCompletionItemProvider("*", {
  triggerCharacters: ["."],
  async provideCompletionItems(model, position, _context, token) {
    const helper = helpers.get(model);
    if (helper === undefined || model.getLanguageId() === "markdown") return { suggestions: [] };
    const cursor = model.getOffsetAt(position);
    // The kernel may be busy or gone: then there is nothing to suggest, which is no error.
    const reply = (await helper.complete(model.getValue(), cursor).catch(() => null)) as Completion | null;
    if (reply === null || token.isCancellationRequested || !Array.isArray(reply.matches)) return { suggestions: [] };
    const start = offset(reply.cursor_start, cursor);
    const end = Math.max(offset(reply.cursor_end, cursor), start);
    const range = Range.fromPositions(model.getPositionAt(start), model.getPositionAt(end));
    const typed = new Map<string, Typed>();
    const types = reply.metadata?._jupyter_types_experimental;
    if (Array.isArray(types)) {
      for (const item of types as Typed[]) if (typeof item?.text === "string") typed.set(item.text, item);
    }
    const written = model.getValueInRange(range);
    const suggestions = reply.matches
      .filter((match): match is string => typeof match === "string")
      .slice(0, 2000)
      .map((match, index) => {
        const about = typed.get(match);
        const type = typeof about?.type === "string" ? about.type : "";
        return {
          label: shortened(match, written),
          insertText: match,
          filterText: match,
          kind: KINDS[type] ?? languages.CompletionItemKind.Text,
          sortText: String(index).padStart(5, "0"),
          range,
          ...(typeof about?.signature === "string" ? { detail: about.signature } : {}),
        };
      });
    return { suggestions };
  },
});

languages.registerHoverProvider("*", {
  async provideHover(model, position, token) {
    const helper = helpers.get(model);
    const word = model.getWordAtPosition(position);
    if (helper === undefined || word === null || model.getLanguageId() === "markdown") return null;
    const at = model.getOffsetAt({ lineNumber: position.lineNumber, column: word.endColumn });
    const reply = (await helper.inspect(model.getValue(), at).catch(() => null)) as { found?: unknown; data?: Record<string, unknown> } | null;
    const text = reply?.data?.["text/plain"];
    if (token.isCancellationRequested || reply?.found !== true || typeof text !== "string") return null;
    const plain = text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "").slice(0, 8000);
    return {
      range: new Range(position.lineNumber, word.startColumn, position.lineNumber, word.endColumn),
      contents: [{ value: fenced(plain) }],
    };
  },
});

/** In a list of `df.loc`, `df.iloc`, … people look for what comes after the last dot. */
function shortened(match: string, written: string): string {
  const dot = written.lastIndexOf(".");
  return dot >= 0 && match.startsWith(written.slice(0, dot + 1)) ? match.slice(dot + 1) : match;
}

function offset(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : otherwise;
}

/** As text, whatever it holds: a fence longer than any inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
