// The languages a notebook is written in, coloured the way the static cells are.
import { languages } from "monaco-editor/editor.js";
import { conf, language } from "monaco-editor/languages/definitions/python/python.js";
import "monaco-editor/languages/definitions/html/register.js";
import "monaco-editor/languages/definitions/javascript/register.js";
import "monaco-editor/languages/definitions/markdown/register.js";
import "monaco-editor/languages/definitions/r/register.js";
import "monaco-editor/languages/definitions/scala/register.js";
import "monaco-editor/languages/definitions/shell/register.js";
import "monaco-editor/languages/definitions/sql/register.js";
import "monaco-editor/languages/definitions/yaml/register.js";

// Python as people write it in notebooks: magics and shell lines are not errors, calls look like calls.
type Rule = languages.IMonarchLanguageRule;
const call: Rule = [
  /[a-zA-Z_]\w*(?=\s*\()/,
  { cases: { "@keywords": "keyword", "@builtins": "type", "@default": "function" } },
];
const isName = (rule: Rule): boolean =>
  Array.isArray(rule) && rule[0] instanceof RegExp && rule[0].test("name") && !rule[0].test("1");
const python = structuredClone(language);
const root: Rule[] = [
  [/^\s*(%%?|!|\?)\s*[\w./-]*.*$/, "annotation"],
  [/(def|class)(\s+)([a-zA-Z_]\w*)/, ["keyword", "white", "function"]],
];
// Names before a bracket are calls; that must be asked before names are taken for anything else.
for (const rule of python.tokenizer["root"] ?? []) root.push(...(isName(rule) ? [call, rule] : [rule]));
python.tokenizer["root"] = root;
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
