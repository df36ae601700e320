// The languages a notebook is written in, coloured the way the static cells are.
import { languages } from "monaco-editor/editor.js";
import { conf } from "monaco-editor/languages/definitions/python/python.js";
import "monaco-editor/languages/definitions/html/register.js";
import "monaco-editor/languages/definitions/javascript/register.js";
import "monaco-editor/languages/definitions/markdown/register.js";
import "monaco-editor/languages/definitions/r/register.js";
import "monaco-editor/languages/definitions/scala/register.js";
import "monaco-editor/languages/definitions/shell/register.js";
import "monaco-editor/languages/definitions/sql/register.js";
import "monaco-editor/languages/definitions/yaml/register.js";

// Python as people write it in notebooks, by the same rules as the static cells (app/src/highlight.rs), so that nothing
// changes colour when an editor takes a cell's place: magics and shell lines are not errors, calls look like calls.
const NAME = "[\\p{L}_][\\p{L}\\p{N}_]*";
const word = (otherwise: string): languages.IExpandedMonarchLanguageAction => ({
  cases: { "@keywords": "keyword", "[A-Z]\\w*[a-z]\\w*": "type", "@default": otherwise },
});
const python: languages.IMonarchLanguage = {
  tokenPostfix: ".python",
  unicode: true,
  keywords: [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "match", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
  ],
  tokenizer: {
    root: [
      [/^\s*[%!].*$/, "annotation"],
      [/^\s*@[\w.]*/, "annotation"],
      [/\s+/, "white"],
      [/#.*$/, "comment"],
      [`(def|class)(\\s+)(${NAME})`, ["keyword", "white", word("function")]],
      [/[rRbBfFuUtT]{0,2}"""/, "string", "@double"],
      [/[rRbBfFuUtT]{0,2}'''/, "string", "@single"],
      [/[rRbBfFuUtT]{0,2}"(?:[^"\\]|\\.)*(?:"|\\?$)/, "string"],
      [/[rRbBfFuUtT]{0,2}'(?:[^'\\]|\\.)*(?:'|\\?$)/, "string"],
      [`${NAME}(?=\\()`, word("function")],
      [NAME, { cases: { "@keywords": "keyword", "@default": "identifier" } }],
      [/(?:0[xob])?\.?\d(?:[eE][-+]|[\w.])*/, "number"],
      [/[{}[\]()]/, "@brackets"],
      [/./, "delimiter"],
    ],
    double: [[/[^"\\]+/, "string"], [/\\./, "string"], [/"""/, "string", "@pop"], [/["\\]/, "string"]],
    single: [[/[^'\\]+/, "string"], [/\\./, "string"], [/'''/, "string", "@pop"], [/['\\]/, "string"]],
  },
};
languages.register({ id: "python", extensions: [".py"], aliases: ["Python", "python3", "ipython"] });
languages.setLanguageConfiguration("python", conf);
languages.setMonarchTokensProvider("python", python);

languages.register({ id: "json", extensions: [".json", ".ipynb"], aliases: ["JSON"] });
languages.setLanguageConfiguration("json", {
  brackets: [["{", "}"], ["[", "]"]],
  autoClosingPairs: [
    { open: "{", close: "}", notIn: ["string"] },
    { open: "[", close: "]", notIn: ["string"] },
    { open: '"', close: '"', notIn: ["string"] },
  ],
});
languages.setMonarchTokensProvider("json", {
  tokenizer: {
    root: [
      [/"(?:[^"\\]|\\.)*"(?=\s*:)/, "type"],
      [/"(?:[^"\\]|\\.)*"?/, "string"],
      [/-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/, "number"],
      [/\b(?:true|false|null)\b/, "keyword"],
      [/[{}[\],:]/, "delimiter"],
    ],
  },
});

const KNOWN = new Set(["html", "javascript", "json", "markdown", "python", "r", "scala", "shell", "sql", "yaml"]);
const SPOKEN: Record<string, string> = {
  ipython: "python", ipython3: "python", python3: "python", py: "python", pyspark: "python",
  ir: "r", js: "javascript", typescript: "javascript", bash: "shell", sh: "shell", yml: "yaml", md: "markdown",
};

/** The language Monaco knows for a kernelspec's word; unknown ones are drawn plain. */
export function languageId(name: string): string {
  const word = name.toLowerCase();
  const id = SPOKEN[word] ?? word;
  return KNOWN.has(id) ? id : "plaintext";
}
