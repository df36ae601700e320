//! Claims about `.ipynb` files.

use serde_json::{Value, json};

use super::*;
use crate::runs::Output;
use crate::{CellId, CellKind, limits};

fn read(text: &str) -> Imported {
    import(text.as_bytes()).unwrap()
}

fn round(text: &str) -> String {
    let imported = read(text);
    export(&imported.document, &imported.runs)
}

/// A 4.5 notebook of these cells, as nbformat writes it.
fn file(cells: Value) -> String {
    let mut text = String::new();
    crate::formats::json::write(
        &json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
        &mut text,
    );
    text + "\n"
}

fn codes(imported: &Imported) -> Vec<&str> {
    imported
        .notices
        .iter()
        .map(|notice| notice.code.as_str())
        .collect()
}

const WRITTEN_BY_NBFORMAT: &str = include_str!("../../../tests/fixtures/nbformat-4-5.ipynb");

#[test]
fn a_file_of_nbformat_comes_back_byte_for_byte() {
    assert_eq!(round(WRITTEN_BY_NBFORMAT), WRITTEN_BY_NBFORMAT);
    assert!(
        read(WRITTEN_BY_NBFORMAT)
            .notices
            .iter()
            .all(|notice| notice.code == "number.nan")
    );
}

#[test]
fn what_is_no_json_is_named() {
    let named = |bytes: &[u8], name: &str| {
        let error = import(bytes).unwrap_err();
        assert_eq!(error.code(), "notebook.not_json");
        assert!(error.to_string().contains(name), "{error}");
    };
    named(b"", "empty");
    named(b" \n\t", "empty");
    named(b"\xef\xbb\xbf", "empty");
    named(b"hello", "plain text, beginning with `hello`");
    named(b"<!DOCTYPE html><html></html>", "HTML");
    named(b"<?xml version='1.0'?><a/>", "XML");
    named(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "Git LFS",
    );
    named(
        b"{\n<<<<<<< HEAD\n \"cells\": [],\n=======\n \"cells\": [1],\n>>>>>>> theirs\n}",
        "conflict markers",
    );
    named(b"PK\x03\x04", "zip");
    named(b"\xff\xfe{\x00", "UTF-16");
    named(b"{\"a\": \"\xff\"}", "byte 8");
    named(b"{\"cells\": [", "breaks off");
    named(b"{\"cells\": [}", "line 1, column 12");
    named(
        b"{\"nbformat\": 4,\n nbformat: 4}",
        "a key in quotation marks was expected at line 2, column 2",
    );
}

