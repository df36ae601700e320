//! Percent scripts out (`# %%`), as Jupytext, Spyder and VS Code read them.

use serde_json::Value;

use super::language;
use crate::{Cell, CellKind, Map, NotebookDoc};

pub fn to_percent(document: &NotebookDoc) -> String {
    let language = language::name(document);
    let comment = language::comment(language);
    let mut out = String::with_capacity(document.source_bytes() + 256);
    header(document, comment, &mut out);
    for (_, cell) in document.cells() {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(comment);
        out.push_str(" %%");
        match cell.kind {
            CellKind::Code => {}
            CellKind::Markdown => out.push_str(" [markdown]"),
            CellKind::Raw => out.push_str(" [raw]"),
        }
        options(&cell.metadata, &mut out);
        out.push('\n');
        body(cell, comment, language, &mut out);
    }
    out
}

/// The kernelspec, so that the script opens with the kernel the notebook had.
fn header(document: &NotebookDoc, comment: &str, out: &mut String) {
    let Some(Value::Object(kernel)) = document.metadata.get("kernelspec") else {
        return;
    };
    let fields: Vec<_> = ["display_name", "language", "name"]
        .into_iter()
        .filter_map(|key| Some((key, kernel.get(key)?.as_str()?)))
        .collect();
    if fields.is_empty() {
        return;
    }
    let mut line = |text: &str| {
        out.push_str(comment);
        out.push(' ');
        out.push_str(text);
        out.push('\n');
    };
    line("---");
    line("jupyter:");
    line("  kernelspec:");
    for (key, value) in fields {
        // A JSON string is a YAML string too, whatever is in it.
        line(&format!("    {key}: {}", Value::String(value.to_owned())));
    }
    line("---");
}

/// Cell metadata behind the mark, `tags=["parameters"]`; what no reader would take there is left out.
fn options(metadata: &Map, out: &mut String) {
    for (key, value) in metadata {
        let plain = key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            && key.starts_with(|c: char| c.is_ascii_alphabetic());
        let shown_elsewhere = matches!(
            key.as_str(),
            "collapsed" | "scrolled" | "trusted" | "autoscroll" | "ExecuteTime" | "execution"
        );
        if plain && !shown_elsewhere {
            out.push(' ');
            out.push_str(key);
            out.push('=');
            out.push_str(&value.to_string());
        }
    }
}

fn body(cell: &Cell, comment: &str, language: &str, out: &mut String) {
    let is_python = matches!(
        language.to_ascii_lowercase().as_str(),
        "" | "python" | "ipython" | "python3"
    );
    let whole_cell = is_python && cell.source.starts_with("%%");
    for line in cell.source.split_terminator('\n') {
        let hidden = match cell.kind {
            CellKind::Code => {
                (is_python && (whole_cell || is_magic(line))) || is_mark(line, comment)
            }
            CellKind::Markdown | CellKind::Raw => true,
        };
        if hidden {
            out.push_str(comment);
            if !line.is_empty() {
                out.push(' ');
            }
        }
        out.push_str(line);
        out.push('\n');
    }
}

/// A line that only IPython understands: as a comment, the script stays a script.
fn is_magic(line: &str) -> bool {
    let line = line.trim_start();
    let command = line.trim_start_matches('#').trim_start();
    (line.starts_with('%') && !line.starts_with("% "))
        || line.starts_with('!')
        || (line.starts_with('#') && (command.starts_with('%') || command.starts_with('!')))
}

/// A line of code that would be read as the beginning of a cell.
fn is_mark(line: &str, comment: &str) -> bool {
    line.trim_start()
        .strip_prefix(comment)
        .is_some_and(|rest| rest.trim_start().starts_with("%%"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{CellId, Order};

    #[test]
    fn a_notebook_becomes_a_script_that_runs() {
        let mut document = NotebookDoc::default();
        document.metadata.insert(
            "kernelspec".into(),
            json!({"name": "python3", "display_name": "Python 3", "language": "python"}),
        );
        let cells = [
            (CellKind::Markdown, "# Title\n\ntext"),
            (
                CellKind::Code,
                "%matplotlib inline\nx = 5 % 3\n# %% not a cell",
            ),
            (CellKind::Code, "%%bash\nls\n"),
            (CellKind::Raw, "raw"),
        ];
        for ((at, (kind, source)), order) in cells.into_iter().enumerate().zip(Order::row(4)) {
            let metadata = if at == 1 {
                json!({"tags": ["parameters"], "collapsed": true})
            } else {
                json!({})
            };
            let cell = Cell {
                kind,
                source: source.into(),
                order,
                metadata: metadata.as_object().cloned().unwrap(),
                attachments: Map::new(),
                extra: Map::new(),
                deleted: false,
            };
            document.put_cell(CellId::from_random(at as u64), cell);
        }
        let expected = r#"# ---
# jupyter:
#   kernelspec:
#     display_name: "Python 3"
#     language: "python"
#     name: "python3"
# ---

# %% [markdown]
# # Title
#
# text

# %% tags=["parameters"]
# %matplotlib inline
x = 5 % 3
# # %% not a cell

# %%
# %%bash
# ls

# %% [raw]
# raw
"#;
        assert_eq!(to_percent(&document), expected);
    }
}
