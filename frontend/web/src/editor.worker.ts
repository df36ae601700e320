// Monaco's worker: word-based help and diffs, off the page's thread. All cells share one.
import "monaco-editor/editor/editor.worker.js";