#[test]
fn versions_that_cannot_be_read_are_refused() {
    for version in [
        "5", "99", "-1", "1", "0", "4.5", "\"4\"", "null", "true", "{}",
    ] {
        let error = import(
            format!(
                r#"{{"nbformat": {version}, "nbformat_minor": 0, "metadata": {{}}, "cells": []}}"#
            )
            .as_bytes(),
        )
        .unwrap_err();
        assert_eq!(error.code(), "notebook.version", "{version}");
    }
    assert_eq!(
        import(br#"{"cells": []}"#).unwrap_err().code(),
        "notebook.version"
    );
    for shape in [
        "[]",
        "4",
        r#"{"nbformat": 4}"#,
        r#"{"nbformat": 4, "cells": {}}"#,
        r#"{"nbformat": 4, "cells": [1]}"#,
        r#"{"nbformat": 4, "cells": [{"cell_type": "code", "source": 5}]}"#,
        r#"{"nbformat": 4, "cells": [], "metadata": 1}"#,
    ] {
        assert_eq!(
            import(shape.as_bytes()).unwrap_err().code(),
            "notebook.shape",
            "{shape}"
        );
    }
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let with_mark = [b"\xef\xbb\xbf", WRITTEN_BY_NBFORMAT.as_bytes()].concat();
    assert_eq!(import(&with_mark).unwrap(), read(WRITTEN_BY_NBFORMAT));
}

#[test]
fn odd_numbers_and_broken_characters_are_kept_or_told() {
    let text = file(json!([{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "source": [],
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": {"application/json": {"x": ["@NaN@", "@Infinity@", "@-Infinity@", "@123456789012345678901234567890@"]}}}]}]))
        .replace("\"@", "").replace("@\"", "");
    assert!(text.contains("NaN,\n"));
    assert_eq!(round(&text), text);
    assert_eq!(codes(&read(&text)), ["number.nan"]);
    let lone = file(json!([{"cell_type": "raw", "id": "a", "metadata": {}, "source": ["@@"]}]))
        .replace("@@", "x\\ud800y");
    assert_eq!(codes(&read(&lone)), ["text.surrogate"]);
    assert_eq!(read(&lone).document.cells()[0].1.source, "x\u{fffd}y");
}

#[test]
fn execution_counts_that_are_no_numbers_are_set_right() {
    let cell = |id: &str, count: Value| json!({"cell_type": "code", "execution_count": count, "id": id, "metadata": {}, "outputs": [], "source": []});
    let imported = read(&file(json!([
        cell("a", json!(1.0)),
        cell("b", json!("*")),
        cell("c", json!(-3)),
        cell("d", json!(7)),
        cell("e", Value::Null)
    ])));
    let count = |id: &str| {
        imported
            .runs
            .cells
            .get(&CellId::new(id).unwrap())
            .and_then(|run| run.count)
    };
    assert_eq!(
        ["a", "b", "c", "d", "e"].map(count),
        [Some(1), None, None, Some(7), None]
    );
    assert_eq!(codes(&imported), ["execution_count.repaired"]);
    assert!(
        imported.notices[0].message.contains("cells 1, 2 and 3"),
        "{}",
        imported.notices[0].message
    );
}

#[test]
fn what_nbformat_does_not_name_is_kept_at_every_level() {
    let text = "{\n \"about\": [\n  1\n ],\n \"cells\": [\n  {\n   \"attachments\": {},\n   \"cell_type\": \"code\",\n   \"execution_count\": 2,\n   \"id\": \"a\",\n   \"metadata\": {\n    \"x\": {}\n   },\n   \"outputs\": [\n    {\n     \"lights\": 4,\n     \"output_type\": \"hologram\",\n     \"text\": [\n      \"a\\n\",\n      \"b\"\n     ]\n    },\n    {\n     \"name\": \"stdout\",\n     \"output_type\": \"stream\",\n     \"text\": [\n      \"a\\n\",\n      \"b\"\n     ],\n     \"when\": 5\n    },\n    \"not even an object\"\n   ],\n   \"source\": [],\n   \"theme\": \"dark\"\n  },\n  {\n   \"cell_type\": \"sql\",\n   \"id\": \"b\",\n   \"metadata\": {},\n   \"source\": [\n    \"select 1\"\n   ]\n  }\n ],\n \"metadata\": {\n  \"m\": null\n },\n \"nbformat\": 4,\n \"nbformat_minor\": 5\n}\n";
    assert_eq!(round(text), text);
    let imported = read(text);
    assert_eq!(codes(&imported), ["cell.unknown_type"]);
    let outputs = &imported.runs.cells[&CellId::new("a").unwrap()].outputs;
    assert!(matches!(outputs[1], Output::Unknown(_)));
    assert!(matches!(outputs[1].shown().as_ref(), Output::Stream { text, .. } if text == "a\nb"));
}

#[test]
fn ids_are_repaired_and_the_cells_named() {
    let cell = |id: Value| json!({"cell_type": "raw", "id": id, "metadata": {}, "source": "same"});
    let mut missing = cell(json!("x"));
    missing.as_object_mut().unwrap().remove("id");
    let text = file(json!([
        cell(json!("a")),
        cell(json!("a")),
        cell(json!("not valid!")),
        missing.clone(),
        missing,
        cell(json!("x".repeat(65))),
        cell(json!(5))
    ]));
    let imported = read(&text);
    assert_eq!(imported.document.cells().len(), 7);
    assert_eq!(
        codes(&imported),
        ["cell_id.duplicate", "cell_id.invalid", "cell_id.missing"]
    );
    assert!(
        imported.notices[1].message.contains("cells 3, 6 and 7"),
        "{}",
        imported.notices[1].message
    );
    assert_eq!(imported, read(&text));
    let again = read(&export(&imported.document, &imported.runs));
    assert_eq!(again.document, imported.document);
    assert!(again.notices.is_empty());
}

#[test]
fn an_older_minor_version_stays_what_it_is() {
    let text = file(json!([{"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": ["1"]}])).replace("minor\": 5", "minor\": 2");
    assert_eq!(round(&text), text);
    assert!(read(&text).notices.is_empty());
    let with_id = text.replace(
        "\"metadata\": {},\n   \"outputs",
        "\"id\": \"kept\",\n   \"metadata\": {},\n   \"outputs",
    );
    assert_eq!(round(&with_id), with_id);
    assert_eq!(read(&with_id).document.cells()[0].0.as_str(), "kept");
}

#[test]
fn formats_3_and_2_are_upgraded() {
    let v3 = json!({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old", "x": 1}, "worksheets": [{"cells": [
        {"cell_type": "heading", "level": 2, "source": ["Two", "lines"], "metadata": {}},
        {"cell_type": "code", "language": "python", "collapsed": true, "input": ["a = 1\n", "a"], "prompt_number": 3, "outputs": [
            {"output_type": "pyout", "prompt_number": 3, "text": ["1"], "html": "<b>1</b>"},
            {"output_type": "stream", "stream": "stderr", "text": "oh"},
            {"output_type": "display_data", "png": "AAAA", "json": "{\"k\": [1]}"},
            {"output_type": "pyerr", "ename": "E", "evalue": "v", "traceback": ["t"]}
        ]},
        {"cell_type": "markdown", "source": "text"}
    ]}, {"cells": [{"cell_type": "html", "source": "<p>"}]}]});
    let imported = read(&v3.to_string());
    assert_eq!(codes(&imported), ["version.upgraded"]);
    let cells = imported.document.cells();
    let sources: Vec<_> = cells
        .iter()
        .map(|(_, cell)| (cell.kind, cell.source.as_str()))
        .collect();
    assert_eq!(
        sources,
        [
            (CellKind::Markdown, "## Two lines"),
            (CellKind::Code, "a = 1\na"),
            (CellKind::Markdown, "text"),
            (CellKind::Markdown, "<p>")
        ]
    );
    assert_eq!(cells[1].1.metadata.get("collapsed"), Some(&json!(true)));
    assert_eq!(imported.document.metadata.get("name"), None);
    let run = &imported.runs.cells[cells[1].0];
    assert_eq!(run.count, Some(3));
    let written: Vec<_> = run
        .outputs
        .iter()
        .map(|output| serde_json::to_value(output).unwrap())
        .collect();
    assert_eq!(
        written,
        [
            json!({"output_type": "execute_result", "data": {"text/plain": "1", "text/html": "<b>1</b>"}, "metadata": {}, "execution_count": 3}),
            json!({"output_type": "stream", "name": "stderr", "text": "oh"}),
            json!({"output_type": "display_data", "data": {"image/png": "AAAA", "application/json": {"k": [1]}}, "metadata": {}}),
            json!({"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["t"]}),
        ]
    );
    let v2 = json!({"nbformat": 2, "metadata": {"name": ""}, "worksheets": [{"cells": [{"cell_type": "markdown", "source": "m", "rendered": "<p>m"}, {"cell_type": "code", "input": "1", "outputs": []}]}]});
    assert_eq!(read(&v2.to_string()).document.cells().len(), 2);
}

#[test]
fn line_ends_become_those_of_the_editor() {
    let imported = read(&file(
        json!([{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [], "source": "a\r\nb\rc"}]),
    ));
    assert_eq!(imported.document.cells()[0].1.source, "a\nb\nc");
    assert_eq!(codes(&imported), ["source.line_ends"]);
}

#[test]
fn what_is_too_large_is_refused() {
    let cell = r#"{"cell_type":"raw","metadata":{},"source":""}"#;
    for count in [limits::CELLS + 1, 200_000] {
        let many = format!(
            r#"{{"nbformat":4,"nbformat_minor":5,"metadata":{{}},"cells":[{}]}}"#,
            vec![cell; count].join(",")
        );
        assert_eq!(
            import(many.as_bytes()).unwrap_err().code(),
            "notebook.too_large"
        );
    }
    let long = format!(
        r#"{{"nbformat":4,"nbformat_minor":5,"metadata":{{}},"cells":[{{"cell_type":"raw","metadata":{{}},"source":"{}"}}]}}"#,
        "x".repeat(limits::DOCUMENT_BYTES + 1)
    );
    assert_eq!(
        import(long.as_bytes()).unwrap_err().code(),
        "notebook.too_large"
    );
    assert_eq!(
        import(&vec![b' '; limits::FILE_BYTES + 1])
            .unwrap_err()
            .code(),
        "notebook.too_large"
    );
}

#[test]
fn outputs_of_runs_are_written_without_what_only_the_screen_needs() {
    let mut imported = read(&file(
        json!([{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [], "source": []}]),
    ));
    let data = json!({"text/plain": "a\nb"}).as_object().cloned().unwrap();
    let run = crate::runs::CellRun {
        count: Some(4),
        outputs: vec![Output::DisplayData {
            data,
            metadata: crate::Map::new(),
            display_id: Some("d".into()),
        }],
        ..Default::default()
    };
    imported.runs.cells.insert(CellId::new("a").unwrap(), run);
    let written: Value = serde_json::from_str(&export(&imported.document, &imported.runs)).unwrap();
    assert_eq!(
        written["cells"][0]["outputs"],
        json!([{"output_type": "display_data", "data": {"text/plain": ["a\n", "b"]}, "metadata": {}}])
    );
}

#[test]
fn a_name_that_stands_twice_is_read_as_python_reads_it_and_told() {
    let text = r#"{"cells": [], "metadata": {"a": 1, "a": 2}, "nbformat": 4, "nbformat_minor": 5, "metadata": {"a": 3, "a": 4}}"#;
    let imported = read(text);
    assert_eq!(codes(&imported), ["name.repeated"]);
    assert!(imported.notices[0].message.starts_with("3 names were"));
    assert_eq!(imported.document.metadata.get("a"), Some(&json!(4)));
}

#[test]
fn null_where_a_list_or_an_object_belongs_is_as_good_as_nothing() {
    let imported = read(
        r#"{"cells": [{"cell_type": "code", "id": "a", "source": null, "metadata": null, "outputs": null, "execution_count": null},
            {"cell_type": "code", "id": "b", "source": "x", "metadata": {}, "outputs": [], "execution_count": 1}],
            "metadata": null, "nbformat": 4, "nbformat_minor": 5}"#,
    );
    assert_eq!(imported.document.cells().len(), 2);
    assert_eq!(
        codes(&imported),
        ["metadata.missing", "source.missing", "cell.no_metadata"]
    );
    let error = import(br#"{"cells": [], "metadata": 5, "nbformat": 4, "nbformat_minor": 5}"#);
    assert_eq!(error.unwrap_err().code(), "notebook.shape");
}
