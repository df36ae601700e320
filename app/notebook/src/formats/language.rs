//! What is known of a notebook's language: its name, and how it writes a comment.

use serde_json::Value;

use crate::NotebookDoc;

/// `python`, `R`, …; empty where the notebook does not say.
pub(super) fn name(document: &NotebookDoc) -> &str {
    let of = |object: &str, key: &str| {
        document
            .metadata
            .get(object)?
            .get(key)
            .and_then(Value::as_str)
    };
    of("kernelspec", "language")
        .or_else(|| of("language_info", "name"))
        .unwrap_or("")
}

/// What begins a comment line.
pub(super) fn comment(language: &str) -> &'static str {
    match language.to_ascii_lowercase().as_str() {
        "javascript" | "typescript" | "java" | "scala" | "kotlin" | "c" | "c++" | "cpp" | "c#"
        | "csharp" | "f#" | "fsharp" | "go" | "rust" | "groovy" | "php" | "swift" | "dart"
        | "q#" | "qsharp" => "//",
        "sql" | "haskell" | "lua" => "--",
        "matlab" | "erlang" | "prolog" | "logtalk" => "%",
        "clojure" | "scheme" | "racket" | "hy" | "common-lisp" | "emacs-lisp" => ";;",
        "stata" => "//",
        _ => "#",
    }
}
